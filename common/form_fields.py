"""What forms are made of: fields that say in a sentence what is wrong, and all that is wrong at once.

Each says by `json_schema()` what it takes, for the service's OpenAPI document (common/api/forms.py): what must be
so, where JSON Schema has no words for all of it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from common.errors import FieldErrors, Invalid
from common.orders.allergens import ALLERGENS

_APOSTROPHES_AND_HYPHENS = "'’ʼ-‐‑"
_CENT = Decimal("0.01")
_MAX_FIELDS = 30  # of an object; no form has as many
# Characters that are looked at for each that a text may have: letters with their marks are composed (NFC), and
# no script needs more for one. To put marks in order takes the square of their number.
_MAX_RAW = 4
#: Characters of an e-mail address (RFC 5321).
MAX_EMAIL = 254

#: For a field that must be there.
REQUIRED: dict[str, Any] = {"required": "Missing.", "null": "Missing."}


class StrictSchema(Schema):
    """A JSON object that holds its fields and nothing else. How many it has is looked at before they are."""

    error_messages = {"unknown": "Unknown field.", "type": "Must be an object."}

    @pre_load
    def _has_few_fields(self, data: object, **kwargs: Any) -> Any:
        if isinstance(data, Mapping) and len(data) > _MAX_FIELDS:
            raise ValidationError(f"At most {_MAX_FIELDS} fields.")
        return data


class BoundedList(fields.List[Any]):
    """`least` to `most` of `what`. How many there are is looked at before they are."""

    def __init__(self, inner: fields.Field[Any], least: int, most: int, what: str, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self.least, self.most, self.what = least, most, what

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and not self.least <= len(value) <= self.most:
            raise ValidationError(f"Must be {self.least} to {self.most} {self.what}.")
        return super()._deserialize(value, attr, data, **kwargs)

    def json_schema(self) -> dict[str, Any]:
        return {"minItems": self.least, "maxItems": self.most}


class Allergens(BoundedList):
    """Some of the fourteen, or none of them; `what` names the list for people."""

    default_error_messages = {"invalid": "Must be a list."}

    def __init__(self, what: str, **kwargs: Any) -> None:
        one = fields.Raw(
            error_messages={"null": "Must be a text."},
            validate=validate.OneOf(ALLERGENS, error="Must be one of: {choices}."),
        )
        super().__init__(one, 0, len(ALLERGENS), what, **kwargs)


def is_too_long(text: str, most: int) -> bool:
    """True for a text that has more than `most` characters however it is composed; tells at no cost."""
    return len(text) > _MAX_RAW * most


def fill(form: StrictSchema, body: object, what: str) -> dict[str, Any]:
    """The fields of `body`, a decoded JSON value, checked and converted; `what` names it for people.

    Raises Invalid with all broken fields.
    """
    if not isinstance(body, Mapping):
        raise Invalid.fields([{"field": "", "message": f"{what} must be a JSON object."}])
    try:
        filled: dict[str, Any] = form.load(body)
    except ValidationError as exc:
        raise Invalid.fields(field_errors(exc)) from exc
    return filled


def field_errors(exc: ValidationError) -> FieldErrors:
    """marshmallow's tree of messages as a list: {"field": "items[1].price", "message": …}."""
    return list(_flatten(exc.messages))


class Line(fields.Field[str]):
    """Text on one line: no control characters, no surrounding blanks, `least` to `most` characters (NFC)."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Must be a text.")
        stripped = value.strip()
        if is_too_long(stripped, self.most):
            raise ValidationError(f"Must be {self.least} to {self.most} characters long.")
        line = unicodedata.normalize("NFC", stripped).strip()
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

    def json_schema(self) -> dict[str, Any]:
        """Of the line without the blanks around it."""
        return {"type": "string", "minLength": self.least, "maxLength": self.most, "pattern": r"\S"}


class PersonName(Line):
    """Letters of any script with their marks, spaces, hyphens and apostrophes; at least one letter."""

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> str:
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

    def json_schema(self) -> dict[str, Any]:
        """What it must not have of ASCII. No two dialects of patterns agree on what a letter is."""
        return {**super().json_schema(), "pattern": r"^[^\x00-\x1f!-&(-,./0-9:-@\[-`{-\x7f]+$"}


class WholeNumber(fields.Field[int]):
    """A whole number from `least` to `most`; true, "3" and 3.5 are none. 3.0 is one in JSON."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = least, most

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValidationError("Must be a whole number.")
        is_nan = isinstance(value, Decimal) and value.is_nan()  # cannot be compared
        if is_nan or not self.least <= value <= self.most:
            raise ValidationError(f"Must be {self.least} to {self.most}.")
        if value != int(value):
            raise ValidationError("Must be a whole number.")
        return int(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Flag(fields.Field[bool]):
    """True or false, and nothing that could be taken for it."""

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Money(fields.Field[Decimal]):
    """An amount from `least` to `most` with at most two decimals. Floats (from RPC) are read as written."""

    def __init__(self, least: str, most: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.least, self.most = Decimal(least), Decimal(most)

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValidationError("Must be a number.")
        amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not amount.is_finite() or not self.least <= amount <= self.most:
            raise ValidationError(f"Must be {self.least} to {self.most}.")
        if amount != amount.quantize(_CENT):
            raise ValidationError("At most 2 decimals.")
        return amount.quantize(_CENT)

    def json_schema(self) -> dict[str, Any]:
        """Without "multipleOf": 0.07 is no multiple of 0.01 to whoever counts in binary."""
        return {
            "type": "number",
            "minimum": float(self.least),
            "maximum": float(self.most),
            "description": "At most two decimals.",
        }


class Email(Line):
    """An e-mail address, in small letters. Whether somebody reads it, only a letter could tell."""

    _looks_like_one = validate.Email(error="Must be an e-mail address.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(3, MAX_EMAIL, **kwargs)

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> str:
        address = super()._deserialize(value, attr, data, **kwargs)
        if not isinstance(value, str) or not address.isascii() or '"' in address or " " in address:
            raise ValidationError("Must be an e-mail address.")
        self._looks_like_one(address)
        return address.lower()

    def json_schema(self) -> dict[str, Any]:
        return {**super().json_schema(), "format": "email", "pattern": r"^[^\s@]+@[^\s@]+$"}


def _flatten(messages: Any, path: str = "") -> Iterator[dict[str, str]]:
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
