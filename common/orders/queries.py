"""Where an order stands, where it has been, and who works. Plain SQL.

Staff see who did it. Everybody else, who may only have counted order numbers, sees a worker's name and, for a
person's, "staff".
"""

from datetime import datetime
from typing import Any, NamedTuple

from nameko_sqlalchemy.database import Session
from sqlalchemy import TextClause, text

from common.errors import NotFound
from common.orders import estimates, front
from common.orders.estimates import KitchenQueue, WaitingLine
from common.orders.lifecycle import CUSTOMER, KITCHEN, MOVES, RECEIVED, STAFF, WORKER
from common.orders.numbers import is_order_number
from common.orders.tables import IS_ONLINE, Order


class Standing(NamedTuple):
    """Where an order stands: columns of `orders`."""

    number: str
    id: int
    order_type: str
    status: str
    updated_at: datetime
    estimated_completion: datetime | None
    processed_by: str | None
    prep_seconds: int
    priority: int
    first_estimate: datetime | None

    @classmethod
    def of(cls, order: Order) -> "Standing":
        """Where a row that was read already stands."""
        return cls(*(getattr(order, column) for column in cls._fields))

    def as_answer(self) -> dict[str, object]:
        """What HTTP and RPC answer who asks for an order's status."""
        return {
            "order_number": self.number,
            "current_status": self.status,
            "updated_at": self.updated_at,
            "estimated_completion": self.estimated_completion,
            "first_estimate": self.first_estimate,
            "processed_by": self.processed_by,
        }


#: SQL: an order that has waited, or cooked, for more than so many seconds.
IS_STUCK = """status in ('received', 'cooking')
    and updated_at < now() - make_interval(secs => case status when 'received' then :received else :cooking end)"""


def public_name(column: str) -> str:
    """SQL: the name in `column` for everybody. The workers' names are no secret; a person who has the same name as
    a worker is not told from it. A scalar query, so that PostgreSQL looks for that one name only."""
    return f"""case when {column} is not null then
        coalesce((select workers.name from workers where workers.name = {column}), '{STAFF}') end"""


def _history(changed_by: str, reason: str) -> TextClause:
    return text(f"""
        select l.status, l.changed_at, {changed_by} as changed_by, {reason} as reason
        from order_status_log l join orders o on o.id = l.order_id
        where o.number = :number order by l.sequence
    """)


def _stuck(processed_by: str) -> TextClause:
    return text(f"""
        select number, status, {processed_by} as processed_by, updated_at,
            extract(epoch from now() - updated_at)::int as seconds
        from orders where {IS_STUCK} order by updated_at limit 1000
    """)


_STANDING = text(f"select {', '.join(Standing._fields)} from orders where number = :number")
# Workers make some moves and no others; what signs the rest is a word for many, or a person.
_WORKERS_MOVES = ", ".join(sorted({f"'{move.target}'" for move in MOVES if WORKER in move.roles}))
_HISTORY = _history("l.changed_by", "l.reason")
#: SQL: who made the change that `l`, a row of order_status_log, tells of, as everybody may know.
PUBLIC_CHANGED_BY = f"""case
    when l.changed_by in ('{CUSTOMER}', '{KITCHEN}') then l.changed_by
    when l.status in ({_WORKERS_MOVES}) then {public_name("l.changed_by")}
    else '{STAFF}' end"""
# Reasons that somebody typed may say anything of anybody.
_NOBODYS_WORDS = ", ".join(f"'{reason}'" for reason in front.REASONS)
_PUBLIC_HISTORY = _history(PUBLIC_CHANGED_BY, f"case when l.reason in ({_NOBODYS_WORDS}) then l.reason end")
_WORKERS = text(f"""
    select name, case when {IS_ONLINE} then 'online' else 'offline' end as status, orders_processed, last_seen,
        order_types, heartbeats, heartbeat_interval
    from workers where last_seen > now() - make_interval(days => :listed_for) order by name
""")

_ONLINE = text(f"""
    select order_types, cooking_speed, count(*) from workers where {IS_ONLINE} group by order_types, cooking_speed
""")

_LEFT_TO_COOK = "greatest(0, prep_seconds - extract(epoch from now() - cooking_started_at))"

# Of each type and priority the orders that wait, oldest first, and the work up to and with each. Those that were
# written together have the same time; their ids tell which is first in its queue.
_WAITING = text("""
    select order_type, priority, array_agg(id order by id), array_agg(work order by id)
    from (
        select order_type, priority, id,
            sum(prep_seconds) over (partition by order_type, priority order by id)::float8 as work
        from orders where status = 'received'
    ) waiting
    group by order_type, priority
""")
_COOKING = text(f"""
    select order_type, sum({_LEFT_TO_COOK})::float8 from orders where status = 'cooking' group by order_type
""")
_LOAD = text(f"""
    select status, order_type, priority,
        sum(case status when 'received' then prep_seconds else {_LEFT_TO_COOK} end)
    from orders where status in ('received', 'cooking') group by status, order_type, priority
""")

_STUCK = _stuck("processed_by")
_PUBLIC_STUCK = _stuck(public_name("processed_by"))


def order_standing(session: Session, order_number: str) -> Standing:
    """Where an order stands now. Raises NotFound."""
    row = None
    if is_order_number(order_number):
        row = session.execute(_STANDING, {"number": order_number}).one_or_none()
    if row is None:
        raise unknown(order_number)
    return Standing(*row)


def order_history(session: Session, order_number: str, is_public: bool = False) -> list[dict[str, object]]:
    """Every status the order has had, oldest first; `received` comes again when it was sent to the front of the
    line, or back, as its reason says. Everybody learns no other reasons. Raises NotFound."""
    statement = _PUBLIC_HISTORY if is_public else _HISTORY
    rows = session.execute(statement, {"number": order_number}).all() if is_order_number(order_number) else []
    if not rows:
        raise unknown(order_number)
    return [
        {"status": row.status, "timestamp": row.changed_at, "changed_by": row.changed_by, "reason": row.reason}
        for row in rows
    ]


def stuck_orders(
    session: Session, received: float, cooking: float, is_public: bool = False
) -> list[dict[str, object]]:
    """Orders that have been received or cooking for more than so many seconds, longest first; at most 1,000."""
    statement = _PUBLIC_STUCK if is_public else _STUCK
    return [
        {
            "order_number": row.number,
            "status": row.status,
            "processed_by": row.processed_by,
            "since": row.updated_at,
            "seconds": row.seconds,
        }
        for row in session.execute(statement, {"received": received, "cooking": cooking})
    ]


def workers(session: Session, listed_for: int) -> list[dict[str, Any]]:
    """Every worker that was heard of in so many days, by name, with what it has done, and its last heartbeats
    (twelve), newest first; one is due every `heartbeat_interval` seconds.

    One that is not listed any more stays known: histories have its name.
    """
    return [
        {
            "worker_name": row.name,
            "status": row.status,
            "orders_processed": row.orders_processed,
            "last_seen": row.last_seen,
            "order_types": row.order_types,
            "heartbeats": row.heartbeats,
            "heartbeat_interval": row.heartbeat_interval,
        }
        for row in session.execute(_WORKERS, {"listed_for": listed_for})
    ]


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


def kitchen_queue(session: Session) -> KitchenQueue:
    """Who waits in the kitchen now, and behind what."""
    waiting = {
        (order_type, priority): WaitingLine(ids, work)
        for order_type, priority, ids, work in session.execute(_WAITING)
    }
    cooking = {row[0]: row[1] for row in session.execute(_COOKING)}
    return KitchenQueue(waiting, cooking, _workers_online(session))


def _workers_online(session: Session) -> list[estimates.WorkerOnline]:
    """The workers whose last heartbeat is not older than twice their interval; those that are alike together."""
    rows = session.execute(_ONLINE)
    return [estimates.WorkerOnline(tuple(types), speed, workers) for types, speed, workers in rows]


def unknown(order_number: object) -> NotFound:
    """What is raised for a number that no order has."""
    is_shown = isinstance(order_number, str) and order_number.isprintable()  # RPC may send anything
    return NotFound(f"There is no order {str(order_number)[:40]}." if is_shown else "There is no such order.")
