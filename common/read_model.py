"""What anyone may know: where an order stands, where it has been, and who works. Plain SQL, no personal data."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import estimates
from common.database import Sessions
from common.errors import NotFound
from common.lifecycle import RECEIVED
from common.models import IS_ONLINE
from common.order_numbers import is_order_number
from common.settings import Settings

_STATUS = text("""
    select number, order_type, status, updated_at, estimated_completion, processed_by, prep_seconds, priority,
        placed_at
    from orders where number = :number
""")
_HISTORY = text("""
    select l.status, l.changed_at, l.changed_by
    from order_status_log l join orders o on o.id = l.order_id
    where o.number = :number order by l.sequence
""")
_WORKERS = text(f"""
    select name, case when {IS_ONLINE} then 'online' else 'offline' end as status, orders_processed, last_seen
    from workers order by name
""")

_ONLINE = text(f"select order_types, cooking_speed from workers where {IS_ONLINE}")

_LEFT_TO_COOK = "greatest(0, prep_seconds - extract(epoch from now() - cooking_started_at))"

# An order ahead is one that cooks (what is left of it), has a higher priority, or the same and was earlier.
_AHEAD = text(f"""
    select order_type, sum(case status when 'received' then prep_seconds else {_LEFT_TO_COOK} end)
    from orders
    where status in ('received', 'cooking')
        and (status = 'cooking' or priority > :priority or priority = :priority and placed_at < :placed_at)
    group by order_type
""")
_LOAD = text(f"""
    select status, order_type, priority,
        sum(case status when 'received' then prep_seconds else {_LEFT_TO_COOK} end)
    from orders where status in ('received', 'cooking') group by status, order_type, priority
""")

_STUCK = text("""
    select number, status, processed_by, updated_at, extract(epoch from now() - updated_at)::int as seconds
    from orders
    where status = 'received' and updated_at < now() - make_interval(secs => :received)
        or status = 'cooking' and updated_at < now() - make_interval(secs => :cooking)
    order by updated_at limit 1000
""")


class Board:
    """The reads, as services offer them. Everything raises Unavailable without PostgreSQL."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    def status(self, order_number: str) -> dict[str, Any]:
        """Where the order stands. Raises NotFound."""
        with self._sessions.begin() as session:
            return order_status(session, order_number)

    def history(self, order_number: str) -> list[dict[str, Any]]:
        """Where the order has been, oldest first. Raises NotFound."""
        with self._sessions.begin() as session:
            return order_history(session, order_number)

    def workers(self) -> list[dict[str, Any]]:
        """Who works, by name."""
        with self._sessions.begin() as session:
            return workers(session)

    def stuck(self) -> list[dict[str, Any]]:
        """Orders that have been waiting or cooking for too long, longest first."""
        with self._sessions.begin() as session:
            return stuck_orders(session, self._settings.stuck_received, self._settings.stuck_cooking)


def order_status(session: Session, order_number: str) -> dict[str, Any]:
    """An order's status now, with the time at which it will be (or was) ready. Raises NotFound."""
    order = _find(session, order_number)
    expected = order.estimated_completion
    if order.status == RECEIVED:
        expected = _estimated_completion(
            session, order.order_type, order.prep_seconds, order.priority, order.placed_at
        )
    return {
        "order_number": order.number,
        "current_status": order.status,
        "updated_at": order.updated_at,
        "estimated_completion": expected,
        "processed_by": order.processed_by,
    }


def order_history(session: Session, order_number: str) -> list[dict[str, Any]]:
    """Every status the order has had, oldest first. Raises NotFound."""
    rows = session.execute(_HISTORY, {"number": order_number}).all() if is_order_number(order_number) else []
    if not rows:
        raise _unknown(order_number)
    return [{"status": row.status, "timestamp": row.changed_at, "changed_by": row.changed_by} for row in rows]


def stuck_orders(session: Session, received: float, cooking: float) -> list[dict[str, Any]]:
    """Orders that have been received or cooking for more than so many seconds, longest first; at most 1,000."""
    return [
        {
            "order_number": row.number,
            "status": row.status,
            "processed_by": row.processed_by,
            "since": row.updated_at,
            "seconds": row.seconds,
        }
        for row in session.execute(_STUCK, {"received": received, "cooking": cooking})
    ]


def workers(session: Session) -> list[dict[str, Any]]:
    """Every worker there has been, by name, with what it has done."""
    return [
        {
            "worker_name": row.name,
            "status": row.status,
            "orders_processed": row.orders_processed,
            "last_seen": row.last_seen,
        }
        for row in session.execute(_WORKERS)
    ]


def _estimated_completion(
    session: Session, order_type: str, prep_seconds: int, priority: int, placed_at: datetime
) -> datetime:
    """When an order that waits since `placed_at` will be ready (UTC)."""
    wait = estimates.seconds_until_ready(
        order_type, prep_seconds, _work_ahead(session, priority, placed_at), _workers_online(session)
    )
    return datetime.now(UTC) + timedelta(seconds=wait)


def kitchen_load(session: Session) -> estimates.KitchenLoad:
    """The kitchen's work now."""
    waiting: dict[tuple[str, int], float] = {}
    cooking: dict[str, float] = {}
    for status, order_type, priority, seconds in session.execute(_LOAD):
        if status == RECEIVED:
            waiting[order_type, priority] = float(seconds)
        else:
            cooking[order_type] = cooking.get(order_type, 0.0) + float(seconds)
    return estimates.KitchenLoad(waiting, cooking, _workers_online(session))


def _workers_online(session: Session) -> list[estimates.WorkerOnline]:
    """The workers whose last heartbeat is not older than twice their interval."""
    return [estimates.WorkerOnline(tuple(row[0]), row[1]) for row in session.execute(_ONLINE)]


def _work_ahead(session: Session, priority: int, placed_at: datetime) -> dict[str, float]:
    """Seconds of work, by order type, ahead of an order of that priority placed at that time."""
    rows = session.execute(_AHEAD, {"priority": priority, "placed_at": placed_at})
    return {order_type: float(seconds) for order_type, seconds in rows}


def _find(session: Session, order_number: str) -> Any:
    row = None
    if is_order_number(order_number):
        row = session.execute(_STATUS, {"number": order_number}).one_or_none()
    if row is None:
        raise _unknown(order_number)
    return row


def _unknown(order_number: object) -> NotFound:
    is_shown = isinstance(order_number, str) and order_number.isprintable()  # RPC may send anything
    return NotFound(f"There is no order {str(order_number)[:40]}." if is_shown else "There is no such order.")
