"""Placing orders: number, order, items, log row, outbox row and idempotency key in one statement, so in one
transaction.

The statement takes a JSON array of orders. The numbers come from one row a UTC day, whose lock is held until the
commit: that is what leaves no gap and no double under any concurrency.

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

import psycopg2.errors
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import codec, events, logs
from common.group_commit import GroupCommit
from common.lifecycle import RECEIVED
from common.settings import Settings
from order_service.orders import preparation, pricing
from order_service.orders.form import OrderForm
from order_service.orders.idempotency import REMEMBERED, Once

_NONCE_BYTES = 9


@dataclass(frozen=True)
class NewOrder:
    """An order that is decided and not yet written."""

    form: OrderForm
    total_amount: Decimal
    priority: int
    prep_seconds: int
    placed_by: str
    link_nonce: str  # see tracking_links
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
            link_nonce=secrets.token_urlsafe(_NONCE_BYTES),
            customer_id=customer_id,
        )


@dataclass(frozen=True)
class PlacedOrder:
    """What writing added to a NewOrder."""

    number: str
    placed_at: datetime


# $1 is the array, $2 the moment that stands in for now, or null.
_PLACE = f"""
    with asked as (
        select o, position, o -> 'once' ->> 'key' as key,
            row_number() over (partition by o -> 'once' ->> 'key' order by position) as nth_of_key
        from jsonb_array_elements($1) with ordinality as t (o, position)
    ), wanted as (
        select o, a.position as asked_as, row_number() over (order by a.position) as position
        from asked a left join lateral (
            select true as is_used from idempotency_keys k
            where k.key = a.key and k.created_at >= now() - {REMEMBERED} limit 1
        ) as before on true
        where a.key is null or (nth_of_key = 1 and is_used is null)
    ), moment as (
        select coalesce($2, now()) as placed_at
    ), numbers as (
        insert into order_numbers as n (day, last)
        select cast(placed_at at time zone 'UTC' as date), (select count(*) from wanted) from moment
        where exists (select 1 from wanted)
        on conflict (day) do update set last = n.last + excluded.last
        returning day, last - (select count(*) from wanted) as before
    ), numbered as (
        select o, position, asked_as, 'ORD_' || to_char(day, 'YYYYMMDD') || '_'
            || lpad((before + position)::text, greatest(3, length((before + position)::text)), '0') as number
        from wanted, numbers
    ), placed as (
        insert into orders (number, customer_id, customer_name, notification_email, order_type, table_number,
            delivery_address, total_amount, priority, prep_seconds, link_nonce, status, sequence, placed_at,
            updated_at)
        select number, (o ->> 'customer_id')::bigint, o ->> 'customer_name', o ->> 'notification_email',
            o ->> 'order_type', (o ->> 'table_number')::smallint, o ->> 'delivery_address',
            (o ->> 'total_amount')::numeric, (o ->> 'priority')::smallint, (o ->> 'prep_seconds')::int,
            o ->> 'link_nonce', '{RECEIVED}', 1, placed_at, placed_at
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
            o - array['placed_by', 'customer_id', 'notification_email', 'link_nonce', 'once']
            || jsonb_build_object(
                'schema_version', {events.SCHEMA_VERSION},
                'order_number', number,
                'placed_at', to_char(placed_at, {events.SQL_ISO}))
        from numbered, moment order by position
    ), remembered as (
        insert into idempotency_keys as k (key, fingerprint, answer, created_at)
        select o -> 'once' ->> 'key', o -> 'once' ->> 'fingerprint',
            (o -> 'once' -> 'answer' || jsonb_build_object('order_number', number))::json, now()
        from numbered where o ? 'once' order by 1  -- in one order, so that no two arrays wait for each other
        on conflict (key) do update
            -- Null, which fails the statement, for a key that is in use and was not to be seen.
            set key = case when k.created_at < now() - {REMEMBERED} then k.key end,
                fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at
    )
    select number, placed_at from moment cross join asked a left join numbered n on n.asked_as = a.position
    order by a.position
"""
_PLACE_IN_SESSION = text(_PLACE.replace("$1", "cast(:orders as jsonb)").replace("$2", "cast(:at as timestamptz)"))


class Intake:
    """Places orders that come at once together: see common.group_commit."""

    def __init__(self, settings: Settings) -> None:
        self._commit = GroupCommit(settings, _PLACE.replace("$2", "cast(null as timestamptz)"))
        self.close = self._commit.close

    def place(self, order: NewOrder, once: Once | None = None) -> PlacedOrder | None:
        """Write the order and its event; returns when they are durable. None, and nothing written, when `once`
        has a key that was used before. Raises Unavailable."""
        try:
            number, placed_at = self._commit.write(codec.dumps(_row(order, once)))
        except psycopg2.errors.NotNullViolation as exc:
            if exc.diag.table_name != "idempotency_keys":
                raise
            return None  # used by another process at the same moment
        return None if number is None else PlacedOrder(number, placed_at)


def place(session: Session, orders: Sequence[NewOrder], at: datetime | None = None) -> list[PlacedOrder]:
    """Write `orders` and their events; returns them in the same order. `at` (UTC) stands in for now."""
    rows = session.execute(
        _PLACE_IN_SESSION, {"orders": codec.dumps([_row(order) for order in orders]).decode(), "at": at}
    )
    return [PlacedOrder(row.number, row.placed_at) for row in rows]


def _row(order: NewOrder, once: Once | None = None) -> dict[str, object]:
    row: dict[str, object] = {
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
        "link_nonce": order.link_nonce,
    }
    if once is not None:
        row["once"] = {"key": once.key, "fingerprint": once.fingerprint, "answer": once.answer}
    return row
