"""What a webhook may look like when an admin makes or changes it."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from common.form_fields import REQUIRED, BoundedList, Flag, Line, StrictSchema, WholeNumber, fill
from common.orders.events import ORDER_STATUS_CHANGED
from common.orders.lifecycle import ORDER_TYPES, STATUSES
from notifier_service.webhooks import addresses

_MAX_DESCRIPTION = 200  # characters
_MAX_OVERLAP = 7 * 24 * 3600  # seconds that an old secret may go on beside the new one
_DEFAULT_OVERLAP = 24 * 3600


def new(body: object) -> dict[str, Any]:
    """A webhook's `url`, `description` and `events`. Raises Invalid."""
    return {"description": None, "events": {ORDER_STATUS_CHANGED: {}}, **fill(NEW, body, "A webhook")}


def changes(body: object) -> dict[str, Any]:
    """The fields that are to change. Raises Invalid."""
    return fill(CHANGES, body, "A change")


def overlap(body: object) -> int:
    """Seconds for which the old secret goes on. Raises Invalid."""
    rotation = fill(ROTATION, {} if body is None else body, "A rotation")
    return int(rotation.get("old_secret_seconds", _DEFAULT_OVERLAP))


class _Url(Line):
    """Where a webhook leads to, as far as no setting has a say in it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, addresses.MAX_URL, **kwargs)

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> str:
        url = super()._deserialize(value, attr, data, **kwargs)
        try:
            addresses.read(url)
        except addresses.NotAllowed as exc:
            raise ValidationError(str(exc)) from exc
        return url


class _Some(BoundedList):
    """At least one of `choices`, each once."""

    def __init__(self, choices: tuple[str, ...], what: str) -> None:
        one = fields.Raw(
            error_messages={"null": "Must be a text."},
            validate=validate.OneOf(choices, error="Must be one of: {choices}."),
        )
        super().__init__(
            one, 1, len(choices), what, error_messages={"null": "Must be a list.", "invalid": "Must be a list."}
        )

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: Any) -> list[Any]:
        return sorted(set(super()._deserialize(value, attr, data, **kwargs)))


class _WhichChanges(StrictSchema):
    """Of changes of status those to one of these, of orders of one of these types; what is left out excludes
    none."""

    new_statuses = _Some(STATUSES, "statuses")
    order_types = _Some(ORDER_TYPES, "types")


class _Events(StrictSchema):
    """Which events are sent, each with what narrows it down."""

    order_status_changed = fields.Nested(_WhichChanges, error_messages={"null": "Must be an object."})

    @validates_schema
    def _are_some(self, events: Mapping[str, Any], **kwargs: Any) -> None:
        if not events:
            raise ValidationError(f"Must name an event: {ORDER_STATUS_CHANGED}.")


class _NewForm(StrictSchema):
    url = _Url(required=True, error_messages=REQUIRED)
    description = Line(1, _MAX_DESCRIPTION, allow_none=True)
    events = fields.Nested(_Events, error_messages=REQUIRED)


class _ChangesForm(StrictSchema):
    url = _Url(error_messages=REQUIRED)
    description = Line(1, _MAX_DESCRIPTION, allow_none=True)
    events = fields.Nested(_Events, error_messages=REQUIRED)
    enabled = Flag(error_messages=REQUIRED)
    # By hand, before its time; there is nothing else that could be written there.
    old_secret_ends_at = fields.Raw(
        allow_none=True, validate=validate.OneOf([None], error="Must be null: the old secret ends now.")
    )


class _RotationForm(StrictSchema):
    old_secret_seconds = WholeNumber(0, _MAX_OVERLAP, error_messages=REQUIRED)


NEW = _NewForm()
CHANGES = _ChangesForm()
ROTATION = _RotationForm()
