"""Deliveries, as whoever wants something sent knows them. notifier_service sends what stands in their table."""

import uuid
from collections.abc import Mapping
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import insert

from common.notifications.tables import NotificationDelivery

EMAIL = "email"
WEBHOOK = "webhook"

#: What may be sent, besides changes of an order's status. By webhooks alone:
TEST = "test"
#: Letters, by e-mail alone:
CONFIRM_ADDRESS = "confirm_address"
REGISTER = "register"
PASSWORD_RESET = "password_reset"  # noqa: S105  (a letter's name)
ADDRESS_CHANGE = "address_change"
ADDRESS_CHANGED = "address_changed"
PASSWORD_CHANGED = "password_changed"  # noqa: S105
WEBHOOK_SWITCHED_OFF = "webhook_switched_off"


def letter(
    session: Session,
    kind: str,
    recipient: str,
    *,
    user_id: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Have a letter sent to the address `recipient` when the transaction of `session` is committed, and never if
    it is not. `user_id` is whose account it is about; `data` is what its text needs, without a secret: the
    notifier makes links when it sends. To be called only where letters can be sent (`PageSettings.sends_mail`)."""
    written = insert(NotificationDelivery).values(
        event_id=uuid.uuid4(),
        channel=EMAIL,
        kind=kind,
        recipient=recipient,
        user_id=user_id,
        data=dict(data or {}),
    )
    session.execute(written)
