"""Orders with the history that they shall have, and workers, written into the tables."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

_ORDER = text("""
    insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status, sequence,
        placed_at, updated_at, cooking_started_at, processed_by, reason, tries, retry_at, accepted_by)
    values (:number, 'Ada Lovelace', :order_type, :total, 1, 10, :status, :sequence, :placed_at, :updated_at,
        :cooking_started_at, :processed_by, :reason, :tries, :retry_at, :accepted_by)
    returning id
""")
_STEP = text("""
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at, reason)
    values (:order_id, :sequence, :status, :changed_by, :changed_at, :reason)
""")
_WORKER = text("""
    insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,
        cooking_speed, heartbeats)
    values (:name, gen_random_uuid(), :order_types, :status, 30, now() - interval '9 hours',
        now() - make_interval(secs => :seen), 1, array(
            select now() - make_interval(secs => age) from unnest(cast(:beats as float8[])) age))
""")
_numbers = itertools.count(5001)  # beyond those that a test places

#: A status, the seconds since the one before, and who did it.
Step = tuple[str, float] | tuple[str, float, str]


def write_order(
    session: Session,
    placed_at: datetime,
    *steps: Step,
    order_type: str = "takeout",
    total: str = "10.00",
    reason: str | None = None,
    number: str | None = None,
    tries: int = 0,
    retry_at: datetime | None = None,
    accepted_by: str | None = None,
) -> str:
    """An order that was placed then and went through `steps`; returns its number. `reason` is of the last step."""
    log = [("received", placed_at, "customer")]
    for status, seconds, *by in steps:
        log.append((status, log[-1][1] + timedelta(seconds=seconds), by[0] if by else "mario"))
    begun = [step for step in log if step[0] == "cooking"][-1:]
    values: dict[str, Any] = {
        "number": number or f"ORD_{placed_at:%Y%m%d}_{next(_numbers):03}",
        "order_type": order_type,
        "total": Decimal(total),
        "status": log[-1][0],
        "sequence": len(log),
        "placed_at": placed_at,
        "updated_at": log[-1][1],
        "cooking_started_at": begun[0][1] if begun else None,
        "processed_by": begun[0][2] if begun else None,
        "reason": reason,
        "tries": tries,
        "retry_at": retry_at,
        "accepted_by": accepted_by,
    }
    order_id = session.execute(_ORDER, values).scalar_one()
    for sequence, (status, at, by) in enumerate(log, 1):
        values = {
            "order_id": order_id,
            "sequence": sequence,
            "status": status,
            "changed_by": by,
            "changed_at": at,
            "reason": reason if sequence == len(log) else None,
        }
        session.execute(_STEP, values)
    return str(session.execute(text("select number from orders where id = :id"), {"id": order_id}).scalar_one())


def write_worker(
    session: Session,
    name: str,
    *order_types: str,
    seen: float = 1,
    status: str = "online",
    beats: Sequence[float] | None = None,
) -> None:
    """A worker that was seen so many seconds ago, with heartbeats of so many seconds ago; by default all came."""
    heartbeats = [seen + 30 * number for number in range(12)] if beats is None else list(beats)
    values = {"name": name, "order_types": list(order_types), "status": status, "seen": seen, "beats": heartbeats}
    session.execute(_WORKER, values)
