"""How a webhook stands: whether it is on, by which secrets it signs, how long it has been failing."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.notifications import deliveries
from common.observability import logs
from notifier_service.webhooks import addresses
from notifier_service.webhooks.verdicts import COUNTED_WAITING, reason_to_switch_off

_FIND = text("""
    select url, secret, case when old_secret_ends_at > now() then old_secret end as old_secret,
        switched_off_at is null as is_on, failing_since is not null as is_failing
    from webhooks where id = :id
""")
_SUCCEEDED = text("update webhooks set failures = 0, failing_since = null where id = :id")
_FAILED = text(f"""
    update webhooks set failures = failures + 1, failing_since = coalesce(failing_since, now())
    where id = :id and switched_off_at is null
    returning failures, now() - failing_since as failing_for, (
        select count(*) from (
            select from notification_deliveries
            where channel = '{deliveries.WEBHOOK}' and recipient = :recipient and status = 'waiting'
            limit {COUNTED_WAITING}
        ) waiting
    ) as waiting
""")
_SWITCH_OFF = text("""
    update webhooks set switched_off_at = now(), switched_off_because = :why
    where id = :id and switched_off_at is null
    returning id, url, description, created_by
""")
# What is in hand ends by itself.
_DROP = text(f"""
    update notification_deliveries set status = 'dropped', ended_at = now(), error = :why
    where channel = '{deliveries.WEBHOOK}' and recipient = :recipient and status = 'waiting'
        and (leased_until is null or leased_until <= now())
""")
_HOLD_BACK = text(f"""
    update notification_deliveries set next_attempt_at = now() + make_interval(secs => :seconds)
    where channel = '{deliveries.WEBHOOK}' and recipient = :recipient and status = 'waiting'
        and (leased_until is null or leased_until <= now())
        and next_attempt_at < now() + make_interval(secs => :seconds)
""")
_OWNER = text("select id, email from users where id = :id")


@dataclass(frozen=True)
class Webhook:
    """What sending needs to know of it. `secrets` are those that are good now, the newest first."""

    id: int
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)
    is_on: bool
    is_failing: bool


def find(session: Session, webhook_id: int) -> Webhook | None:
    """The webhook as it is now; None when it was taken away."""
    row = session.execute(_FIND, {"id": webhook_id}).one_or_none()
    if row is None:
        return None
    valid = tuple(bytes(each) for each in (row.secret, row.old_secret) if each is not None)
    return Webhook(webhook_id, row.url, valid, row.is_on, row.is_failing)


def succeeded(session: Session, webhook_id: int) -> None:
    """It took something: nothing is held against it any more."""
    session.execute(_SUCCEEDED, {"id": webhook_id})


def failed(session: Session, webhook_id: int, sends_mail: bool) -> str | None:
    """An attempt failed. Switches it off when that has gone on for long enough, and then gives the reason."""
    row = session.execute(_FAILED, {"id": webhook_id, "recipient": str(webhook_id)}).one_or_none()
    failing_for: timedelta
    if row is None:
        return None
    failures, failing_for, waiting = row
    why = reason_to_switch_off(failures, failing_for, waiting)
    if why is not None:
        give_up(session, webhook_id, why, sends_mail)
    return why


def give_up(session: Session, webhook_id: int, why: str, sends_mail: bool) -> None:
    """Switch it off, with a note to whoever made it."""
    webhook = session.execute(_SWITCH_OFF, {"id": webhook_id, "why": why}).one_or_none()
    if webhook is None:  # another process was first
        return
    drop_waiting(session, webhook_id, "the webhook was switched off")
    logs.event(
        "webhook_switched_off", f"webhook {webhook_id}: {why}", logging.WARNING, webhook_id=webhook_id, why=why
    )
    owner = session.execute(_OWNER, {"id": webhook.created_by}).one_or_none()
    if owner is not None and sends_mail:
        host = addresses.read(webhook.url).host  # what stands behind it may be its receiver's secret
        data = {"webhook_id": webhook_id, "host": host, "description": webhook.description, "why": why}
        deliveries.letter(session, deliveries.WEBHOOK_SWITCHED_OFF, owner.email, user_id=owner.id, data=data)


def drop_waiting(session: Session, webhook_id: int, why: str) -> None:
    """What waits for it is not sent any more, and says so."""
    session.execute(_DROP, {"recipient": str(webhook_id), "why": why})


def hold_back(session: Session, webhook_id: int, seconds: float) -> None:
    """Nothing that waits for it is tried before so many seconds have passed: its receiver has asked for that."""
    session.execute(_HOLD_BACK, {"recipient": str(webhook_id), "seconds": seconds})
