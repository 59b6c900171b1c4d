"""Times in steps, and the charts of the dashboard."""

from decimal import Decimal

import pytest

from tracking_service.dashboard import charts, scales, steps
from tracking_service.dashboard.hours import Hour, Hours, Tally
from tracking_service.dashboard.steps import STEPS, Line, Passage

DAY, BEFORE = Passage.of(40, 96, 288), Passage.of(50, 84, 234)


def line(day: Passage | None = DAY, before: Passage | None = BEFORE) -> Line:
    return Line(STEPS[0], "dine_in", day, before)


def test_there_is_a_line_for_each_type_that_has_the_step_in_an_orders_way() -> None:
    shown = [(line.step.name, line.order_type) for line in steps.lines({}, {})]
    types = ("dine_in", "takeout", "delivery")
    assert shown == [
        *(("Waiting", each) for each in types),
        *(("Cooking", each) for each in types),
        *(("Handing over", each) for each in types),
        ("On the way", "delivery"),
    ]


def test_a_line_has_its_own_figures() -> None:
    found = steps.lines({("cooking", "takeout"): DAY}, {("cooking", "takeout"): BEFORE, ("ready", "takeout"): DAY})
    shown = {(each.step.name, each.order_type): (each.day, each.before) for each in found}
    assert shown["Cooking", "takeout"] == (DAY, BEFORE)
    assert shown["Handing over", "takeout"] == (None, DAY)
    assert shown["Waiting", "takeout"] == (None, None)


@pytest.mark.parametrize(("orders", "p95"), [(1, None), (4, None), (5, 9.0), (6, 9.0)])
def test_of_fewer_than_five_orders_there_is_no_p95(orders: int, p95: float | None) -> None:
    assert Passage.of(orders, 5, 9.0).p95 == p95


@pytest.mark.parametrize(
    ("day", "before", "is_worse"),
    [(125, 100, True), (124.9, 100, False), (80, 100, False), (0, 0, False), (1, 0, True)],
)
def test_a_p95_is_worse_when_it_is_longer_by_a_quarter(day: float, before: float, is_worse: bool) -> None:
    assert line(Passage.of(9, 1, day), Passage.of(9, 1, before)).is_worse is is_worse


def test_it_is_not_worse_where_there_is_nothing_to_compare() -> None:
    few = Passage.of(4, 500, 900)
    assert not line(before=None).is_worse
    assert not line(day=None).is_worse
    assert not line(day=few).is_worse
    assert not line(Passage.of(5, 500, 900), Passage.of(4, 5, 9)).is_worse


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [
        ("0", [0, 1, 2]),
        ("1", [0, 1, 2]),
        ("2", [0, 1, 2]),
        ("3", [0, 2, 4]),
        ("37", [0, 20, 40]),
        ("40", [0, 20, 40]),
        ("41", [0, 30, 60]),
        ("1130.55", [0, 600, 1200]),
        ("1999.99", [0, 1000, 2000]),
        ("98765.43", [0, 50000, 100000]),
    ],
)
def test_amounts_have_round_ticks_that_reach_over_the_largest(largest: str, ticks: list[int]) -> None:
    scale = scales.of_amounts(Decimal(largest))
    assert list(scale.ticks) == ticks
    assert scale.top == ticks[-1]


@pytest.mark.parametrize(
    ("longest", "ticks"),
    [
        (0.0, [0, 120, 240, 360, 480, 600]),
        (0.3, [0, 1]),
        (8.0, [0, 2, 4, 6, 8]),
        (50.0, [0, 10, 20, 30, 40, 50]),
        (1260.0, [0, 300, 600, 900, 1200]),
        (3600.0, [0, 900, 1800, 2700, 3600]),
        (36_000.0, [0, 900, 1800, 2700, 3600]),
    ],
)
def test_times_have_at_most_six_round_ticks_up_to_an_hour(longest: float, ticks: list[int]) -> None:
    assert list(scales.of_times(longest).ticks) == ticks


def test_what_is_beyond_an_axis_stands_at_its_end() -> None:
    scale = scales.of_times(36_000.0)
    assert [scale.part(value) for value in (0, 1800, 3600, 36_000)] == [0, Decimal("0.5"), 1, 1]


def hour(number: int, orders: int, before: int = 0, *, is_now: bool = False) -> Hour:
    return Hour(number, Tally(orders, Decimal(30 * orders)), Tally(before, Decimal(30 * before)), is_now)


def hours(*shown: Hour) -> Hours:
    return Hours(list(shown), Tally(), Tally(), Tally())


def test_bars_stand_side_by_side_and_are_as_high_as_their_hours() -> None:
    chart = charts.orders_by_hour(
        hours(*(hour(number, number, 4, is_now=number == 10) for number in range(1, 11)))
    )
    assert [(tick.label, tick.at) for tick in chart.ticks] == [("0", "100.00%"), ("5", "50.00%"), ("10", "0.00%")]
    assert [bar.y for bar in chart.bars][::3] == ["90.00%", "60.00%", "30.00%", "0.00%"]
    assert {bar.before for bar in chart.bars} == {"60.00%"}
    assert (chart.bars[0].x, chart.bars[0].width, chart.bars[0].middle) == ("1.50%", "7.00%", "5.00%")
    assert [bar.hour for bar in chart.bars if bar.is_now] == [10]


def test_an_hour_without_orders_has_no_bar() -> None:
    chart = charts.orders_by_hour(hours(hour(9, 0, 3), hour(10, 2)))
    assert [bar.y for bar in chart.bars] == [None, "50.00%"]
    assert [bar.before for bar in chart.bars] == ["25.00%", None]
    # Two hours do not become as wide as the picture.
    assert chart.bars[1].middle == "18.75%"


def test_sales_have_an_axis_of_their_own_in_thousands_when_they_are_many() -> None:
    chart = charts.sales_by_hour(hours(hour(9, 400)))
    assert [tick.label for tick in chart.ticks] == ["0", "6k", "12k"]
    assert [tick.label for tick in charts.sales_by_hour(hours(hour(9, 40))).ticks] == ["0", "600", "1,200"]


def test_a_range_goes_from_the_median_to_the_p95() -> None:
    chart = charts.time_in_steps([line(Passage.of(40, 300, 1200), Passage.of(3, 600, 900)), line(None, None)])
    assert [tick.label for tick in chart.ticks] == ["0", "5", "10", "15", "20"]
    assert chart.in_minutes
    day, before = chart.rows[0].day, chart.rows[0].before
    assert day is not None
    assert before is not None
    assert (day.median, day.p95, day.is_beyond) == ("25.00%", "100.00%", False)
    assert (before.median, before.p95) == ("50.00%", None)
    assert (chart.rows[1].day, chart.rows[1].before) == (None, None)


def test_short_times_are_counted_in_seconds() -> None:
    chart = charts.time_in_steps([line(Passage.of(40, 3, 8), None)])
    assert ([tick.label for tick in chart.ticks], chart.in_minutes) == (["0", "2", "4", "6", "8"], False)


def test_an_order_that_was_forgotten_stands_at_the_end_and_is_marked() -> None:
    chart = charts.time_in_steps([line(Passage.of(40, 600, 40_000), None)])
    assert chart.ticks[-1].label == "60"
    assert chart.rows[0].day is not None
    assert chart.rows[0].day.is_beyond
    assert chart.rows[0].day.p95 == "100.00%"
