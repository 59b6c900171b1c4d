"""The sweeper: reports orders that are stuck, and sends the tickets again that went missing.

A ticket is missing when its order still needs it and it is neither in the outbox, nor due to be tried again, nor
in its queue. What is in a queue cannot be looked up, but a queue gives the highest priority first and then the
oldest: so it is not there when the queue is empty, or when an order that stands behind it was taken before it. One
process sweeps at a time; a ticket that is sent again without need changes nothing.
"""

import logging
from collections.abc import Iterable
from typing import Any

import eventlet
from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import broker, database, events, lifecycle, logs, read_model
from common.models import IS_ONLINE
from common.settings import settings
from order_service.orders.idempotency import REMEMBERED

_SWEEPER_LOCK = 0x0D7B0C7  # advisory lock: one sweep at a time
_MOST = 1000  # tickets that one sweep sends again
_LATEST = 20_000  # orders in a row that are looked at to see what was taken from a queue
_MOST_KEYS = 2_000  # idempotency keys that one transaction forgets
_MOST_ROUNDS = 20  # such transactions of one sweep; the next one goes on

_TRY_LOCK = text("select pg_try_advisory_xact_lock(:key)")

_UNPUBLISHED = text(f"""
    select body ->> 'order_number' from outbox
    where routing_key like '{events.ORDER_PLACED}.%' and body ? 'order_number'
""")
_SEND_AGAIN = text(f"""
    with needed as (
        select o.id, o.order_type, greatest(o.placed_at, o.updated_at, o.sent_again_at, o.retry_at) as since
        from orders o
        where o.status = 'received' and o.accepted_by is null
        union all
        select o.id, o.order_type, greatest(o.cooking_started_at, o.sent_again_at, o.retry_at, workers.last_seen)
        from orders o left join workers on workers.instance = o.cooking_worker
        where o.status = 'cooking' and o.accepted_by is null
            and o.cooking_worker is not null and not coalesce({IS_ONLINE}, false)
    ), looked_at as (
        -- Of the orders that may show that a ticket was passed over, so many at the front and at the back of each
        -- queue: the oldest that is needed may have waited for years. One that was passed over comes to the front,
        -- however many wait behind it.
        select max(id) - {_LATEST} as after from orders
        union all
        select min(id) from needed where since < now() - make_interval(secs => :grace) group by order_type
    ), taken as materialized (
        -- One look at what came later, not one for each order: a backlog has thousands.
        select o.order_type, o.priority, max(o.placed_at) as latest
        from looked_at join orders o on o.id > looked_at.after and o.id <= looked_at.after + {_LATEST}
        where o.id > (select min(id) from needed) and o.cooking_started_at < now() - make_interval(secs => :grace)
            and o.processed_by in (select name from workers)  -- a person may begin with any order
        group by o.order_type, o.priority
    ), missing as (
        select o.* from needed n join orders o using (id)
        where n.since < now() - make_interval(secs => :grace)
            and o.number <> all(:unpublished)
            and (o.order_type = any(:empty) or exists (
                select 1 from taken
                where taken.order_type = o.order_type and taken.priority <= o.priority
                    and taken.latest > n.since))
        order by o.id limit :most
        for update of o skip locked
    ), noted as (
        update orders o set sent_again_at = now() from missing m where o.id = m.id
    ), sent as (
        insert into outbox (event_id, exchange, routing_key, priority, request_id, body)
        select e.id, '{events.exchange_of("order_service")}', '{events.ORDER_PLACED}.' || m.order_type,
            m.priority, :request_id,
            jsonb_build_object(
                'event_id', e.id,
                'request_id', cast(:request_id as text),
                'schema_version', {events.SCHEMA_VERSION},
                'order_number', m.number,
                'customer_name', m.customer_name,
                'order_type', m.order_type,
                'table_number', m.table_number,
                'delivery_address', m.delivery_address,
                'items', (select jsonb_agg(
                        jsonb_build_object('name', i.name, 'quantity', i.quantity, 'price', i.price)
                        order by i.position)
                    from order_items i where i.order_id = m.id),
                'total_amount', m.total_amount,
                'priority', m.priority,
                'prep_seconds', m.prep_seconds,
                'placed_at', to_char(m.placed_at, {events.SQL_ISO}))
        from missing m cross join lateral (select gen_random_uuid() as id where m.id is not null) e
        order by m.placed_at
    )
    select number, status from missing
""")
_FORGET_KEYS = text(f"""
    delete from idempotency_keys where key = any(array(
        select key from idempotency_keys where created_at < now() - {REMEMBERED}
        order by created_at limit {_MOST_KEYS} for update skip locked
    ))
""")


class Sweeper(DependencyProvider):
    """Sweeps every SWEEP_INTERVAL seconds: `sweeper = Sweeper()`."""

    def setup(self) -> None:
        self.settings = settings(self.container.config, self.container.service_name)

    def start(self) -> None:
        self.container.spawn_managed_thread(self._run)

    def _run(self) -> None:
        while True:
            eventlet.sleep(self.settings.sweep_interval)
            logs.begin_request(logs.new_request_id())
            try:
                self._sweep()
            except Exception as exc:
                logs.event("sweep_failed", "the sweeper tries again later", logging.WARNING, error=exc)

    def _sweep(self) -> None:
        # First what the outbox holds, then the queues: what is published in between is in its queue by then. And
        # not in one transaction, which PostgreSQL would end while a sick broker is waited for.
        with database.transaction(self.settings) as session:
            unpublished = [row[0] for row in session.execute(_UNPUBLISHED)]
        empty = self._empty_queues()
        with database.transaction(self.settings) as session:
            if not session.execute(_TRY_LOCK, {"key": _SWEEPER_LOCK}).scalar_one():
                return
            sent_again = send_missing_again(session, empty, unpublished, self.settings.sweep_grace)
            stuck = read_model.stuck_orders(session, self.settings.stuck_received, self.settings.stuck_cooking)
        # What is told has happened by now.
        for order in sent_again:
            logs.event(
                "order_sent_again",
                f"the ticket of {order['order_number']} had gone missing",
                logging.WARNING,
                **order,
            )
        if stuck:
            logs.event("orders_stuck", f"{len(stuck)} orders are stuck", logging.WARNING, orders=stuck[:20])
        self._forget_keys()

    def _forget_keys(self) -> None:
        """Those that are old, some at a time: nothing waits for it, and it holds nothing up."""
        for _ in range(_MOST_ROUNDS):
            with database.transaction(self.settings) as session:
                if session.execute(_FORGET_KEYS).rowcount < _MOST_KEYS:
                    return

    def _empty_queues(self) -> list[str]:
        """The order types whose queues hold no ticket that waits."""
        with broker.connected(self.settings.amqp_uri, self.settings.broker_heartbeat) as connection:
            channel = connection.channel()
            broker.declare_topology(channel)
            return [
                order_type
                for order_type in lifecycle.ORDER_TYPES
                if channel.queue_declare(broker.kitchen_queue(order_type), passive=True).message_count == 0
            ]


def send_missing_again(
    session: Session, empty: Iterable[str], unpublished: Iterable[str], grace: float
) -> list[dict[str, Any]]:
    """Put the missing tickets into the outbox; returns their orders' numbers and statuses.

    `empty` names the order types whose queues are empty, `unpublished` the orders in the outbox. A ticket that was
    seen or sent less than `grace` seconds ago is given time to be where it belongs.
    """
    rows = session.execute(
        _SEND_AGAIN,
        {
            "empty": list(empty),
            "unpublished": list(unpublished),
            "grace": grace,
            "request_id": logs.current_request_id(),
            "most": _MOST,
        },
    )
    return [{"order_number": row.number, "status": row.status} for row in rows]
