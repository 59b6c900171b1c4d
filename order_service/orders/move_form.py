"""What is sent along when an order is moved on: nothing, or why."""

from typing import Any

from marshmallow import ValidationError, fields

from common.form_fields import Flag, StrictSchema, fill

_MAX_REASON = 500  # characters


def reason(body: object) -> str | None:
    """Why, of nothing or {"reason": "…"}. Raises Invalid."""
    said: str | None = _filled(REASON, body).get("reason")
    return said


def undo(body: object) -> bool:
    """Whether it is to be undone, of nothing or {"undo": true}. Raises Invalid."""
    return bool(_filled(UNDO, body).get("undo", False))


def _filled(form: StrictSchema, body: object) -> dict[str, Any]:
    return {} if body is None else fill(form, body, "What is sent along")


class _Text(fields.Field[str]):
    """Text on one line, kept as it was typed."""

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> str:
        if not isinstance(value, str) or not value.isprintable():
            raise ValidationError("Must be a text on one line.")
        if not 1 <= len(value) <= _MAX_REASON:
            raise ValidationError(f"Must be 1 to {_MAX_REASON} characters long.")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": _MAX_REASON, "pattern": r"^[^\n\r\t]*$"}


class _ReasonSchema(StrictSchema):
    reason = _Text(error_messages={"null": "Must be a text on one line."})


class _UndoSchema(StrictSchema):
    undo = Flag(error_messages={"null": "Must be true or false."})


REASON = _ReasonSchema()
UNDO = _UndoSchema()
