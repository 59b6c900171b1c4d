"""What the streams of orders read: where each order stands, and the steps that a client has not heard of."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import psycopg2

from common.errors import Unavailable
from common.observability import logs
from common.orders import lifecycle, queries
from common.orders.queries import Standing
from common.postgres.breaker import AWAY
from common.postgres.connection import DedicatedSession
from common.settings import Settings

_QUIET_TIMEOUT = 60.0  # seconds after which PostgreSQL ends the session of a process that froze
MAX_STEPS = 1000  # that are told to who comes back; no order has had so many

_TAKEN = ", ".join(f"'{status}'" for status, effects in lifecycle.EFFECTS.items() if effects.takes_in_hand)
_STANDING = ", ".join(
    f"{queries.public_name('o.processed_by')} as processed_by" if field == "processed_by" else f"o.{field}"
    for field in Standing._fields
)
# One statement for all orders that are watched: those that changed, and those whose clients are new. Each is
# looked up for itself, by its key, however PostgreSQL would join them. Who had it in hand at a step is who took it
# last.
_STEPS = f"""
    select {_STANDING}, o.sequence, cast(o.changed_in as text) as changed_in, o.customer_id, o.link_nonce,
        o.placed_at, o.traceparent,
        past.sequence as past_sequence, past.status as past_status,
        past.changed_at as past_changed_at, {queries.public_name("past.taken_by")} as past_taken_by
    from unnest(
        cast(%(ids)s as bigint[]), cast(%(known)s as int[]), cast(%(changed_in)s as xid8[]),
        cast(%(is_new)s as bool[])
    ) as asked (id, known, changed_in, is_new)
    cross join lateral (
        select * from orders
        where orders.id = asked.id and (asked.is_new or orders.changed_in is distinct from asked.changed_in)
        limit 1
    ) o
    left join lateral (
        select sequence, status, changed_at, (
            select changed_by from order_status_log taken
            where taken.order_id = step.order_id and taken.sequence <= step.sequence and taken.status in ({_TAKEN})
            order by taken.sequence desc limit 1
        ) as taken_by
        from order_status_log step
        where step.order_id = o.id and step.sequence > asked.known and step.sequence < o.sequence
        order by step.sequence limit {MAX_STEPS}
    ) past on true
    order by o.id, past.sequence
"""


class Asked(NamedTuple):
    """An order, the last of its steps that is known (None where only the present is wanted), and the transaction
    that had written it then. With `is_new` it is returned also when nothing has happened."""

    order_id: int
    known: int | None
    changed_in: str | None
    is_new: bool


class Step(NamedTuple):
    """A status that the order has had since, and has no more."""

    sequence: int
    status: str
    changed_at: datetime
    processed_by: str | None


@dataclass(frozen=True)
class Found:
    """Where an order stands, and how it came there."""

    standing: Standing
    sequence: int
    changed_in: str | None
    customer_id: int | None
    link_nonce: str | None
    placed_at: datetime
    traceparent: str | None  # of the step that wrote its status, when that is traced
    past: Sequence[Step] = ()  # oldest first

    def missed_since(self, known: int) -> list[Step]:
        return [step for step in self.past if step.sequence > known]


class StepReader:
    """Reads on a connection of its own, which is one way to PostgreSQL and back, where one of the pool's takes
    five: the sooner it is done, the sooner it may read again. One for each process."""

    def __init__(self) -> None:
        self._session: DedicatedSession | None = None

    def read(self, settings: Settings, asked: Sequence[Asked]) -> list[Found]:
        """What has happened to these orders; those to which nothing has are left out, unless they are new. Raises
        Unavailable."""
        values = {
            "ids": _array(order.order_id for order in asked),
            "known": _array("null" if order.known is None else order.known for order in asked),
            "changed_in": _array(order.changed_in or "null" for order in asked),
            "is_new": _array(order.is_new for order in asked),
        }
        try:
            if self._session is None:
                self._session = DedicatedSession(settings, _QUIET_TIMEOUT)
            return _found(self._session.query(_STEPS, values))
        except psycopg2.Error as exc:
            self.close()
            logs.event(
                "db_query_failed",
                "PostgreSQL did not say where orders stand; the next reading asks again",
                logging.WARNING,
                reason=type(exc).__name__,
            )
            raise Unavailable(AWAY) from exc

    def close(self) -> None:
        """Nobody watches any more, or the connection is no good."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _found(rows: Iterable[tuple[Any, ...]]) -> list[Found]:
    found: dict[int, Found] = {}
    width = len(Standing._fields)
    past = width + 6
    for row in rows:
        standing = Standing(*row[:width])
        order = found.setdefault(standing.id, Found(standing, *row[width:past]))
        step = Step(*row[past:])
        if step.sequence is not None:
            found[standing.id] = replace(order, past=[*order.past, step])
    return list(found.values())


def _array(values: Iterable[object]) -> str:
    """Numbers and truths as a literal of PostgreSQL's, which reads it faster than as many expressions."""
    return f"{{{','.join(map(str, values))}}}"
