"""What an order may look like when it arrives. Every broken field is named at once."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from common.errors import Invalid
from common.lifecycle import DELIVERY, DINE_IN, ORDER_TYPES
from order_service.orders import plain_form

_APOSTROPHES_AND_HYPHENS = "'’ʼ-‐‑"
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Item:
    """A line of an order; `price` is of one piece."""

    name: str
    quantity: int
    price: Decimal


@dataclass(frozen=True)
class OrderForm:
    """An order as its customer wants it, with nothing left to check."""

    customer_name: str
    order_type: str
    items: tuple[Item, ...]
    table_number: int | None
    delivery_address: str | None


def read(body: Any, open_items: bool = True) -> OrderForm:
    """The order that `body`, a decoded JSON value, describes.

    Raises Invalid with all broken fields. `open_items` False refuses items that are not on the menu, and no
    item is: the menu's place is here.
    """
    if not isinstance(body, Mapping):
        raise Invalid.fields([{"field": "", "message": "An order is a JSON object."}])
    try:
        order = plain_form.read(body) or _SCHEMA.load(body)
    except ValidationError as exc:
        raise Invalid.fields(list(_flatten(exc.messages))) from exc
    items = tuple(Item(**item) for item in order["items"])
    if not open_items:
        raise Invalid.fields(
            [{"field": f"items[{position}].name", "message": "Not on the menu."} for position in range(len(items))]
        )
    return OrderForm(
        customer_name=order["customer_name"],
        order_type=order["order_type"],
        items=items,
        table_number=order.get("table_number"),
        delivery_address=order.get("delivery_address"),
    )


class Line(fields.Field[str]):
    """Text on one line: no control characters, no surrounding blanks, `least` to `most` characters (NFC)."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Not a text.")
        line = unicodedata.normalize("NFC", value).strip()
        if not line:
            raise ValidationError("Must not be blank.")
        # Cc control, Cs half a character, Cn none at all, Zl and Zp line breaks; Cf holds invisible marks,
        # of which two are needed to write some scripts.
        if any(
            unicodedata.category(char) in ("Cc", "Cs", "Cn", "Co", "Zl", "Zp")
            or (unicodedata.category(char) == "Cf" and char not in "\u200c\u200d")
            for char in line
        ):
            raise ValidationError("Contains characters that cannot be shown.")
        if not self.least <= len(line) <= self.most:
            raise ValidationError(f"Must be {self.least} to {self.most} characters long.")
        return line


class PersonName(Line):
    """Letters of any script with their marks, spaces, hyphens and apostrophes; at least one letter."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        letters = [unicodedata.category(char)[0] == "L" for char in name]
        if not any(letters) or not all(
            is_letter
            or char == " "
            or char in _APOSTROPHES_AND_HYPHENS
            or char in "\u200c\u200d"
            or unicodedata.category(char)[0] == "M"
            for is_letter, char in zip(letters, name, strict=True)
        ):
            raise ValidationError("Only letters, spaces, hyphens and apostrophes.")
        return name


class Whole(fields.Field[int]):
    """A whole number from `least` to `most`; true, "3" and 3.5 are none. 3.0 is one in JSON."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValidationError("Not a whole number.")
        is_nan = isinstance(value, Decimal) and value.is_nan()  # cannot be compared
        if is_nan or not self.least <= value <= self.most:
            raise ValidationError(f"Must be {self.least} to {self.most}.")
        if value != int(value):
            raise ValidationError("Not a whole number.")
        return int(value)


class Money(fields.Field[Decimal]):
    """An amount from `least` to `most` with at most two decimals. Floats (from RPC) are read as written."""

    def __init__(self, least: str, most: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = Decimal(least), Decimal(most)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValidationError("Not a number.")
        amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not amount.is_finite() or not self.least <= amount <= self.most:
            raise ValidationError(f"Must be {self.least} to {self.most}.")
        if amount != amount.quantize(_CENT):
            raise ValidationError("At most 2 decimals.")
        return amount.quantize(_CENT)


_REQUIRED: dict[str, Any] = {"required": "Missing.", "null": "Missing."}


class _ItemSchema(Schema):
    error_messages = {"unknown": "Unknown field.", "type": "Not an object."}

    name = Line(1, 50, required=True, error_messages=_REQUIRED)
    quantity = Whole(1, 10, required=True, error_messages=_REQUIRED)
    price = Money("0.01", "999.99", required=True, error_messages=_REQUIRED)


class _OrderSchema(Schema):
    error_messages = {"unknown": "Unknown field.", "type": "Not an object."}

    customer_name = PersonName(1, 100, required=True, error_messages=_REQUIRED)
    order_type = fields.Raw(
        required=True,
        error_messages=_REQUIRED,
        validate=validate.OneOf(ORDER_TYPES, error="Must be one of: {choices}."),
    )
    items = fields.List(
        fields.Nested(_ItemSchema),
        required=True,
        error_messages={**_REQUIRED, "invalid": "Not a list."},
        validate=validate.Length(1, 20, error="1 to 20 items."),
    )
    table_number = Whole(1, 100, allow_none=True)
    delivery_address = Line(10, 500, allow_none=True)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _where_it_goes(self, data: Any, original: Any, **kwargs: Any) -> None:
        """dine_in goes to a table, delivery to an address, takeout to neither."""
        order_type = data.get("order_type")
        if order_type is None:
            return
        errors = {}
        for field, wanted_by in (("table_number", DINE_IN), ("delivery_address", DELIVERY)):
            given = original.get(field) is not None
            if order_type == wanted_by and not given:
                errors[field] = [f"Required for {wanted_by}."]
            elif order_type != wanted_by and given:
                errors[field] = [f"Not for {order_type}."]
        if errors:
            raise ValidationError(errors)


_SCHEMA = _OrderSchema()


def _flatten(messages: Any, path: str = "") -> Iterator[dict[str, str]]:
    """marshmallow's tree of messages as a list: {"field": "items[1].price", "message": …}."""
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            yield from _flatten(below, _join(path, key))
    else:
        for message in dict.fromkeys(messages):
            yield {"field": path, "message": message}


def _join(path: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key == "_schema":
        return path
    shown = re.sub(r"[^\w.-]", "?", key)[:50]  # a field name from outside goes into answers and logs
    return f"{path}.{shown}" if path else shown
