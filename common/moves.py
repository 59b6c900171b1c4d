"""Moving an order from one status to the next, in one SQL statement.

The statement names the states that it accepts, so two moves at once can never both win; the order's row, its
log row, the worker's count and the outbox row are written together or not at all. What it accepts comes from
`common.lifecycle` and from nowhere else.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import events, lifecycle, logs
from common.errors import IllegalMove, NotFound


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


_MOVE = text(f"""
    with before as (
        select * from orders where number = :number for update
    ), moved as (
        update orders o set
            status = :target,
            sequence = o.sequence + 1,
            updated_at = now(),
            reason = :reason,
            processed_by = case when :target = 'cooking' then :actor else o.processed_by end,
            fence = o.fence + (:target = 'cooking')::int,
            cooking_worker = case when :target = 'cooking' then cast(:instance as uuid) end,
            cooking_started_at = case when :target = 'cooking' then now() else o.cooking_started_at end,
            estimated_completion = case
                when :target = 'cooking' then now() + make_interval(secs => o.prep_seconds * :pace)
                when :target = 'ready' then now()
                when :target in ('cancelled', 'failed') then null
                else o.estimated_completion end,
            completed_at = case
                when :target = 'ready' then now()
                when :target = 'cooking' then null
                else o.completed_at end
        from before b
        where o.id = b.id
            and b.order_type || ':' || b.status = any(:accepted)
            and (cast(:fence as int) is null or b.fence = :fence)
            and (b.status <> 'ready' or :target <> 'cooking'
                 or b.completed_at > now() - make_interval(secs => :recall_window))
        returning o.*, b.status as old_status
    ), logged as (
        insert into order_status_log (order_id, sequence, status, changed_by, changed_at, reason)
        select id, sequence, status, :actor, updated_at, reason from moved
    ), counted as (
        update workers w set orders_processed = w.orders_processed + 1
        from moved m
        where m.status = 'ready' and w.name = :actor and cast(:instance as uuid) is not null
    ), sent as (
        insert into outbox (event_id, exchange, routing_key, priority, request_id, body)
        select cast(:event_id as uuid), :exchange, '{events.ORDER_STATUS_CHANGED}', m.priority, :request_id,
            jsonb_build_object(
                'event_id', cast(:event_id as text),
                'request_id', cast(:request_id as text),
                'schema_version', {events.SCHEMA_VERSION},
                'order_number', m.number,
                'order_type', m.order_type,
                'old_status', m.old_status,
                'new_status', m.status,
                'changed_by', cast(:actor as text),
                'timestamp', to_char(m.updated_at, {events.SQL_ISO}),
                'estimated_completion', to_char(m.estimated_completion, {events.SQL_ISO}),
                'reason', m.reason,
                'sequence', m.sequence)
        from moved m
    )
    select b.number, b.order_type, b.status as old_status, m.status as new_status,
        coalesce(m.fence, b.fence) as fence,
        case when m.id is null then b.processed_by else m.processed_by end as processed_by,
        coalesce(m.updated_at, b.updated_at) as updated_at,
        case when m.id is null then b.estimated_completion else m.estimated_completion end
            as estimated_completion
    from before b left join moved m on m.id = b.id
""")


def move(
    session: Session,
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
) -> Moved:
    """Move order `number` to `target` as `actor`, and put the event into `service_name`'s outbox.

    `source`: only from that status. `fence` (a worker's moves): only while the order's fence is still this one.
    `pace` is how many seconds a second of the order's preparation takes here, for the estimate of an order that
    begins to cook;
    `recall_window` is how many seconds a ready order can be called back. Making the same move again changes
    nothing.

    Raises NotFound, or IllegalMove with the current status and the moves that the actor has from it.
    """
    row = session.execute(
        _MOVE,
        {
            "number": number,
            "target": target,
            "accepted": [
                f"{order_type}:{each}"
                for order_type in lifecycle.ORDER_TYPES
                for each in lifecycle.sources(target, actor.role, order_type)
                if source in (None, each)
            ],
            "actor": actor.name,
            "instance": actor.instance and str(actor.instance),
            "reason": reason,
            "fence": fence,
            "pace": pace,
            "recall_window": recall_window,
            "event_id": str(uuid.uuid4()),
            "exchange": events.exchange_of(service_name),
            "request_id": logs.current_request_id(),
        },
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no order {number}.")
    changed = row.new_status is not None
    if not changed and row.old_status != target:
        allowed = lifecycle.targets(row.old_status, actor.role, row.order_type)
        raise IllegalMove.of(number, row.old_status, target, allowed)
    return Moved(
        order_number=row.number,
        order_type=row.order_type,
        status=row.new_status or row.old_status,
        changed=changed,
        fence=row.fence,
        processed_by=row.processed_by,
        updated_at=row.updated_at,
        estimated_completion=row.estimated_completion,
    )
