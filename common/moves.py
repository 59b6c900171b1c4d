"""Moving orders from one status to the next, in one SQL statement.

The statement names the states that it accepts, so two moves at once can never both win; the order's row, its
log row, the worker's count and the outbox row are written together or not at all. What it accepts comes from
`common.lifecycle` and from nowhere else.
"""

import functools
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import codec, events, lifecycle, logs
from common.database import Sessions
from common.errors import IllegalMove, NotFound
from common.group_commit import GroupCommit
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

    def as_answer(self) -> dict[str, Any]:
        """What HTTP and RPC answer."""
        return {
            "order_number": self.order_number,
            "status": self.status,
            "processed_by": self.processed_by,
            "updated_at": self.updated_at,
            "estimated_completion": self.estimated_completion,
        }


# $1 is a JSON array of moves, and there is a row of the result for each. It says nothing for a second move of the
# same order, which is not made, nor for one of an order that somebody else holds, where WAIT says not to wait.
# Each order is looked up for itself: a join would read a small table as a whole, and its plan be kept.
_MOVE = f"""
    with asked as (
        select m, position from jsonb_array_elements($1) with ordinality as t (m, position)
    ), wanted as (
        select distinct on (m ->> 'number') position, m ->> 'number' as number, m ->> 'target' as target,
            array(select jsonb_array_elements_text(m -> 'accepted')) as accepted,
            m ->> 'actor' as actor, (m ->> 'instance')::uuid as instance, m ->> 'reason' as reason,
            (m ->> 'fence')::int as fence, (m ->> 'pace')::float8 as pace,
            (m ->> 'recall_window')::float8 as recall_window, m ->> 'event_id' as event_id,
            m ->> 'exchange' as exchange, m ->> 'request_id' as request_id
        from asked order by m ->> 'number', position
    ), before as (
        select o.*, w as move, w.position
        from wanted w cross join lateral (select * from orders where number = w.number for update WAIT) o
    ), moved as (
        update orders o set
            status = (b.move).target,
            sequence = o.sequence + 1,
            updated_at = now(),
            reason = (b.move).reason,
            processed_by = case when (b.move).target = 'cooking' then (b.move).actor else o.processed_by end,
            fence = o.fence + ((b.move).target = 'cooking')::int,
            cooking_worker = case when (b.move).target = 'cooking' then (b.move).instance end,
            cooking_started_at = case when (b.move).target = 'cooking' then now() else o.cooking_started_at end,
            estimated_completion = case
                when (b.move).target = 'cooking' then now() + make_interval(secs => o.prep_seconds * (b.move).pace)
                when (b.move).target = 'ready' then now()
                when (b.move).target in ('cancelled', 'failed') then null
                else o.estimated_completion end,
            completed_at = case
                when (b.move).target = 'ready' then now()
                when (b.move).target = 'cooking' then null
                else o.completed_at end
        from before b
        where o.id = b.id
            and b.order_type || ':' || b.status = any((b.move).accepted)
            and ((b.move).fence is null or b.fence = (b.move).fence)
            and (b.status <> 'ready' or (b.move).target <> 'cooking'
                 or b.completed_at > now() - make_interval(secs => (b.move).recall_window))
        returning o.*, b.status as old_status, b.move, b.position
    ), logged as (
        insert into order_status_log (order_id, sequence, status, changed_by, changed_at, reason)
        select id, sequence, status, (move).actor, updated_at, reason from moved
    ), counted as (
        update workers w set orders_processed = w.orders_processed + done.orders
        from (
            select (move).actor as name, count(*) as orders from moved
            where status = 'ready' and (move).instance is not null group by 1
        ) done
        where w.name = done.name
    ), sent as (
        insert into outbox (event_id, exchange, routing_key, priority, request_id, body)
        select (m.move).event_id::uuid, (m.move).exchange, '{events.ORDER_STATUS_CHANGED}', m.priority,
            (m.move).request_id,
            jsonb_build_object(
                'event_id', (m.move).event_id,
                'request_id', (m.move).request_id,
                'schema_version', {events.SCHEMA_VERSION},
                'order_number', m.number,
                'order_type', m.order_type,
                'old_status', m.old_status,
                'new_status', m.status,
                'changed_by', (m.move).actor,
                'timestamp', to_char(m.updated_at, {events.SQL_ISO}),
                'estimated_completion', to_char(m.estimated_completion, {events.SQL_ISO}),
                'reason', m.reason,
                'sequence', m.sequence)
        from moved m order by m.position
    )
    select b.number, b.order_type, b.status as old_status, m.status as new_status,
        coalesce(m.fence, b.fence) as fence,
        case when m.id is null then b.processed_by else m.processed_by end as processed_by,
        coalesce(m.updated_at, b.updated_at) as updated_at,
        case when m.id is null then b.estimated_completion else m.estimated_completion end
            as estimated_completion
    from asked a left join before b on b.position = a.position left join moved m on m.position = a.position
    order by a.position
"""
_MOVE_IN_SESSION = text(_MOVE.replace("$1", "cast(:moves as jsonb)").replace("WAIT", ""))
_MOVE_IN_GROUP = _MOVE.replace("WAIT", "skip locked")


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


def move(session: Session, service_name: str, number: str, target: str, actor: Actor, **options: Any) -> Moved:
    """Move order `number` to `target` as `actor`, and put the event into `service_name`'s outbox. Making the same
    move again changes nothing. `options` are those of `_asked()`.

    Raises NotFound, or IllegalMove with the current status and the moves that the actor has from it.
    """
    asked = _asked(service_name, number, target, actor, **options)
    outcome = _Outcome(*session.execute(_MOVE_IN_SESSION, {"moves": f"[{asked.decode()}]"}).one())
    if outcome.number is None:
        raise NotFound(f"There is no order {number}.")
    return _judge(outcome, number, target, actor)


class Mover:
    """Makes moves that come at once together: see common.group_commit. One for each process."""

    def __init__(self, settings: Settings) -> None:
        self._commit = GroupCommit(settings, _MOVE_IN_GROUP)
        self.close = self._commit.close

    def move(
        self, sessions: Sessions, service_name: str, number: str, target: str, actor: Actor, **options: Any
    ) -> Moved:
        """As `move()`, in a transaction that this move shares with others. Raises Unavailable too."""
        outcome = _Outcome(*self._commit.write(_asked(service_name, number, target, actor, **options)))
        if outcome.number is not None:
            return _judge(outcome, number, target, actor)
        # For a row that somebody else holds, only who wants that very order shall wait.
        with sessions.begin() as session:
            return move(session, service_name, number, target, actor, **options)


def _asked(
    service_name: str,
    number: str,
    target: str,
    actor: Actor,
    *,
    source: str | None = None,
    reason: str | None = None,
    fence: int | None = None,
    pace: float = 1,
    recall_window: float = 0,
) -> bytes:
    """A move as the statement wants it.

    `source`: only from that status. `fence` (a worker's moves): only while the order's fence is still this one.
    `pace` is how many seconds a second of the order's preparation takes here, for the estimate of an order that
    begins to cook; `recall_window` is how many seconds a ready order can be called back.
    """
    return codec.dumps(
        {
            "number": number,
            "target": target,
            "accepted": _accepted(target, actor.role, source),
            "actor": actor.name,
            "instance": actor.instance and str(actor.instance),
            "reason": reason,
            "fence": fence,
            "pace": pace,
            "recall_window": recall_window,
            "event_id": str(uuid.uuid4()),
            "exchange": events.exchange_of(service_name),
            "request_id": logs.current_request_id(),
        }
    )


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
    if not changed and outcome.old_status != target:
        allowed = lifecycle.targets(outcome.old_status, actor.role, outcome.order_type)
        raise IllegalMove.of(number, outcome.old_status, target, allowed)
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
