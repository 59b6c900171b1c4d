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

from common.observability import logs
from common.orders import events, lifecycle, messages, queries, topology
from common.orders.tables import IS_ONLINE
from common.postgres.provider import Postgres
from common.postgres.statements import statement
from common.rabbitmq import broker
from order_service.orders.idempotency import REMEMBERED
from order_service.settings import OrderSettings

_SWEEPER_LOCK = 0x0D7B0C7  # advisory lock: one sweep at a time
_MAX_TICKETS = 1000  # tickets that one sweep sends again
_LOOKED_AT = 20_000  # orders in a row that are looked at to see what was taken from a queue
_MAX_KEYS = 2_000  # idempotency keys that one transaction forgets
_MAX_ROUNDS = 20  # such transactions of one sweep; the next one goes on

_TRY_LOCK = text("select pg_try_advisory_xact_lock(:key)")

_UNPUBLISHED = text(f"""
    select body ->> 'order_number' from outbox
    where routing_key like '{events.ORDER_PLACED}.%' and body ? 'order_number'
""")
_SEND_AGAIN = text(
    statement(
        __file__,
        "send_again",
        looked_at=str(_LOOKED_AT),
        is_online=IS_ONLINE,
        exchange=events.exchange_of("order_service"),
        routing_key=events.ORDER_PLACED,
        body=messages.order_placed(
            "m",
            items=messages.items_of("m"),
            event_id="e.id",
            request_id="cast(:request_id as text)",
        ),
    )
)
_FORGET_KEYS = text(f"""
    delete from idempotency_keys where key = any(array(
        select key from idempotency_keys where created_at < now() - {REMEMBERED}
        order by created_at limit {_MAX_KEYS} for update skip locked
    )) returning 1
""")


class Sweeper(DependencyProvider):
    """Sweeps every SWEEP_INTERVAL seconds: `sweeper = Sweeper()`."""

    postgres = Postgres()

    def setup(self) -> None:
        self.settings: OrderSettings = self.container.settings

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
        with self.postgres.sessions.begin_in_background() as session:
            unpublished = [row[0] for row in session.execute(_UNPUBLISHED)]
        empty = self._empty_queues()
        with self.postgres.sessions.begin_in_background() as session:
            if not session.execute(_TRY_LOCK, {"key": _SWEEPER_LOCK}).scalar_one():
                return
            sent_again = send_missing_again(session, empty, unpublished, self.settings.sweep_grace)
            stuck = queries.stuck_orders(session, self.settings.stuck_received, self.settings.stuck_cooking)
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
        for _ in range(_MAX_ROUNDS):
            with self.postgres.sessions.begin_in_background() as session:
                if len(session.execute(_FORGET_KEYS).all()) < _MAX_KEYS:
                    return

    def _empty_queues(self) -> list[str]:
        """The order types whose queues hold no ticket that waits."""
        with broker.connected(self.settings.amqp_uri, self.settings.broker_heartbeat) as connection:
            channel = connection.channel()
            topology.declare(channel, self.settings.queue_type)
            return [
                order_type
                for order_type in lifecycle.ORDER_TYPES
                if channel.queue_declare(topology.kitchen_queue(order_type), passive=True).message_count == 0
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
            "most": _MAX_TICKETS,
        },
    )
    return [{"order_number": row.number, "status": row.status} for row in rows]
