"""The dashboard's days and hours, where clocks are changed too."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tracking_service.dashboard import days
from tracking_service.dashboard.hours import Hours, Quarter, Tally, by_hour, more_or_fewer

ROME = ZoneInfo("Europe/Rome")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def quarter(begins: str, orders: int = 1, by_then: int = 0) -> Quarter:
    """Each order costs 10.50."""
    price = Decimal("10.50")
    return Quarter(utc(begins), orders, orders * price, by_then, by_then * price)


def counted(found: Hours) -> dict[int, tuple[int, int]]:
    return {hour.hour: (hour.day.orders, hour.before.orders) for hour in found.hours}


def test_a_day_begins_at_the_houses_midnight() -> None:
    found = days.of_now(utc("2026-11-26 20:43"), LOS_ANGELES)
    assert found.day == date(2026, 11, 26)
    assert found.before_begins == utc("2026-11-25 08:00")
    assert found.begins == utc("2026-11-26 08:00")
    assert found.ends == utc("2026-11-27 08:00")
    assert found.by_then == utc("2026-11-25 20:43")


def test_in_the_evening_in_america_it_is_still_the_same_day() -> None:
    assert days.of_now(utc("2026-11-27 04:43"), LOS_ANGELES).day == date(2026, 11, 26)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 10, 26), 24)]
)
def test_a_day_on_which_clocks_are_changed_is_shorter_or_longer(day: date, hours: int) -> None:
    found = days.of_day(day, ROME)
    assert found.ends - found.begins == timedelta(hours=hours)
    assert days.of_day(day + timedelta(days=1), ROME).before_begins == found.begins


def test_a_day_that_begins_at_one_begins_when_clocks_are_set_forward() -> None:
    santiago = ZoneInfo("America/Santiago")
    assert days.of_day(date(2026, 9, 6), santiago).begins == utc("2026-09-06 04:00")
    assert days.hour_of(utc("2026-09-06 04:00"), santiago) == 1


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-10-26 19:43", "2026-10-25 19:43"),  # both by winter's clocks
        ("2026-10-25 19:43", "2026-10-24 18:43"),  # 20:43 on both days, 25 hours apart
        ("2026-03-29 18:43", "2026-03-28 19:43"),  # and 23
        ("2026-03-30 00:30", "2026-03-29 01:30"),  # 2:30 did not exist the day before; 3:30 is an hour later
    ],
)
def test_by_this_time_of_day_is_what_clocks_showed(now: str, then: str) -> None:
    assert days.of_now(utc(now), ROME).by_then == utc(then)


def test_orders_count_in_the_hour_that_clocks_show_and_on_their_day() -> None:
    now = utc("2026-11-26 20:43")
    found = by_hour(
        [
            quarter("2026-11-25 17:15", 2, by_then=2),
            quarter("2026-11-25 20:30", 5, by_then=3),
            quarter("2026-11-26 07:45", 4),  # 23:45 of the day before, in Los Angeles
            quarter("2026-11-26 19:00", 3),
            quarter("2026-11-26 19:45", 1),
            quarter("2026-11-26 20:30", 2),
        ],
        days.of_now(now, LOS_ANGELES),
        LOS_ANGELES,
        now,
    )
    assert counted(found) == {
        9: (0, 2), 10: (0, 0), 11: (4, 0), 12: (2, 5), **dict.fromkeys(range(13, 23), (0, 0)), 23: (0, 4)
    }  # fmt: skip
    assert [hour.hour for hour in found.hours if hour.is_now] == [12]
    assert found.day == Tally(6, Decimal("63.00"))
    assert found.before == Tally(11, Decimal("115.50"))
    assert found.by_then == Tally(5, Decimal("52.50"))


def test_when_clocks_are_set_back_an_hour_comes_twice_and_both_count() -> None:
    now = utc("2026-10-25 03:10")
    found = by_hour(
        [quarter("2026-10-25 00:30", 2), quarter("2026-10-25 01:30", 3)], days.of_now(now, ROME), ROME, now
    )
    assert counted(found) == {2: (5, 0), 3: (0, 0), 4: (0, 0)}


def test_a_day_goes_to_this_hour_and_one_that_is_over_to_its_last_order() -> None:
    now = utc("2026-11-26 15:10")
    placed = [quarter("2026-11-26 11:00")]
    assert list(counted(by_hour(placed, days.of_now(now, ROME), ROME, now))) == [12, 13, 14, 15, 16]
    over = by_hour(placed, days.of_day(date(2026, 11, 26), ROME), ROME, utc("2026-11-28 15:10"))
    assert list(counted(over)) == [12]
    assert not any(hour.is_now for hour in over.hours)


def test_without_any_order_there_is_nothing_but_this_hour() -> None:
    now = utc("2026-11-26 15:10")
    found = by_hour([], days.of_now(now, ROME), ROME, now)
    assert counted(found) == {16: (0, 0)}
    assert (found.has_orders, found.has_before) == (False, False)
    assert by_hour([], days.of_day(date(2020, 1, 1), ROME), ROME, now).hours == []


def test_how_counts_compare() -> None:
    assert more_or_fewer(156, 150) == "6 more than"
    assert more_or_fewer(1, 2000) == "1,999 fewer than"
    assert more_or_fewer(7, 7) == "as many as"
