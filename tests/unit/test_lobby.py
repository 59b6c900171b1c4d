"""Which numbers are on the wall, in which order, and how large."""

from datetime import UTC, date, datetime, timedelta

import pytest

from common.orders import numbers
from tracking_service.lobby.numbers import Open, Shown, Wall, shown_since, wall

NOW = datetime(2026, 11, 22, 20, 43, tzinfo=UTC)


def order(short: str, status: str = "received", seconds_ago: float = 300, **more: bool) -> Open:
    number = short if short.startswith("ORD") else f"ORD_20261122_{short}"
    return Open(number, status, NOW - timedelta(seconds=seconds_ago), **more)


def hung(made: list[Open] | None = None, ready: list[Open] | None = None) -> Wall:
    return wall(made or [], ready or [], NOW, are_there_more=False)


def called(shown: list[Shown]) -> list[str]:
    return [each.called for each in shown]


def test_those_that_cook_come_first_and_each_in_the_order_of_their_numbers() -> None:
    made = [order("1000"), order("150"), order("148", "cooking"), order("999"), order("139", "cooking")]
    shown = hung(made)
    assert called(shown.cooking) == ["139", "148"]
    assert called(shown.waiting) == ["150", "999", "1000"]


def test_the_one_that_became_ready_last_stands_out_for_twenty_seconds() -> None:
    ready = [order("136", "ready"), order("144", "ready", 19.9), order("142", "ready", 19.95)]
    shown = hung(ready=ready)
    assert shown.newest == Shown("144", None)
    assert called(shown.ready) == ["136", "142"]
    later = wall([], ready, NOW + timedelta(seconds=0.1), are_there_more=False)
    assert later.newest is None
    assert called(later.ready) == ["136", "142", "144"]


def test_a_number_stays_until_it_is_handed_over() -> None:
    shown = hung(ready=[order("001", "ready", 11 * 3600)])
    assert called(shown.ready) == ["001"]


def test_one_that_went_back_is_named_and_being_made() -> None:
    shown = hung([order("148", "cooking", was_ready=True), order("149", "cooking"), order("150", was_ready=True)])
    assert called(shown.back) == ["148"]
    assert called(shown.cooking) == ["148", "149"]


def test_of_two_that_are_called_the_same_the_older_shows_its_day() -> None:
    shown = hung([order("148"), order("149")], [order("ORD_20261121_148", "ready")])
    assert shown.waiting == [Shown("148", None), Shown("149", None)]
    assert shown.ready == [Shown("148", date(2026, 11, 21))]


def test_the_older_ones_come_first_whatever_their_number() -> None:
    shown = hung([order("001"), order("ORD_20261121_312")])
    assert called(shown.waiting) == ["312", "001"]


@pytest.mark.parametrize(
    ("count", "size"),
    [(0, 1), (1, 1), (2, 3), (3, 3), (4, 4), (5, 9), (12, 12), (13, 15), (16, 25), (40, 60), (61, 60)],
)
def test_fewer_numbers_are_larger(count: int, size: int) -> None:
    many = [order(f"{number:03}", "ready") for number in range(count)]
    assert hung(ready=many).ready_size == size
    assert hung(many).made_size == size


def test_how_many_digits_they_have() -> None:
    assert hung().digits == 3
    assert hung([order("1000")]).digits == 4
    assert hung(ready=[order("12345", "ready", 1)]).digits == 5


@pytest.mark.parametrize(("hour", "since"), [(0, 12), (11, 1), (12, 0), (20, 0)])
def test_the_days_orders_are_shown_and_in_the_night_those_of_the_evening(hour: int, since: int) -> None:
    """`since`: the hours before midnight from which on orders are shown."""
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    assert shown_since(midnight, midnight + timedelta(hours=hour)) == midnight - timedelta(hours=since)


def test_numbers() -> None:
    assert numbers.day_of("ORD_20261122_1000") == date(2026, 11, 22)
    assert numbers.called("ORD_20261122_1000") == "1000"
    assert numbers.in_turn("ORD_20261121_999") < numbers.in_turn("ORD_20261122_001")
    assert numbers.in_turn("ORD_20261122_999") < numbers.in_turn("ORD_20261122_1000")
    assert numbers.ambiguous(["ORD_20261120_001", "ORD_20261121_001", "ORD_20261122_001", "ORD_20261122_002"]) == {
        "ORD_20261120_001",
        "ORD_20261121_001",
    }
