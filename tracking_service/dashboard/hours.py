"""Orders and sales by the hour, and how a day compares with the one before it: rules on plain values.

An order counts in the hour in which it was placed, whatever became of it. Sales leave out what was cancelled or
has failed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tracking_service.dashboard.days import Days, hour_of

_LAST_HOUR = 23


class Quarter(NamedTuple):
    """What was ordered in a quarter of an hour: time zones differ by whole ones. Those placed before `by_then` are
    counted besides."""

    begins: datetime
    orders: int
    sales: Decimal
    orders_by_then: int
    sales_by_then: Decimal


@dataclass(frozen=True)
class Tally:
    """Orders, and what they sold for."""

    orders: int = 0
    sales: Decimal = Decimal(0)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.orders + other.orders, self.sales + other.sales)


@dataclass(frozen=True)
class Hour:
    """One hour of the day and of the day before. `is_now` is the one that is not over."""

    hour: int
    day: Tally
    before: Tally
    is_now: bool


@dataclass(frozen=True)
class Hours:
    """A day by the hour. `by_then` is what the day before had at this time of day."""

    hours: list[Hour]
    day: Tally
    before: Tally
    by_then: Tally

    @property
    def has_orders(self) -> bool:
        return bool(self.day.orders)

    @property
    def has_before(self) -> bool:
        """The day before had orders, so that there is something to compare with."""
        return bool(self.before.orders)


def by_hour(quarters: Iterable[Quarter], days: Days, zone: ZoneInfo, now: datetime) -> Hours:
    """From the first hour in which anything was ordered, on either day, to the last one, and to this one."""
    day: dict[int, Tally] = {}
    before: dict[int, Tally] = {}
    by_then = Tally()
    for quarter in quarters:
        hour = hour_of(quarter.begins, zone)
        counted = before if quarter.begins < days.begins else day
        counted[hour] = counted.get(hour, Tally()) + Tally(quarter.orders, quarter.sales)
        if counted is before:
            by_then += Tally(quarter.orders_by_then, quarter.sales_by_then)
    this_hour = hour_of(now, zone) if days.begins <= now < days.ends else None
    shown = [*day, *before, *([] if this_hour is None else [this_hour])]
    hours = [
        Hour(hour, day.get(hour, Tally()), before.get(hour, Tally()), hour == this_hour)
        for hour in range(min(shown, default=_LAST_HOUR + 1), max(shown, default=_LAST_HOUR) + 1)
    ]
    return Hours(hours, sum(day.values(), Tally()), sum(before.values(), Tally()), by_then)


def more_or_fewer(now: int, then: int) -> str:
    """How a count compares: "6 more than", "2 fewer than", "as many as"."""
    if now == then:
        return "as many as"
    return f"{now - then:,} more than" if now > then else f"{then - now:,} fewer than"
