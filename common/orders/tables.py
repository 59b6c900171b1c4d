"""The tables. One metadata for all services, since they share one database; who writes which table stands
in docs/architecture.md. Migrations are in alembic/, and a test holds the two against each other.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import SmallInteger, UserDefinedType

from common.orders import account_tables  # noqa: F401 - of the same metadata
from common.orders.builds import BUILDS
from common.orders.lifecycle import ORDER_TYPES, STATUSES
from common.postgres.base import Base

_NOW = text("now()")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} in ({', '.join(repr(value) for value in values)})"


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id, as text. What it is good for: `pg_visible_in_snapshot(id, snapshot)`."""

    cache_ok = True

    def get_col_spec(self, **kwargs: Any) -> str:
        return "XID8"


class MenuItem(Base):
    """What can be ordered, at the price of now."""

    __tablename__ = "menu_items"
    __table_args__ = (
        CheckConstraint("price between 0.01 and 999.99", name="price"),
        CheckConstraint(_one_of("build", BUILDS), name="build"),
    )

    # The name as it is compared.
    name_key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str]
    price: Mapped[Decimal]
    # How a cocktail is made; food has none.
    build: Mapped[str | None]
    # [{"name", "amount"}, …]
    ingredients: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    allergens: Mapped[list[str]] = mapped_column(ARRAY(Text))
    # Seconds at speed 1; null where the build or the order's type says it.
    prep_seconds: Mapped[int | None]
    available: Mapped[bool] = mapped_column(server_default=text("true"))


class OrderNumber(Base):
    """The last number given out on a day of the house; the row's lock keeps the numbers without gap or double."""

    __tablename__ = "order_numbers"

    day: Mapped[Any] = mapped_column(Date, primary_key=True)
    last: Mapped[int]


class Order(Base):
    """An order as it stands now. Its past is in order_status_log."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(_one_of("status", STATUSES), name="status"),
        CheckConstraint(_one_of("order_type", ORDER_TYPES), name="order_type"),
        # What waits and what is in work: small, however many orders there have been.
        Index(
            "ix_orders_open",
            "order_type",
            "priority",
            "placed_at",
            postgresql_where=text("status in ('received', 'cooking')"),
        ),
        # What the kitchen is done with and screens still show.
        Index(
            "ix_orders_after_cooking",
            "status",
            "updated_at",
            postgresql_where=text(
                "status in ('ready', 'out_for_delivery', 'cancelled', 'failed') and cleared_at is null"
            ),
        ),
        # A day's orders, for the dashboard; costs an insert next to nothing. What is newer than its last summary
        # is read as a whole, so there is one whenever 256 KiB have been filled.
        Index(
            "ix_orders_placed_at",
            "placed_at",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
        ),
        # A customer's own orders, the latest first; guests' are nobody's.
        Index("ix_orders_customer", "customer_id", "id", postgresql_where=text("customer_id is not null")),
        # A guest's, who is nobody's, when somebody asks for what the house holds about them.
        Index(
            "ix_orders_notification_email",
            text("lower(notification_email)"),
            postgresql_where=text("notification_email is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    # Whose order it is; null is a guest's or an operator's.
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    customer_name: Mapped[str]
    # For notifications; never shown to anybody but the customer.
    notification_email: Mapped[str | None]
    # Whether its owner may be asked if they want news: not where too many were named from one network address.
    may_ask: Mapped[bool] = mapped_column(server_default=text("true"))
    order_type: Mapped[str]
    table_number: Mapped[int | None] = mapped_column(SmallInteger)
    delivery_address: Mapped[str | None]
    total_amount: Mapped[Decimal]
    priority: Mapped[int] = mapped_column(SmallInteger)
    # How long the kitchen's simulated work takes at speed 1, in seconds.
    prep_seconds: Mapped[int]
    status: Mapped[str]
    # Counts the status changes from 1; consumers drop what is not newer than what they have seen.
    sequence: Mapped[int]
    # Who has it in hand or had it last: a worker's or a person's name.
    processed_by: Mapped[str | None]
    # Counts the times that somebody took it in hand: only the latest may move it on (a fencing token).
    fence: Mapped[int] = mapped_column(server_default=text("0"))
    # The worker process that cooks it; null when a person does.
    cooking_worker: Mapped[UUID | None]
    # Set when a staffed kitchen took the ticket off the queue.
    accepted_by: Mapped[str | None]
    placed_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    cooking_started_at: Mapped[datetime | None]
    # When cooking is expected to end; for orders that still wait it is worked out when asked.
    estimated_completion: Mapped[datetime | None]
    # When the kitchen's work was done.
    completed_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    # Its ticket failed and comes again then; the sweeper lets it be until it is due.
    retry_at: Mapped[datetime | None]
    # How often its ticket had failed by then.
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    # Another ticket was sent: by the sweeper, or since its priority changed.
    sent_again_at: Mapped[datetime | None]
    # Of the fourteen of EU 1169/2011 (common/orders/allergens.py), what its customer must not eat.
    allergies: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    # What its customer was told when it was placed; a later estimate is late by comparison.
    first_estimate: Mapped[datetime | None]
    # It was sent to the front: its priority of before, and when; null for one that was not.
    front_from: Mapped[int | None] = mapped_column(SmallInteger)
    front_at: Mapped[datetime | None]
    # Somebody has seen that it was cancelled or failed, and taken it off the board.
    cleared_at: Mapped[datetime | None]
    # The transaction that wrote it last, by a trigger; null is long ago. What changed since a snapshot is what the
    # snapshot does not see.
    changed_in: Mapped[str | None] = mapped_column(TransactionId, server_default=text("pg_current_xact_id()"))
    # The step that wrote its status, where that is traced (common/observability/traces.py), for who tells of it.
    traceparent: Mapped[str | None]
    # Makes its tracking link its own, and not that of whatever has its number; null for orders of before.
    link_nonce: Mapped[str | None]


class IdempotencyKey(Base):
    """A request that was answered, so that the same request gets the same answer."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)  # old ones are forgotten

    key: Mapped[str] = mapped_column(primary_key=True)
    # Of the order that the key came with.
    fingerprint: Mapped[str]
    # JSON as text, so that 15.90 stays 15.90; without the tracking link, whose secret is stored nowhere.
    answer: Mapped[Any | None] = mapped_column(JSON)
    created_at: Mapped[datetime]


class OrderItem(Base):
    """What was ordered, at the price of that moment."""

    __tablename__ = "order_items"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    name: Mapped[str]
    quantity: Mapped[int] = mapped_column(SmallInteger)
    price: Mapped[Decimal]
    # The customer's words for the kitchen.
    note: Mapped[str | None]


class OrderStatusLog(Base):
    """Every status an order has had. The key makes a second row for the same step impossible."""

    __tablename__ = "order_status_log"

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]
    reason: Mapped[str | None]


class ArchivedOrder(Base):
    """An order of long ago, as accounting needs it: nothing in it says whose it was. It has left the tables above,
    and stays taken: its number's day is over."""

    __tablename__ = "archived_orders"

    number: Mapped[str] = mapped_column(primary_key=True)
    placed_at: Mapped[datetime]
    order_type: Mapped[str]
    table_number: Mapped[int | None] = mapped_column(SmallInteger)
    status: Mapped[str]
    total_amount: Mapped[Decimal]
    completed_at: Mapped[datetime | None]
    # [{"name", "quantity", "price"}, …]
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    # [{"status", "changed_at"}, …], oldest first
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class Outbox(Base):
    """Messages that were decided but are not confirmed by the broker yet. Inserting wakes the relay."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    exchange: Mapped[str]
    routing_key: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    request_id: Mapped[str]
    traceparent: Mapped[str | None]
    body: Mapped[dict[str, object]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    # What the broker would not take waits until then, and lets the others pass.
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    retry_at: Mapped[datetime | None]


#: A worker counts as online until it says otherwise, or has missed two heartbeats.
IS_ONLINE = """(workers.status = 'online'
    and workers.last_seen > now() - make_interval(secs => 2 * workers.heartbeat_interval))"""

#: Of each worker so many are remembered.
MAX_HEARTBEATS = 12


class Worker(Base):
    """A kitchen worker under its unique name."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    # The process that has the name now; a process that lost it finds another's here.
    instance: Mapped[UUID]
    order_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    status: Mapped[str]
    # Seconds between its heartbeats; twice that without one means offline.
    heartbeat_interval: Mapped[float]
    registered_at: Mapped[datetime]
    last_seen: Mapped[datetime]
    # The latest, newest first; the first of a process is that it registered.
    heartbeats: Mapped[list[datetime]] = mapped_column(
        ARRAY(TIMESTAMP(timezone=True)), server_default=text("'{}'")
    )
    orders_processed: Mapped[int] = mapped_column(server_default=text("0"))
    cooking_speed: Mapped[float]
