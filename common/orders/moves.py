"""Moving orders from one status to the next, in one SQL statement.

The statement is move.sql. What it accepts, and what else it does to an order, comes from `common.orders.lifecycle`
and from nowhere else; who has an order in hand keeps it, whichever way another asks for it.
"""

import functools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from nameko_sqlalchemy.database import Session
from sqlalchemy import event, text

from common import codec
from common.errors import IllegalMove, NotFound
from common.observability import logs, metrics, traces
from common.orders import events, lifecycle, messages
from common.orders.waking import wake_screens
from common.postgres.breaker import Breaker
from common.postgres.group_commit import GroupCommit
from common.postgres.sessions import Sessions
from common.postgres.statements import statement
from common.settings import Settings


@dataclass(frozen=True)
class Actor:
    """Who moves an order: the name that the history shows, and the role whose moves are allowed.

    `instance` is the worker process's id, when a worker cooks.
    """

    name: str
    role: str
    instance: uuid.UUID | None = None


@dataclass(frozen=True)
class Moved:
    """An order after a move was asked for. `changed` is False when it was there already."""

    order_number: str
    order_type: str
    status: str
    changed: bool
    fence: int
    processed_by: str | None
    updated_at: datetime
    estimated_completion: datetime | None

    def as_answer(self) -> dict[str, object]:
        """What HTTP and RPC answer."""
        return {
            "order_number": self.order_number,
            "status": self.status,
            "processed_by": self.processed_by,
            "updated_at": self.updated_at,
            "estimated_completion": self.estimated_completion,
        }


def _sql_set(time: str) -> str:
    """SQL: what one of an order's times becomes, by the status that it gets."""
    values = {
        lifecycle.NOW: "now()",
        lifecycle.NEVER: "null",
        lifecycle.AFTER_COOKING: "now() + make_interval(secs => o.prep_seconds * (b.move).pace)",
    }
    cases = [
        f"when (b.move).target = '{status}' then {values[becomes]}"
        for status, effects in lifecycle.EFFECTS.items()
        if (becomes := getattr(effects, time)) is not None
    ]
    return f"case {' '.join(cases)} else o.{time} end"


def _sql_array(texts: Iterable[str]) -> str:
    return f"array[{', '.join(repr(each) for each in texts)}]"


def _move_statement(if_locked: str) -> str:
    effects = lifecycle.EFFECTS.items()
    return statement(
        __file__,
        "move",
        if_locked=if_locked,
        taken_in_hand=_sql_array(status for status, effect in effects if effect.takes_in_hand),
        counted=_sql_array(status for status, effect in effects if effect.counts),
        recalls=_sql_array(f"{move.source}:{move.target}" for move in lifecycle.MOVES if move.is_recall),
        estimated_completion=_sql_set("estimated_completion"),
        completed_at=_sql_set("completed_at"),
        placed_at=messages.placed_at("orders"),
        wake_screens=wake_screens("o.id"),
        routing_key=events.ORDER_STATUS_CHANGED,
        body=messages.status_changed(
            "m",
            event_id="(m.move).event_id",
            request_id="(m.move).request_id",
            changed_by="(m.move).actor",
            old_status="m.old_status",
        ),
    )


_MOVE_IN_SESSION = text(_move_statement("").replace("$1", "cast(:moves as jsonb)"))
_MOVE_IN_GROUP = _move_statement("skip locked")


class _Outcome(NamedTuple):
    """A row of the statement's result; without a number where there is nothing to say."""

    number: str | None
    order_type: str
    old_status: str
    new_status: str | None
    fence: int
    processed_by: str | None
    updated_at: datetime
    estimated_completion: datetime | None
    seconds: float | None  # for which it had had its old status, if it left it

    def observe(self) -> None:
        """To be called once, when the move is durable."""
        if self.seconds is not None:
            _timed(self.old_status, self.order_type).observe(max(0.0, self.seconds))


def move(session: Session, service_name: str, number: str, target: str, actor: Actor, **options: Any) -> Moved:
    """Move order `number` to `target` as `actor`, and put the event into `service_name`'s outbox. Making the same
    move again changes nothing. `options` are those of `_asked()`.

    Raises NotFound, or IllegalMove with the current status and the moves that the actor has from it, also for a
    person who would begin what somebody else cooks.
    """
    with _traced(number, target):
        asked = _asked(service_name, number, target, actor, **options)
        outcome = _Outcome(*session.execute(_MOVE_IN_SESSION, {"moves": f"[{asked.decode()}]"}).one())
        if outcome.number is None:
            raise NotFound(f"There is no order {number}.")
        if outcome.seconds is not None:
            event.listen(session, "after_commit", lambda _session: outcome.observe(), once=True)
        return _judge(outcome, number, target, actor)


class Mover:
    """Makes moves that come at once together: see common.postgres.group_commit. One for each process."""

    def __init__(self, settings: Settings, breaker: Breaker) -> None:
        self._commit = GroupCommit(settings, breaker, _MOVE_IN_GROUP, "move orders")
        self.close = self._commit.close

    def move(
        self, sessions: Sessions, service_name: str, number: str, target: str, actor: Actor, **options: Any
    ) -> Moved:
        """As `move()`, in a transaction that this move shares with others. Raises Unavailable too."""
        with _traced(number, target):
            outcome = _Outcome(*self._commit.write(_asked(service_name, number, target, actor, **options)))
            if outcome.number is not None:
                outcome.observe()
                return _judge(outcome, number, target, actor)
        # For a row that somebody else holds, only who wants that very order shall wait.
        with sessions.begin() as session:
            return move(session, service_name, number, target, actor, **options)


def _traced(number: str, target: str) -> traces.Step:
    return traces.span(f"move to {target}", {"expedite.order_number": number})


def _asked(
    service_name: str,
    number: str,
    target: str,
    actor: Actor,
    *,
    source: str | None = None,
    reason: str | None = None,
    placed_at: str | None = None,
    fence: int | None = None,
    ticket: int | None = None,
    pace: float = 1,
    recall_window: float = 0,
) -> bytes:
    """A move as the statement wants it.

    `source`: only from that status. `placed_at`: only the order that was placed then, as its ticket says.
    `fence` (a worker's moves): only while the order's fence is still this one. `ticket` (a worker that begins):
    the priority of its ticket, which is void when the order's is lower by now (`common.orders.front`), and when
    people have accepted the order. `pace` is how many seconds a second of the order's preparation takes here, for
    the estimate of an order that begins to cook; `recall_window` is how many seconds a ready order can be called
    back.
    """
    return codec.dumps(
        {
            "number": number,
            "target": target,
            "accepted": _accepted(target, actor.role, source),
            "actor": actor.name,
            "instance": actor.instance and str(actor.instance),
            "reason": reason,
            "placed_at": placed_at,
            "fence": fence,
            "ticket": ticket,
            "pace": pace,
            "recall_window": recall_window,
            "event_id": str(uuid.uuid4()),
            "exchange": events.exchange_of(service_name),
            "request_id": logs.current_request_id(),
            "traceparent": traces.traceparent(),
        }
    )


_timed = functools.cache(metrics.STATUS_SECONDS.labels)


@functools.cache
def _accepted(target: str, role: str, source: str | None) -> list[str]:
    return [
        f"{order_type}:{each}"
        for order_type in lifecycle.ORDER_TYPES
        for each in lifecycle.sources(target, role, order_type)
        if source in (None, each)
    ]


def _judge(outcome: _Outcome, number: str, target: str, actor: Actor) -> Moved:
    changed = outcome.new_status is not None
    if not changed:
        allowed = lifecycle.targets(outcome.old_status, actor.role, outcome.order_type)
        if outcome.old_status != target:
            raise IllegalMove.of(number, outcome.old_status, target, allowed)
        # A worker may have lost it, and finds out (kitchen_service/stove.py); people see who has it.
        if target == lifecycle.COOKING and actor.instance is None and outcome.processed_by != actor.name:
            raise IllegalMove.in_other_hands(number, outcome.old_status, str(outcome.processed_by), allowed)
    return Moved(
        order_number=number,
        order_type=outcome.order_type,
        status=outcome.new_status or outcome.old_status,
        changed=changed,
        fence=outcome.fence,
        processed_by=outcome.processed_by,
        updated_at=outcome.updated_at,
        estimated_completion=outcome.estimated_completion,
    )
