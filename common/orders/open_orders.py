"""The orders that screens show, as values: those that wait, cook, are ready or on their way, and those that ended
badly until somebody has cleared them. Plain SQL: open_orders.sql, and some that counts.

A screen holds what it shows, and the snapshot that it was read in: `pg_current_snapshot()` of the same
transaction, which must be REPEATABLE READ. With that as `after` it gets the tickets that have changed since, and
the numbers of all that it has to show by now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.orders.lifecycle import (
    CANCELLED,
    COOKING,
    FAILED,
    ORDER_TYPES,
    OUT_FOR_DELIVERY,
    READY,
    RECEIVED,
)
from common.orders.tables import IS_ONLINE
from common.postgres.statements import statement

#: How many of each a screen shows: the most urgent of those that are to be made, and the newest of the others.
MAX_SHOWN = {RECEIVED: 200, COOKING: 200, READY: 100, OUT_FOR_DELIVERY: 100, CANCELLED: 100, FAILED: 100}
MAX_COUNTED = 1000  # of those that are ready or on their way; the others are counted to the last
MAX_HOURS = 12  # for which one that ended badly is shown, if nobody clears it
_MAX_DISHES = 1000  # that are still to be made, by order type
_EDGE = 20  # places at the end of a full lane


class Item(NamedTuple):
    """Some of a dish. `note` is the customer's. `allergens` is what the menu says of the dish by now, of the
    fourteen; None: it is not on the menu, so nobody knows."""

    quantity: int
    name: str
    note: str | None
    allergens: tuple[str, ...] | None


@dataclass(frozen=True)
class Ticket:
    """An order as screens show it. Times are UTC; names are for staff.

    `front_at` is when it was sent to the front. `changed_by`, `changed_at` and `reason` are of the last line of
    its history; with `is_recalled` it was ready, and they say who called it back and why. `retry_at` is when its
    ticket comes again, while it waits for that after it failed; `tries` is how often it has failed. `changed_in`
    is the transaction that wrote it last; None is long ago. `sequence` goes up with its history. `traceparent` is
    of the step that wrote its status, where that is traced.
    """

    number: str
    order_type: str
    status: str
    sequence: int
    priority: int
    front_at: datetime | None
    table_number: int | None
    customer_name: str
    placed_at: datetime
    updated_at: datetime
    cooking_started_at: datetime | None
    completed_at: datetime | None
    estimated_completion: datetime | None
    processed_by: str | None
    accepted_by: str | None
    allergies: Sequence[str]
    changed_by: str | None
    changed_at: datetime | None
    reason: str | None
    is_recalled: bool
    retry_at: datetime | None
    tries: int
    changed_in: str | None
    items: Sequence[Item]
    traceparent: str | None = None

    def dishes_with(self, allergen: str) -> list[str]:
        """The names of its dishes that have the allergen in them by the menu."""
        return [item.name for item in self.items if item.allergens is not None and allergen in item.allergens]


@dataclass(frozen=True)
class OpenOrders:
    """`lanes` has the numbers of all that are shown, by status: first what was sent to the front, the latest
    before the others, then by priority, then by age. `tickets` has what was asked for of them, in that order."""

    lanes: Mapping[str, Sequence[str]]
    tickets: Sequence[Ticket]


class Uncovered(NamedTuple):
    """An order type that no worker online takes. `last_taken_by` did until `until`; None: nobody ever did."""

    order_type: str
    last_taken_by: str | None
    until: datetime | None


class ToMake(NamedTuple):
    """How many of a dish are still to be made, for orders of one type."""

    order_type: str
    name: str
    quantity: int


_BY_URGENCY = "front_at desc nulls last, priority desc, placed_at, id"
_NEWEST = "updated_at desc"
_NOT_CLEARED = f"cleared_at is null and updated_at > now() - interval '{MAX_HOURS} hours'"
#: Of each status, which are shown, and which of them when there are too many.
_SHOWN = {
    RECEIVED: ("true", _BY_URGENCY),
    COOKING: ("true", _BY_URGENCY),
    READY: ("cleared_at is null", _NEWEST),
    OUT_FOR_DELIVERY: ("cleared_at is null", _NEWEST),
    # One that nobody had in hand is nobody's to stop.
    CANCELLED: (f"{_NOT_CLEARED} and (cooking_started_at is not null or accepted_by is not null)", _NEWEST),
    FAILED: (_NOT_CLEARED, _NEWEST),
}


def _some(columns: str, status: str, most: int) -> str:
    condition, first = _SHOWN[status]
    columns = columns.format(place=f"row_number() over (order by {first})")
    return f"""
        (select {columns} from orders where status = '{status}' and {condition} order by {first} limit {most})"""


def _lane(status: str, most: int) -> str:
    columns = "id, number, status, front_at, priority, placed_at, changed_in"
    return _some(f"{columns}, {{place}} > {most - _EDGE} as is_at_edge", status, most)


_OPEN = text(
    statement(
        __file__,
        "open_orders",
        lanes=" union all ".join(_lane(status, most) for status, most in MAX_SHOWN.items()),
        received=RECEIVED,
        cooking=COOKING,
        ready=READY,
    )
)
_COLUMNS = [field.name for field in fields(Ticket) if field.name != "items"]
_ALLERGENS = text("select name, allergens from menu_items")
_COUNTED = " union all ".join(_some("status, order_type", each, MAX_COUNTED) for each in (READY, OUT_FOR_DELIVERY))
_COUNTS = text(f"""
    select status, order_type, count(*) from orders where status in ('{RECEIVED}', '{COOKING}') group by 1, 2
    union all
    select status, order_type, count(*) from ({_COUNTED}) made group by 1, 2
""")
_TO_MAKE = text(f"""
    select o.order_type, i.name, cast(sum(i.quantity) as int)
    from orders o join order_items i on i.order_id = o.id
    where o.status in ('{RECEIVED}', '{COOKING}')
    group by 1, 2 order by 3 desc, 2, 1 limit {_MAX_DISHES}
""")
_UNCOVERED = text(f"""
    select t.order_type, last.name, last.last_seen
    from unnest(cast(:order_types as text[])) with ordinality as t (order_type, place)
        left join lateral (
            select name, last_seen from workers where t.order_type = any(order_types)
            order by last_seen desc limit 1
        ) last on true
    where not exists (select 1 from workers where {IS_ONLINE} and t.order_type = any(workers.order_types))
    order by t.place
""")


def read(session: Session, after: str | None = None) -> OpenOrders:
    """What screens show now. With `after`, a snapshot, the tickets that it has seen as they are are left out, but
    for some of a full lane. A dish whose allergens have changed on the menu changes no ticket."""
    lanes: dict[str, list[str]] = {status: [] for status in MAX_SHOWN}
    found = []
    for row in session.execute(_OPEN, {"after": after}):
        lanes[row.lane].append(row.shown_number)
        if row.number is not None:
            found.append(row._mapping)
    allergens = {name: tuple(each) for name, each in session.execute(_ALLERGENS)} if found else {}
    return OpenOrders(lanes, [_ticket(row, allergens) for row in found])


def _ticket(row: Mapping[Any, Any], allergens: Mapping[str, tuple[str, ...]]) -> Ticket:
    items = [Item(quantity, name, note, allergens.get(name)) for quantity, name, note in row["items"] or ()]
    return Ticket(**{column: row[column] for column in _COLUMNS}, items=items)


def counts(session: Session) -> dict[tuple[str, str], int]:
    """How many there are, by status and order type, shown or not: all that wait and cook, and of those that are
    ready or on their way up to MAX_COUNTED of each."""
    return {(status, order_type): count for status, order_type, count in session.execute(_COUNTS)}


def still_to_make(session: Session) -> list[ToMake]:
    """The dishes of all orders that wait or cook, shown or not, most first."""
    return [ToMake(*row) for row in session.execute(_TO_MAKE)]


def uncovered(session: Session) -> list[Uncovered]:
    """The order types that no worker online takes: an order of them waits until a person takes it in hand."""
    return [Uncovered(*row) for row in session.execute(_UNCOVERED, {"order_types": list(ORDER_TYPES)})]
