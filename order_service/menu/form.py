"""What a dish may look like when staff put it on the menu."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from common.builds import BUILDS
from order_service.forms import REQUIRED, Form, Line, Money, Several, Whole, fill
from order_service.looks import look

#: The fourteen that must be declared (Regulation (EU) No 1169/2011, annex II).
ALLERGENS = (
    "celery",
    "crustaceans",
    "eggs",
    "fish",
    "gluten",
    "lupin",
    "milk",
    "molluscs",
    "mustard",
    "nuts",
    "peanuts",
    "sesame",
    "soybeans",
    "sulphites",
)

_LONGEST_PREPARATION = 3600  # seconds
LONGEST_NAME = 50  # characters


def new_dish(body: Any) -> dict[str, Any]:
    """All fields of a dish, with nothing left to check. Raises Invalid."""
    return {**_ABSENT, **fill(_NEW, body, "A dish")}


def changes(body: Any) -> dict[str, Any]:
    """The fields that are to change. Raises Invalid."""
    return fill(_CHANGES, body, "A change")


class _Name(Line):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if "/" in name or name in (".", ".."):  # it is a part of the dish's address
            raise ValidationError("Must not contain a slash, or be dots.")
        if not look(name):
            raise ValidationError("Cannot be seen.")
        return name


class _Flag(fields.Field[bool]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class _IngredientForm(Form):
    name = Line(1, 50, required=True, error_messages=REQUIRED)
    amount = Line(1, 30, required=True, error_messages=REQUIRED)


class _ChangesForm(Form):
    name = _Name(1, LONGEST_NAME, error_messages=REQUIRED)
    category = Line(1, 30, error_messages=REQUIRED)
    price = Money("0.01", "999.99", error_messages=REQUIRED)
    build = fields.Raw(allow_none=True, validate=validate.OneOf(BUILDS, error="Must be one of: {choices}."))
    ingredients = Several(
        fields.Nested(_IngredientForm),
        0,
        30,
        "ingredients",
        error_messages={**REQUIRED, "invalid": "Not a list."},
    )
    allergens = Several(
        fields.Raw(validate=validate.OneOf(ALLERGENS, error="Must be one of: {choices}.")),
        0,
        len(ALLERGENS),
        "allergens",
        error_messages={**REQUIRED, "invalid": "Not a list."},
    )
    prep_seconds = Whole(1, _LONGEST_PREPARATION, allow_none=True)
    available = _Flag(error_messages=REQUIRED)


class _NewForm(_ChangesForm):
    name = _Name(1, LONGEST_NAME, required=True, error_messages=REQUIRED)
    category = Line(1, 30, required=True, error_messages=REQUIRED)
    price = Money("0.01", "999.99", required=True, error_messages=REQUIRED)


_ABSENT: dict[str, Any] = {
    "build": None,
    "ingredients": [],
    "allergens": [],
    "prep_seconds": None,
    "available": True,
}
_NEW = _NewForm()
_CHANGES = _ChangesForm()
