"""Where the lobby's numbers come from: two statements, by the indices of what is open, with an end."""

from datetime import datetime

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.orders.lifecycle import COOKING, DELIVERY, READY, RECEIVED
from tracking_service.lobby.numbers import Open

MAX_MADE = 60  # numbers that have a place on the wall
MAX_READY = 40

# Those that cook, and of those that wait the next ones. Each is looked up in the log for itself, by its key.
_MADE = text(f"""
    select o.number, o.status, o.updated_at, past.was_ready is not null as was_ready
    from (
        select id, number, status, updated_at, priority from orders
        where status in ('{RECEIVED}', '{COOKING}') and order_type <> '{DELIVERY}' and placed_at >= :since
        order by status = '{COOKING}' desc, priority desc, id limit {MAX_MADE + 1}
    ) o
    left join lateral (
        select true as was_ready from order_status_log l
        where l.order_id = o.id and l.status = '{READY}' and o.status = '{COOKING}' limit 1
    ) past on true
    order by o.status = '{COOKING}' desc, o.priority desc, o.id
""")
# With the condition of the index, though what is ready is never cleared.
_READY = text(f"""
    select number, updated_at from orders
    where status = '{READY}' and cleared_at is null and updated_at >= :since
        and order_type <> '{DELIVERY}' and placed_at >= :since
    order by updated_at desc limit {MAX_READY}
""")


def read(session: Session, since: datetime) -> tuple[list[Open], list[Open], bool]:
    """The orders that are being made and those that are ready, of those that were placed `since` then, and whether
    more are being made than these."""
    rows = session.execute(_MADE, {"since": since}).all()
    made = [Open(row.number, row.status, row.updated_at, row.was_ready) for row in rows[:MAX_MADE]]
    ready = [Open(row.number, READY, row.updated_at) for row in session.execute(_READY, {"since": since})]
    return made, ready, len(rows) > MAX_MADE
