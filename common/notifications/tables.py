"""The tables of what is sent, and to whom. See common/orders/tables.py."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from common.postgres.base import Base

_NOW = text("now()")


class NotificationDelivery(Base):
    """One thing that is sent to one receiver by one channel, and how it ended."""

    __tablename__ = "notification_deliveries"
    __table_args__ = (
        CheckConstraint("status in ('waiting', 'sent', 'failed', 'dropped')", name="status"),
        # An event that comes twice, or to two processes, makes one delivery.
        UniqueConstraint("event_id", "channel", "recipient"),
        # What is due, receiver by receiver: small, however much has been sent.
        Index(
            "ix_notification_deliveries_waiting",
            "channel",
            "recipient",
            "next_attempt_at",
            postgresql_where=text("status = 'waiting'"),
        ),
        Index(
            "ix_notification_deliveries_in_hand",
            "channel",
            "recipient",
            postgresql_where=text("leased_until is not null"),
        ),
        Index("ix_notification_deliveries_order", "order_number", "id"),
        Index("ix_notification_deliveries_recipient", "recipient", "id"),
        # Whose data it is.
        Index("ix_notification_deliveries_user", "user_id", postgresql_where=text("user_id is not null")),
        # What somebody may have to look after; few.
        Index("ix_notification_deliveries_failed", "id", postgresql_where=text("status = 'failed'")),
        # Old ones are forgotten.
        Index("ix_notification_deliveries_ended", "ended_at", postgresql_where=text("ended_at is not null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # The event that is told, or one of its own for a letter.
    event_id: Mapped[UUID]
    channel: Mapped[str]
    kind: Mapped[str]
    # An e-mail address, in small letters, or a webhook's id.
    recipient: Mapped[str]
    order_number: Mapped[str | None]
    # Whose letter it is, where it is about an account.
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    # What it is rendered from; no secret: links are made when it is sent.
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    # The trace that it belongs to (W3C).
    traceparent: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=text("'waiting'"))
    # How often it was begun; the number of an attempt is its fence.
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    # How often it had been begun when somebody last had it sent again: pauses are counted from there.
    attempts_before: Mapped[int] = mapped_column(server_default=text("0"))
    # How often somebody had it sent again by hand.
    sent_again: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    # Who has it in hand has it until then; after that, another sends it.
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_at: Mapped[datetime | None]
    # Why the last attempt failed; our words, with nothing personal.
    error: Mapped[str | None]


class MailAddress(Base):
    """An e-mail address that an order named, and what its owner wants to get."""

    __tablename__ = "mail_addresses"
    __table_args__ = (CheckConstraint("wants in ('every_step', 'ready', 'nothing')", name="wants"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # In small letters, as accounts have it.
    address: Mapped[str] = mapped_column(unique=True)
    wants: Mapped[str] = mapped_column(server_default=text("'ready'"))
    # When its owner followed a link that was sent there; null gets no news.
    confirmed_at: Mapped[datetime | None]
    # When it was last asked.
    asked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Webhook(Base):
    """A receiver of events that an admin has set up, and how it stands."""

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # Its path may be its receiver's secret: shown to admins, in no log line.
    url: Mapped[str]
    description: Mapped[str | None]
    # By event, what narrows it down: {"order_status_changed": {"new_statuses": […], "order_types": […]}}.
    events: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # As they are, since whoever can read this table can write deliveries, too. Shown once, when they are made.
    secret: Mapped[bytes]
    old_secret: Mapped[bytes | None]
    old_secret_ends_at: Mapped[datetime | None]
    # Who gets a letter when it is switched off; null is an operator.
    created_by: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    # Attempts in a row that failed, and when the first of them was.
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failing_since: Mapped[datetime | None]
    switched_off_at: Mapped[datetime | None]
    switched_off_because: Mapped[str | None]
