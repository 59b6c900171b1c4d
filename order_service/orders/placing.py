"""Placing orders: number, order, items, log row, outbox row and idempotency key in one statement, so in one
transaction.

The statement is place.sql.

An order whose idempotency key was used before gets no number and leaves nothing; nor does the second of two in one
array. A key that another process commits while the statement runs cannot be seen by it: then the statement fails
on that key, and group commit tries its array again in halves, which see it.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg2.errors
from nameko_sqlalchemy.database import Session
from prometheus_client import Counter
from sqlalchemy import text

from common import codec
from common.observability import logs, traces
from common.orders import events, messages
from common.orders.lifecycle import ORDER_TYPES, RECEIVED
from common.pages.settings import PageSettings
from common.postgres.breaker import Breaker
from common.postgres.group_commit import GroupCommit
from common.postgres.statements import statement
from order_service.orders import preparation, pricing
from order_service.orders.idempotency import REMEMBERED, Once
from order_service.orders.order_form import Item, OrderRequest

_NONCE_BYTES = 9
_UTC = ZoneInfo("UTC")

PLACED = Counter("expedite_orders_placed", "Orders that were accepted, by type.", ["order_type"])
for _order_type in ORDER_TYPES:
    PLACED.labels(_order_type)  # it is there with 0, or who watches for its first increase sees none


@dataclass(frozen=True)
class NewOrder:
    """An order that is decided and not yet written."""

    form: OrderRequest
    total_amount: Decimal
    priority: int
    prep_seconds: int
    placed_by: str
    link_nonce: str  # see common.orders.tracking_links
    customer_id: int | None = None
    first_estimate: datetime | None = None  # when it will be ready, as its customer is told now (UTC)
    may_ask: bool = True  # the owner of its e-mail address, whether they want news

    @classmethod
    def of(cls, form: OrderRequest, placed_by: str, customer_id: int | None = None) -> "NewOrder":
        """By the rules of pricing and preparation; `customer_id` is None for a guest's."""
        total_amount = pricing.total(form.items)
        return cls(
            form=form,
            total_amount=total_amount,
            priority=pricing.priority(total_amount),
            prep_seconds=preparation.seconds(form.order_type, (item.prep_seconds for item in form.items)),
            placed_by=placed_by,
            link_nonce=secrets.token_urlsafe(_NONCE_BYTES),
            customer_id=customer_id,
        )


@dataclass(frozen=True)
class PlacedOrder:
    """What writing added to a NewOrder."""

    number: str
    placed_at: datetime


def _statement(time_zone: ZoneInfo) -> str:
    """place.sql for a house in that zone, whose name was checked to be nothing more (common/pages/settings.py)."""
    return statement(
        __file__,
        "place",
        remembered=REMEMBERED,
        time_zone=time_zone.key,
        received=RECEIVED,
        exchange=events.exchange_of("order_service"),
        routing_key=events.ORDER_PLACED,
        body=messages.order_placed(
            "p", items="o -> 'items'", event_id="o ->> 'event_id'", request_id="o ->> 'request_id'"
        ),
    )


class Intake:
    """Places orders that come at once together: see common.postgres.group_commit."""

    def __init__(self, settings: PageSettings, breaker: Breaker) -> None:
        now = _statement(settings.time_zone).replace("$2", "cast(null as timestamptz)")
        self._commit = GroupCommit(settings, breaker, now, "place orders")
        self.close = self._commit.close

    def place(self, order: NewOrder, once: Once | None = None) -> PlacedOrder | None:
        """Write the order and its event; returns when they are durable. None, and nothing written, when `once`
        has a key that was used before. Raises Unavailable."""
        try:
            with traces.span("place order"):
                number, placed_at = self._commit.write(codec.dumps(_row(order, once)))
                if number is not None:
                    traces.note({"expedite.order_number": number})
        except psycopg2.errors.NotNullViolation as exc:
            if exc.diag.table_name != "idempotency_keys":
                raise
            return None  # used by another process at the same moment
        if number is None:
            return None
        PLACED.labels(order.form.order_type).inc()
        return PlacedOrder(number, placed_at)


def place(
    session: Session, orders: Sequence[NewOrder], at: datetime | None = None, time_zone: ZoneInfo = _UTC
) -> list[PlacedOrder]:
    """Write `orders` and their events; returns them in the same order. `at` (UTC) stands in for now."""
    given = {"$1": "cast(:orders as jsonb)", "$2": "cast(:at as timestamptz)"}
    in_session = _statement(time_zone)
    for parameter, value in given.items():
        in_session = in_session.replace(parameter, value)
    rows = session.execute(
        text(in_session), {"orders": codec.dumps([_row(order) for order in orders]).decode(), "at": at}
    )
    return [PlacedOrder(row.number, row.placed_at) for row in rows]


def _row(order: NewOrder, once: Once | None = None) -> dict[str, object]:
    row: dict[str, object] = {
        "event_id": str(uuid.uuid4()),
        "request_id": logs.current_request_id(),
        "traceparent": traces.traceparent(),
        "customer_name": order.form.customer_name,
        "order_type": order.form.order_type,
        "table_number": order.form.table_number,
        "delivery_address": order.form.delivery_address,
        "items": [_line(item) for item in order.form.items],
        "total_amount": order.total_amount,
        "priority": order.priority,
        "prep_seconds": order.prep_seconds,
        "placed_by": order.placed_by,
        "customer_id": order.customer_id,
        "notification_email": order.form.notification_email,
        "link_nonce": order.link_nonce,
        "first_estimate": order.first_estimate,
    }
    if not order.may_ask:
        row["may_ask"] = False
    if order.form.allergies:
        row["allergies"] = order.form.allergies
    if once is not None:
        row["once"] = {"key": once.key, "fingerprint": once.fingerprint, "answer": once.answer}
    return row


def _line(item: Item) -> dict[str, object]:
    line: dict[str, object] = {"name": item.name, "quantity": item.quantity, "price": item.price}
    if item.note is not None:
        line["note"] = item.note
    return line
