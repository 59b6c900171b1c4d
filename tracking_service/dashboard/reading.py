"""What the dashboard asks of PostgreSQL. Plain SQL; every statement finds its rows by an index.

`state()` is what is open now. `day()` reads the orders of two days, whose figures are worked out there.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.orders import queries
from common.orders.lifecycle import (
    CANCELLED,
    COOKING,
    FAILED,
    KITCHEN,
    OUT_FOR_DELIVERY,
    READY,
    RECEIVED,
)
from common.orders.open_orders import MAX_COUNTED, MAX_HOURS
from common.orders.tables import IS_ONLINE
from common.postgres.statements import statement
from common.settings import Settings
from tracking_service.dashboard import hours, steps, stuck
from tracking_service.dashboard.days import Days
from tracking_service.dashboard.figures import Day, State
from tracking_service.dashboard.hours import Quarter
from tracking_service.dashboard.staffing import Worker
from tracking_service.dashboard.steps import STEPS, Passage
from tracking_service.dashboard.stuck import Cooking, SetAside, Unsent, Waiting

MAX_FAILED = 100  # orders that were set aside, of the latest
MAX_HOLDERS = 100  # of orders that cook for too long
_MAX_WORKERS = 200  # of those that were seen last

_NOW = text("select now()")
_COUNTS = text(f"""
    select status, count(*) from orders where status in ('{RECEIVED}', '{COOKING}') group by 1
    union all select '{READY}', count(*) from (
        select from orders where status = '{READY}' and cleared_at is null
        order by updated_at limit {MAX_COUNTED}) counted
    union all select '{OUT_FOR_DELIVERY}', count(*) from (
        select from orders where status = '{OUT_FOR_DELIVERY}' and cleared_at is null
        order by updated_at limit {MAX_COUNTED}) counted
""")
_WAITING = text(f"""
    select order_type, accepted_by is not null as is_accepted, {queries.IS_STUCK} as is_long,
        min(retry_at) filter (where retry_at > now()) as retried_at,
        count(*) as orders, (array_agg(number order by id))[1:3] as numbers, min(updated_at) as since
    from orders where status = '{RECEIVED}'
    group by order_type, is_accepted, is_long, retry_at > now()
""")
_COOKING = text(f"""
    select processed_by as holder, count(*) as orders, (array_agg(number order by updated_at))[1:3] as numbers,
        min(updated_at) as since
    from orders where status = '{COOKING}' and {queries.IS_STUCK}
    group by processed_by order by since limit {MAX_HOLDERS}
""")
_IN_HAND = text(f"""
    select processed_by, array_agg(number order by cooking_started_at) from orders
    where status = '{COOKING}' group by processed_by
""")
# The kitchen's own signature: a ticket that it gave up. What a person called off is no riddle to anybody. For as
# long as the board shows it, where it is cleared.
_FAILED = text(f"""
    select o.number, o.reason, o.tries, o.placed_at as since
    from orders o join order_status_log l on l.order_id = o.id and l.sequence = o.sequence
    where o.status = '{FAILED}' and o.cleared_at is null and l.changed_by = '{KITCHEN}'
        and o.updated_at > now() - interval '{MAX_HOURS} hours'
    order by o.updated_at desc limit {MAX_FAILED}
""")
_UNSENT = text("select count(*) as messages, min(created_at) as since from outbox")
_WORKERS = text(f"""
    select name, order_types, {IS_ONLINE} as is_online, status <> 'online' as has_left, last_seen,
        heartbeat_interval, heartbeats
    from workers order by last_seen desc limit {_MAX_WORKERS}
""")

_HOURS = text(statement(__file__, "hours", no_sale=f"'{CANCELLED}', '{FAILED}'"))
_FORWARD = ", ".join(f"('{step.status}', '{following}')" for step in STEPS for following in step.following)
_STEPS = text(statement(__file__, "steps", forward=_FORWARD))
# How many orders of the day each has made ready.
_DONE = text(f"""
    select l.changed_by, count(*) from orders o cross join lateral (
        select distinct changed_by from order_status_log where order_id = o.id and status = '{READY}') l
    where o.placed_at >= :begins and o.placed_at < :ends group by 1
""")


def now(session: Session) -> datetime:
    """PostgreSQL's clock, by which everything was written (UTC)."""
    moment: datetime = session.execute(_NOW).scalar_one()
    return moment


def state(session: Session, settings: Settings) -> State:
    """How things stand. In a transaction that sees one moment, or the parts may not fit."""
    limits = {"received": settings.stuck_received, "cooking": settings.stuck_cooking}
    moment = now(session)
    workers = [_worker(row) for row in session.execute(_WORKERS)]
    unsent = Unsent(*session.execute(_UNSENT).one())
    return State(
        moment,
        _pairs(session.execute(_COUNTS)),
        stuck.groups(
            [Waiting(*row) for row in session.execute(_WAITING, limits)],
            [Cooking(*row) for row in session.execute(_COOKING, limits)],
            [SetAside(*row) for row in session.execute(_FAILED)],
            workers,
        ),
        unsent if stuck.is_stalled(unsent, moment) else None,
        workers,
        _pairs(session.execute(_IN_HAND)),
    )


def day(session: Session, days: Days, zone: ZoneInfo, moment: datetime) -> Day:
    """The figures of two days, at `moment`."""
    limits = {"since": days.before_begins, "begins": days.begins, "ends": days.ends}
    by_then = {"since": days.before_begins, "ends": days.ends, "by_then": days.by_then}
    quarters = [Quarter(*row) for row in session.execute(_HOURS, by_then)]
    passages: dict[bool, dict[tuple[str, str], Passage]] = {True: {}, False: {}}
    for row in session.execute(_STEPS, limits):
        passages[row.is_day][row.status, row.order_type] = Passage.of(row.orders, row.median, row.p95)
    today = {"begins": days.begins, "ends": days.ends}
    return Day(
        moment,
        days,
        hours.by_hour(quarters, days, zone, moment),
        steps.lines(passages[True], passages[False]),
        _pairs(session.execute(_DONE, today)),
    )


def _pairs(rows: Iterable[Any]) -> dict[str, Any]:
    return {row[0]: row[1] for row in rows}


def _worker(row: Any) -> Worker:
    return Worker(
        row.name,
        tuple(row.order_types),
        row.is_online,
        row.has_left,
        row.last_seen,
        row.heartbeat_interval,
        tuple(row.heartbeats),
    )
