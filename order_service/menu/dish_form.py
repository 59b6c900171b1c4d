"""What a dish may look like when staff put it on the menu."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from common.form_fields import (
    REQUIRED,
    Allergens,
    BoundedList,
    Flag,
    Line,
    Money,
    StrictSchema,
    WholeNumber,
    fill,
)
from common.orders.builds import BUILDS
from order_service.name_keys import name_key

_MAX_PREP_SECONDS = 3600  # seconds
MAX_NAME = 50  # characters


def new_dish(body: object) -> dict[str, Any]:
    """All fields of a dish, with nothing left to check. Raises Invalid."""
    return {**_ABSENT, **fill(NEW_DISH, body, "A dish")}


def changes(body: object) -> dict[str, Any]:
    """The fields that are to change. Raises Invalid."""
    return fill(CHANGES, body, "A change")


class _Name(Line):
    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if "/" in name or name in (".", ".."):  # it is a part of the dish's address
            raise ValidationError("Must not contain a slash, and not be one or two dots.")
        if not name_key(name):
            raise ValidationError("Needs a character that can be seen.")
        return name

    def json_schema(self) -> dict[str, Any]:
        return {**super().json_schema(), "pattern": r"^[^/]*[^/\s][^/]*$"}


class _IngredientSchema(StrictSchema):
    name = Line(1, 50, required=True, error_messages=REQUIRED)
    amount = Line(1, 30, required=True, error_messages=REQUIRED)


class _ChangesSchema(StrictSchema):
    name = _Name(1, MAX_NAME, error_messages=REQUIRED)
    category = Line(1, 30, error_messages=REQUIRED)
    price = Money("0.01", "999.99", error_messages=REQUIRED)
    build = fields.Raw(allow_none=True, validate=validate.OneOf(BUILDS, error="Must be one of: {choices}."))
    ingredients = BoundedList(
        fields.Nested(_IngredientSchema),
        0,
        30,
        "ingredients",
        error_messages={**REQUIRED, "invalid": "Must be a list."},
    )
    allergens = Allergens("allergens", error_messages=REQUIRED)
    prep_seconds = WholeNumber(1, _MAX_PREP_SECONDS, allow_none=True)
    available = Flag(error_messages=REQUIRED)


class _NewForm(_ChangesSchema):
    name = _Name(1, MAX_NAME, required=True, error_messages=REQUIRED)
    category = Line(1, 30, required=True, error_messages=REQUIRED)
    price = Money("0.01", "999.99", required=True, error_messages=REQUIRED)


_ABSENT: dict[str, Any] = {
    "build": None,
    "ingredients": [],
    "allergens": [],
    "prep_seconds": None,
    "available": True,
}
NEW_DISH = _NewForm()
CHANGES = _ChangesSchema()
