"""What an order may look like when it arrives. Every broken field is named at once.

What its form says by itself is read first; what the menu says of its items is settled after that, so that an order
that is sent again with its idempotency key is known again whatever the menu says by then.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson
from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from common.errors import FieldErrors, Invalid, PriceChanged, SoldOut
from common.form_fields import (
    REQUIRED,
    Allergens,
    BoundedList,
    Email,
    Line,
    Money,
    PersonName,
    StrictSchema,
    WholeNumber,
    field_errors,
)
from common.orders import allergens
from common.orders.lifecycle import DELIVERY, DINE_IN, ORDER_TYPES, TAKEOUT
from order_service.menu.catalogue import Catalogue
from order_service.orders import plain_order

#: Where an order goes, by the type that needs to know it; no other type takes it.
PLACES = {"table_number": DINE_IN, "delivery_address": DELIVERY}
MAX_NOTE = 140  # characters: what a cook reads at a glance, and a narrow ticket has room for

_PRICE = Money("0.01", "999.99", error_messages=REQUIRED)  # of one piece; the menu's, where there is none


@dataclass(frozen=True)
class Item:
    """A line of an order; `price` is of one piece. `prep_seconds` is what the menu says of it, if anything, `note`
    what the customer says of it to the kitchen."""

    name: str
    quantity: int
    price: Decimal
    prep_seconds: int | None = None
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OrderRequest:
    """An order as its customer wants it, with nothing left to check. `allergies` are some of the fourteen, in
    their order (common/orders/allergens.py)."""

    customer_name: str
    order_type: str
    items: tuple[Item, ...]
    table_number: int | None
    delivery_address: str | None
    notification_email: str | None = None
    allergies: tuple[str, ...] = field(default=(), repr=False)


class Draft:
    """An order's form as far as it can be read without the menu. Who is signed in need not give a name, and may
    order by `recipe`. Raises Invalid for what is no form at all."""

    def __init__(self, body: object, signed_in_as: str | None = None) -> None:
        if not isinstance(body, Mapping):
            raise Invalid.fields([{"field": "", "message": "An order must be a JSON object."}])
        self.is_by_recipe = "recipe" in body
        self._wanted = _spelled_out(body) if self.is_by_recipe else dict(body)
        self._order: dict[str, Any] = {}
        self._errors: FieldErrors = []
        # A user's name keeps the rules of user names.
        is_named = signed_in_as is None or "customer_name" in self._wanted
        try:
            self._order = plain_order.read(self._wanted) or ORDER.load(
                self._wanted, partial=() if is_named else ("customer_name",)
            )
            self._order.setdefault("customer_name", signed_in_as)
        except ValidationError as exc:
            self._errors = field_errors(exc)
        if self.is_by_recipe and "items" in body:
            self._errors = [*self._errors, {"field": "recipe", "message": "Send a recipe or items, not both."}]

    @property
    def order_type(self) -> str | None:
        """If it says one that there is."""
        return self._order.get("order_type")

    def fingerprint(self) -> str | None:
        """Equal for bodies that mean the same order, however they are written; None for what is none.

        What is not said leaves no trace in it, so that a field that is new changes no fingerprint that is stored.
        """
        if self._errors:
            return None
        said = {name: value for name, value in self._order.items() if value is not None}
        plain = orjson.dumps(said, default=str, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(plain).hexdigest()

    def priced(self, menu: Catalogue, open_items: bool) -> OrderRequest:
        """The order at the menu's prices. `open_items` False refuses items that are not on it.

        Raises Invalid (SoldOut, PriceChanged) with all that is wrong.
        """
        refused = {error["field"] for error in self._errors}
        sold_out, changed, other = (
            [error for error in errors if error["field"] not in refused]
            for errors in self._compared(menu, open_items and not self.is_by_recipe, refused)
        )
        if errors := self._in_customers_words([*self._errors, *other, *sold_out, *changed]):
            refusal = SoldOut if sold_out else PriceChanged if changed else Invalid
            raise refusal.fields(errors)
        return OrderRequest(
            customer_name=self._order["customer_name"],
            order_type=self._order["order_type"],
            items=tuple(_priced(item, menu) for item in self._order["items"]),
            table_number=self._order.get("table_number"),
            delivery_address=self._order.get("delivery_address"),
            notification_email=self._order.get("notification_email"),
            allergies=tuple(self._order.get("allergies", ())),
        )

    def _compared(self, menu: Catalogue, open_items: bool, refused: set[str]) -> tuple[list[dict[str, str]], ...]:
        """What is sold out, what costs something else, and what is not on the menu though it must be. Names that
        were refused are not asked for."""
        sold_out, changed, other = [], [], []
        items = self._wanted.get("items") if not {"", "items"} & refused else []
        for position, item in enumerate(items if isinstance(items, list) else []):
            at = f"items[{position}]"
            if {at, f"{at}.name"} & refused or not isinstance(item, Mapping):
                continue
            dish = menu.find(item["name"])
            if dish is None and not open_items:
                other.append({"field": f"{at}.name", "message": "Not on the menu."})
            elif dish is None and "price" not in item:
                other.append({"field": f"{at}.price", "message": "Missing."})
            elif dish is not None and not dish.available:
                sold_out.append({"field": f"{at}.name", "message": "Sold out."})
            elif dish is not None and "price" in item and _cents(item["price"]) not in (None, dish.price):
                changed.append({"field": f"{at}.price", "message": f"Costs {dish.price} now."})
        return sold_out, changed, other

    def _in_customers_words(self, errors: FieldErrors) -> FieldErrors:
        """By the names that the customer used."""
        if not self.is_by_recipe:
            return errors
        of_recipe = {
            "items[0].name": "recipe",
            "items[0].quantity": "quantity",
            "items[0].price": "recipe",
            "items[0].note": "note",
        }
        return [{**error, "field": of_recipe.get(error["field"], error["field"])} for error in errors]


def _spelled_out(body: Mapping[str, Any]) -> dict[str, Any]:
    """What {"recipe": "Margarita"} is short for: one of it, to take away unless it says where it goes."""
    order = {name: value for name, value in body.items() if name not in ("recipe", "quantity", "note", "items")}
    order["items"] = [{"name": body["recipe"], "quantity": body.get("quantity", 1), "note": body.get("note")}]
    implied = TAKEOUT
    if body.get("table_number") is not None:
        implied = DINE_IN
    elif body.get("delivery_address") is not None:
        implied = DELIVERY
    order.setdefault("order_type", implied)
    return order


def _priced(item: dict[str, Any], menu: Catalogue) -> Item:
    dish = menu.find(item["name"])
    if dish is None:
        return Item(**item)
    return Item(dish.name, item["quantity"], dish.price, dish.prep_seconds, item.get("note"))


def _cents(price: Any) -> Decimal | None:
    """A price that was sent, if it is one; what is none, the form has refused by itself."""
    try:
        amount: Decimal = _PRICE.deserialize(price)
    except ValidationError:
        return None
    return amount


class _Note(Line):
    """What the customer says to the kitchen; None for nothing but blanks."""

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> Any:
        if isinstance(value, str) and not value.strip():
            return None
        return super()._deserialize(value, attr, data, **kwargs)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.most}


class ItemSchema(StrictSchema):
    name = Line(1, 50, required=True, error_messages=REQUIRED)
    quantity = WholeNumber(1, 10, required=True, error_messages=REQUIRED)
    price = _PRICE
    note = _Note(1, MAX_NOTE, allow_none=True)

    @post_load
    def _says_what_there_is(self, item: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """No note is none, however that is said."""
        if item.get("note") is None:
            item.pop("note", None)
        return item


class OrderSchema(StrictSchema):
    customer_name = PersonName(1, 100, required=True, error_messages=REQUIRED)
    order_type = fields.Raw(
        required=True,
        error_messages=REQUIRED,
        validate=validate.OneOf(ORDER_TYPES, error="Must be one of: {choices}."),
    )
    items = BoundedList(
        fields.Nested(ItemSchema, error_messages={"null": "Must be an object."}),
        1,
        20,
        "items",
        required=True,
        error_messages={**REQUIRED, "invalid": "Must be a list."},
    )
    table_number = WholeNumber(1, 100, allow_none=True)
    delivery_address = Line(10, 500, allow_none=True)
    notification_email = Email(allow_none=True)
    allergies = Allergens("allergies", allow_none=True)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _where_it_goes(self, data: Any, original: Any, **kwargs: Any) -> None:
        """dine_in goes to a table, delivery to an address, takeout to neither."""
        order_type = data.get("order_type")
        if order_type is None:
            return
        errors = {}
        for place, wanted_by in PLACES.items():
            given = original.get(place) is not None
            if order_type == wanted_by and not given:
                errors[place] = [f"Required for {wanted_by}."]
            elif order_type != wanted_by and given:
                errors[place] = [f"Not for {order_type}."]
        if errors:
            raise ValidationError(errors)

    @post_load
    def _says_what_there_is(self, order: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """No allergies are none, however that is said; of several each counts once, in whatever order."""
        named = order.pop("allergies", None)
        if named:
            order["allergies"] = allergens.in_order(named)
        return order


ORDER = OrderSchema()
ITEM = ItemSchema()
