"""What the board reads besides the open orders: plain SQL, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.live.snapshots import CHANGED_SINCE
from common.orders import open_orders
from common.orders.lifecycle import COMPLETED, COOKING, OUT_FOR_DELIVERY, READY, RECEIVED
from common.orders.open_orders import OpenOrders, ToMake, Uncovered
from common.orders.tables import IS_ONLINE
from kitchen_service.board import lanes

_LATEST = 300  # orders, in which what happened last is looked for
_MAX_RECALLABLE = 20  # that a list can hold

_STOPPED = text(f"""
    select case when cooking_started_at is null then '{lanes.WAITING}' else '{lanes.COOKING}' end, order_type,
        count(*)
    from orders where number = any(:numbers) group by 1, 2
""")
_NOBODY = text(f"""
    select order_type, count(*) from orders
    where status = '{RECEIVED}' and accepted_by is null and order_type = any(:types) group by 1
""")
_ONLINE = text(f"select count(*) from workers where {IS_ONLINE}")
# What became ready within the window was written since, too, and that is what the index knows: a house may have a
# hundred thousand that are ready and that nobody completed.
_RECALLABLE = text(f"""
    select number, order_type, table_number, customer_name, completed_at from orders
    where status = '{READY}' and cleared_at is null and completed_at > now() - make_interval(secs => :window)
        and updated_at > now() - make_interval(secs => :window)
    order by completed_at desc limit {_MAX_RECALLABLE}
""")
_LAST = text(f"""
    select max(cooking_started_at) as {lanes.WAITING},
        max(completed_at) filter (where status <> '{COOKING}') as {lanes.COOKING},
        max(updated_at) filter (where status in ('{COMPLETED}', '{OUT_FOR_DELIVERY}')) as {lanes.READY}
    from (select * from orders order by id desc limit {_LATEST}) latest
""")
_GONE = text(f"""
    select orders.number, l.changed_by
    from (select * from orders order by id desc limit {_LATEST}) orders
        join order_status_log l on l.order_id = orders.id and l.sequence = orders.sequence
    where orders.status = any(:statuses) and orders.cleared_at is null and {CHANGED_SINCE}
""")
_MENU = text("select md5(string_agg(name || allergens::text, '|' order by name)) from menu_items")


class Recallable(NamedTuple):
    """An order that was ready at `completed_at` (UTC) and can come back."""

    number: str
    order_type: str
    table_number: int | None
    customer_name: str
    completed_at: datetime

    @property
    def short(self) -> str:
        return self.number.rpartition("_")[2]


@dataclass(frozen=True)
class Kitchen:
    """What was read. `counted` is by status and order type, `stopped` by lane and order type, `nobody` by order
    type. `last` is when something last left each lane, as far as is known; `menu` is another text when what a dish
    contains has changed."""

    opened: OpenOrders
    counted: Mapping[tuple[str, str], int]
    stopped: Mapping[tuple[str, str], int]
    nobody: Mapping[str, int]
    uncovered: Sequence[Uncovered]
    to_make: Sequence[ToMake]
    recallable: Sequence[Recallable]
    online: int
    last: Mapping[str, datetime | None]
    menu: str


def read(session: Session, recall_window: float, after: str | None = None) -> Kitchen:
    """The kitchen as it stands; of the open orders those that have changed since `after`, a snapshot, or all.
    What became ready within the last `recall_window` seconds can come back."""
    opened = open_orders.read(session, after)
    stopped = [number for status in lanes.STOPPED for number in opened.lanes[status]]
    uncovered = open_orders.uncovered(session)
    types = [each.order_type for each in uncovered]
    return Kitchen(
        opened=opened,
        counted=open_orders.counts(session),
        stopped={
            (lane, order_type): count
            for lane, order_type, count in (session.execute(_STOPPED, {"numbers": stopped}) if stopped else ())
        },
        nobody=dict(session.execute(_NOBODY, {"types": types}).tuples().all()) if types else {},
        uncovered=uncovered,
        to_make=open_orders.still_to_make(session),
        recallable=[Recallable(*row) for row in session.execute(_RECALLABLE, {"window": recall_window})],
        online=session.execute(_ONLINE).scalar_one(),
        last=session.execute(_LAST).one()._asdict(),
        menu=session.execute(_MENU).scalar_one() or "",
    )


def gone(session: Session, after: str) -> dict[str, str]:
    """Which of the latest orders have left the board since the snapshot `after` by a move, and who made it. One
    that was cleared has not: who cleared it is not kept, and whoever moved it last was another perhaps."""
    values = {"after": after, "statuses": [COMPLETED, *lanes.STOPPED]}
    return dict(session.execute(_GONE, values).tuples().all())
