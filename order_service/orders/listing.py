"""Orders by the page: `GET /orders?status=received,cooking&type=dine_in&sort=priority`.

| parameter | meaning |
| --- | --- |
| status, type | one or several, separated by commas |
| station | the worker that took the ticket or has the order in hand, by name |
| from, to | placed at or after, and before: an ISO 8601 date or time, the house's where it names no zone |
| customer | an account's id or e-mail, or the name on the order; for staff |
| sort | placed_at (which is by number), total_amount or priority; a - in front for the largest first; -placed_at |
| limit, cursor | of the page |

What orders are sorted by never changes, and numbers are given out in the order of the commits. So a page begins
right behind where the last one ended, whatever is placed meanwhile.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from nameko_sqlalchemy.database import Session
from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select, tuple_

from common.accounts.access import Person
from common.form_fields import MAX_EMAIL
from common.http.paging import PageRequest, refuse
from common.orders.account_tables import User
from common.orders.lifecycle import ORDER_TYPES, STATUSES
from common.orders.tables import Order
from order_service.orders import reading

_SHAPE = {"sort": str, "value": str, "id": int}
_DEFAULT_SORT = "-placed_at"
# By which the day in a number and a moment in UTC may differ, with a house that has moved to another time zone.
_SLACK = timedelta(days=2)
_EPOCH, _END = (
    datetime(2000, 1, 3, tzinfo=UTC),
    datetime(9999, 1, 1, tzinfo=UTC),
)  # between which orders are placed
_AMOUNT = re.compile(r"[0-9]{1,8}(\.[0-9]{2})?")

#: What can be sorted by, and how a cursor's text is read. Orders get their ids in the order in which they are
#: placed.
SORTS: dict[str, tuple[Any, Callable[[str], Any]]] = {
    "placed_at": (None, str),
    "total_amount": (Order.total_amount, Decimal),
    "priority": (Order.priority, Decimal),
}


@dataclass(frozen=True)
class Listing:
    """A page that was asked for, with nothing left to check."""

    asked: PageRequest
    sort: str
    conditions: tuple[ColumnElement[bool], ...]


def read(asked: PageRequest, person: Person, time_zone: ZoneInfo) -> Listing:
    """What `person` asks for, in a house in that time zone. Raises Invalid, naming the parameter."""
    conditions = []
    if not person.is_staff:
        conditions.append(Order.customer_id == person.user_id)
    sort = _DEFAULT_SORT
    for name, value in asked.filters.items():
        if name == "sort":
            sort = value
        elif name in _FILTERS and (name != "customer" or person.is_staff):
            conditions.append(_FILTERS[name](value))
        elif name in _TIMES:
            conditions += _TIMES[name](_moment(name, value, time_zone))
        else:
            raise refuse(re.sub(r"[^\w.-]", "?", name)[:50], "Unknown parameter.")
    if sort.removeprefix("-") not in SORTS:
        raise refuse("sort", f"Must be one of: {', '.join(SORTS)}, with a - in front for the largest first.")
    return Listing(asked, sort, (*conditions, *_behind(asked.cursor_of(_SHAPE), sort)))


def page(session: Session, listing: Listing) -> dict[str, Any]:
    """The answer: {"items": […], "next": the next page's cursor, or None}."""
    column, _ = SORTS[listing.sort.removeprefix("-")]
    by = [Order.id] if column is None else [column, Order.id]
    if listing.sort.startswith("-"):
        by = [each.desc() for each in by]
    statement = select(Order).where(*listing.conditions).order_by(*by).limit(listing.asked.limit + 1)
    orders = list(session.scalars(statement))
    places = [
        {"sort": listing.sort, "value": "" if column is None else str(getattr(each, column.key)), "id": each.id}
        for each in orders
    ]
    answer = listing.asked.page(list(zip(orders, places, strict=True)), lambda found: found[1])
    return {**answer, "items": reading.described(session, [order for order, _ in answer["items"]])}


def _behind(cursor: dict[str, Any] | None, sort: str) -> list[ColumnElement[bool]]:
    """Only what comes after the place that the cursor is at."""
    if cursor is None:
        return []
    if cursor["sort"] != sort:
        raise refuse("cursor", "Is from a list with another sort: begin without a cursor.")
    column, value_of = SORTS[sort.removeprefix("-")]
    if column is None:
        return [Order.id < cursor["id"] if sort.startswith("-") else Order.id > cursor["id"]]
    if not _AMOUNT.fullmatch(cursor["value"]):
        raise refuse("cursor", "Must be the next of a page of this list.")
    value = value_of(cursor["value"])
    here, there = tuple_(column, Order.id), tuple_(value, cursor["id"])
    return [here < there if sort.startswith("-") else here > there]


def _some_of(field: str, column: Any, known: tuple[str, ...]) -> Callable[[str], ColumnElement[bool]]:
    def condition(value: str) -> ColumnElement[bool]:
        wanted = set(value.split(","))
        if not wanted <= set(known):
            raise refuse(field, f"Must be one or several of: {', '.join(known)}.")
        chosen: ColumnElement[bool] = column.in_(sorted(wanted))
        return chosen

    return condition


def _station(value: str) -> ColumnElement[bool]:
    _must_be_text("station", value)
    return or_(Order.accepted_by == value, Order.processed_by == value)


def _customer(value: str) -> ColumnElement[bool]:
    _must_be_text("customer", value)
    if value.isascii() and value.isdecimal() and len(value) <= 18:
        return Order.customer_id == int(value)
    if "@" in value:
        return Order.customer_id == select(User.id).where(User.email == value.lower()).scalar_subquery()
    return func.lower(Order.customer_name) == unicodedata.normalize("NFC", value).lower()


def _must_be_text(field: str, value: str) -> None:
    if not value.isprintable() or not 1 <= len(value) <= MAX_EMAIL:
        raise refuse(field, f"Must be a line of 1 to {MAX_EMAIL} characters.")


def _moment(field: str, value: str, time_zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        # What staff type is what their clocks show: the day from whose midnight on orders are numbered.
        return (moment.replace(tzinfo=time_zone) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise refuse(field, "Not an ISO 8601 date or time, like 2026-11-22 or 2026-11-22T18:30:00Z.") from exc


def _from(moment: datetime) -> list[ColumnElement[bool]]:
    return [Order.placed_at >= moment, Order.id >= func.coalesce(_first_of(max(moment, _EPOCH) - _SLACK), 0)]


def _to(moment: datetime) -> list[ColumnElement[bool]]:
    return [Order.placed_at < moment, Order.id < func.coalesce(_first_of(min(moment, _END) + _SLACK), 2**62)]


def _first_of(moment: datetime) -> ScalarSelect[Any]:
    """The id of the first order of that day, or else of a later one: its number names the day, and ids ascend with
    the days, unless PostgreSQL's clock was wrong by some. So a page of long ago is found by two keys, and not by
    reading what was placed since."""
    day = f"ORD_{moment:%Y%m%d}_"
    return select(Order.id).where(Order.number >= day).order_by(Order.number).limit(1).scalar_subquery()


_TIMES: dict[str, Callable[[datetime], list[ColumnElement[bool]]]] = {"from": _from, "to": _to}
_FILTERS: dict[str, Callable[[str], ColumnElement[bool]]] = {
    "status": _some_of("status", Order.status, STATUSES),
    "type": _some_of("type", Order.order_type, ORDER_TYPES),
    "station": _station,
    "customer": _customer,
}
