"""Placing orders: number, order, items, log row and outbox row in one statement, so in one transaction.

The statement takes a JSON array of orders. The numbers come from one row a UTC day, whose lock is held until the
commit: that is what leaves no gap and no double under any concurrency.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import codec, events, logs
from common.group_commit import GroupCommit
from common.lifecycle import RECEIVED
from common.settings import Settings
from order_service.orders import preparation, pricing
from order_service.orders.form import OrderForm


@dataclass(frozen=True)
class NewOrder:
    """An order that is decided and not yet written."""

    form: OrderForm
    total_amount: Decimal
    priority: int
    prep_seconds: int
    placed_by: str
    customer_id: int | None = None

    @classmethod
    def of(cls, form: OrderForm, placed_by: str, customer_id: int | None = None) -> "NewOrder":
        """By the rules of pricing and preparation; `customer_id` is None for a guest's."""
        total_amount = pricing.total(form.items)
        return cls(
            form=form,
            total_amount=total_amount,
            priority=pricing.priority(total_amount),
            prep_seconds=preparation.seconds(form.order_type, (item.prep_seconds for item in form.items)),
            placed_by=placed_by,
            customer_id=customer_id,
        )


@dataclass(frozen=True)
class PlacedOrder:
    """What writing added to a NewOrder."""

    number: str
    placed_at: datetime


# $1 is the array, $2 the moment that stands in for now, or null.
_PLACE = f"""
    with wanted as (
        select o, position from jsonb_array_elements($1) with ordinality as t (o, position)
    ), moment as (
        select coalesce($2, now()) as placed_at
    ), numbers as (
        insert into order_numbers as n (day, last)
        select cast(placed_at at time zone 'UTC' as date), (select count(*) from wanted) from moment
        on conflict (day) do update set last = n.last + excluded.last
        returning day, last - (select count(*) from wanted) as before
    ), numbered as (
        select o, position, 'ORD_' || to_char(day, 'YYYYMMDD') || '_'
            || lpad((before + position)::text, greatest(3, length((before + position)::text)), '0') as number
        from wanted, numbers
    ), placed as (
        insert into orders (number, customer_id, customer_name, notification_email, order_type, table_number,
            delivery_address, total_amount, priority, prep_seconds, status, sequence, placed_at, updated_at)
        select number, (o ->> 'customer_id')::bigint, o ->> 'customer_name', o ->> 'notification_email',
            o ->> 'order_type', (o ->> 'table_number')::smallint, o ->> 'delivery_address',
            (o ->> 'total_amount')::numeric, (o ->> 'priority')::smallint, (o ->> 'prep_seconds')::int,
            '{RECEIVED}', 1, placed_at, placed_at
        from numbered, moment order by position
        returning id, number
    ), listed as (
        insert into order_items (order_id, position, name, quantity, price)
        select p.id, i.position, i.item ->> 'name', (i.item ->> 'quantity')::smallint,
            (i.item ->> 'price')::numeric
        from placed p join numbered using (number),
            jsonb_array_elements(o -> 'items') with ordinality as i (item, position)
    ), logged as (
        insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
        select p.id, 1, '{RECEIVED}', o ->> 'placed_by', placed_at
        from placed p join numbered using (number), moment
    ), sent as (
        insert into outbox (event_id, exchange, routing_key, priority, request_id, body)
        select (o ->> 'event_id')::uuid, '{events.exchange_of("order_service")}',
            '{events.ORDER_PLACED}.' || (o ->> 'order_type'), (o ->> 'priority')::smallint,
            o ->> 'request_id',
            o - array['placed_by', 'customer_id', 'notification_email'] || jsonb_build_object(
                'schema_version', {events.SCHEMA_VERSION},
                'order_number', number,
                'placed_at', to_char(placed_at, {events.SQL_ISO}))
        from numbered, moment order by position
    )
    select number, placed_at from numbered, moment order by position
"""
_PLACE_IN_SESSION = text(_PLACE.replace("$1", "cast(:orders as jsonb)").replace("$2", "cast(:at as timestamptz)"))


class Intake:
    """Places orders that come at once together: see common.group_commit."""

    def __init__(self, settings: Settings) -> None:
        self._commit = GroupCommit(settings, _PLACE.replace("$2", "cast(null as timestamptz)"))
        self.close = self._commit.close

    def place(self, order: NewOrder) -> PlacedOrder:
        """Write the order and its event; returns when they are durable. Raises Unavailable."""
        number, placed_at = self._commit.write(codec.dumps(_row(order)))
        return PlacedOrder(number, placed_at)


def place(session: Session, orders: Sequence[NewOrder], at: datetime | None = None) -> list[PlacedOrder]:
    """Write `orders` and their events; returns them in the same order. `at` (UTC) stands in for now."""
    rows = session.execute(
        _PLACE_IN_SESSION, {"orders": codec.dumps([_row(order) for order in orders]).decode(), "at": at}
    )
    return [PlacedOrder(row.number, row.placed_at) for row in rows]


def _row(order: NewOrder) -> dict[str, object]:
    return {
        "event_id": str(uuid.uuid4()),
        "request_id": logs.current_request_id(),
        "customer_name": order.form.customer_name,
        "order_type": order.form.order_type,
        "table_number": order.form.table_number,
        "delivery_address": order.form.delivery_address,
        "items": [
            {"name": item.name, "quantity": item.quantity, "price": item.price} for item in order.form.items
        ],
        "total_amount": order.total_amount,
        "priority": order.priority,
        "prep_seconds": order.prep_seconds,
        "placed_by": order.placed_by,
        "customer_id": order.customer_id,
        "notification_email": order.form.notification_email,
    }
