"""The dashboard's figures, read from tables that were filled and counted by hand."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from common.pages.settings import PageSettings
from common.settings import load_config
from tests.integration.conftest import Transaction
from tests.support.expedite import CONFIG
from tests.support.histories import Step, write_order, write_worker
from tracking_service.dashboard import days, reading
from tracking_service.dashboard.figures import Day, State
from tracking_service.dashboard.hours import Tally
from tracking_service.dashboard.steps import Passage

LOS_ANGELES, ROME = ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/Rome")
#: 12:43 in Los Angeles.
NOW = datetime(2026, 11, 26, 20, 43, tzinfo=UTC)
TYPES = ("dine_in", "takeout", "delivery")


def utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.fixture
def read_day(transaction: Transaction) -> Callable[..., Day]:
    def read(now: datetime = NOW, zone: ZoneInfo = LOS_ANGELES) -> Day:
        with transaction() as session:
            return reading.day(session, days.of_now(now, zone), zone, now)

    return read


@pytest.fixture
def read_state(transaction: Transaction) -> Callable[[], State]:
    config = PageSettings.of(load_config(CONFIG), "tracking_service")
    settings = dataclasses.replace(config, stuck_received=900, stuck_cooking=600)

    def read() -> State:
        with transaction() as session:
            return reading.state(session, settings)

    return read


def by_hour(day: Day) -> dict[int, tuple[int, int]]:
    """The orders of each hour that had some, on the day and the day before."""
    return {
        hour.hour: (hour.day.orders, hour.before.orders)
        for hour in day.hours.hours
        if hour.day.orders or hour.before.orders
    }


def passages(day: Day, which: str = "day") -> dict[tuple[str, str], Passage]:
    return {(line.step.name, line.order_type): found for line in day.lines if (found := getattr(line, which))}


# --- orders and sales by hour ----------------------------------------------------------------------------


def test_orders_and_sales_count_in_the_houses_hours_and_days(
    transaction: Transaction, read_day: Callable[..., Day]
) -> None:
    placed = [
        ("2026-11-25 07:59:59", "1000.00"),  # 23:59 of the day before yesterday
        ("2026-11-25 08:00:00", "5.00"),  # yesterday 0:00
        ("2026-11-25 20:42:59", "7.00"),  # 12:42, just before this time of day
        ("2026-11-25 20:43:00", "11.00"),  # 12:43
        ("2026-11-26 07:59:59", "13.00"),  # 23:59
        ("2026-11-26 08:00:00", "17.10"),  # today 0:00
        ("2026-11-26 19:59:59", "19.20"),  # 11:59
        ("2026-11-26 20:00:00", "23.30"),  # 12:00
        ("2026-11-26 20:40:00", "29.40"),  # 12:40
    ]
    with transaction() as session:
        for at, total in placed:
            write_order(session, utc(at), total=total)
    day = read_day()
    assert by_hour(day) == {0: (1, 1), 11: (1, 0), 12: (2, 2), 23: (0, 1)}
    assert day.hours.day == Tally(4, Decimal("89.00"))
    assert day.hours.before == Tally(4, Decimal("36.00"))
    assert day.hours.by_then == Tally(2, Decimal("12.00"))
    assert [hour.hour for hour in day.hours.hours if hour.is_now] == [12]


def test_what_was_cancelled_or_failed_is_an_order_and_no_sale(
    transaction: Transaction, read_day: Callable[..., Day]
) -> None:
    with transaction() as session:
        for day in (NOW - timedelta(hours=1), NOW - timedelta(hours=25)):
            write_order(session, day, ("cooking", 60), ("cancelled", 60), total="100.00")
            write_order(session, day, ("failed", 60, "kitchen"), total="100.00")
            write_order(session, day, ("cooking", 60), total="1.10")
            write_order(session, day, total="2.20")
    hours = read_day().hours
    assert (hours.day, hours.before, hours.by_then) == (Tally(4, Decimal("3.30")),) * 3


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        ("2026-10-25 20:00", "2026-10-24 22:00", "2026-10-25 22:59"),  # 25 hours
        ("2026-03-29 20:00", "2026-03-28 23:00", "2026-03-29 21:59"),  # 23
    ],
)
def test_on_a_day_on_which_clocks_are_changed_each_order_counts_once(
    transaction: Transaction, read_day: Callable[..., Day], now: str, first: str, last: str
) -> None:
    begins, ends = utc(first), utc(last) + timedelta(minutes=1)
    counted = (ends - begins) // timedelta(minutes=15)
    quarters = [begins + timedelta(minutes=15 * number) for number in range(counted)]
    with transaction() as session:
        for moment in (begins - timedelta(seconds=1), *quarters, ends):
            write_order(session, moment, total="1.00")
    day = read_day(utc(now), ROME)
    assert day.hours.day == Tally(counted, Decimal(counted))
    assert day.hours.before.orders == 1
    twice_or_never = {25: (2, 8), 23: (2, 0)}[(ends - begins) // timedelta(hours=1)]
    assert {hour.hour: hour.day.orders for hour in day.hours.hours}[twice_or_never[0]] == twice_or_never[1]


def test_an_empty_house_has_no_figures(read_day: Callable[..., Day], read_state: Callable[[], State]) -> None:
    day = read_day()
    assert (day.hours.day, day.hours.before, day.hours.by_then) == (Tally(), Tally(), Tally())
    assert passages(day) == passages(day, "before") == day.done == {}
    state = read_state()
    assert (state.stuck, state.unsent, state.workers, state.in_hand) == ([], None, [], {})
    assert set(state.counts.values()) <= {0}


def test_a_day_of_long_ago_can_be_read(transaction: Transaction) -> None:
    with transaction() as session:
        write_order(session, utc("2024-02-29 12:00"), ("cooking", 10), ("ready", 20, "luigi"))
        write_order(session, utc("2024-02-28 12:00"))
        found = reading.day(session, days.of_day(date(2024, 2, 29), ROME), ROME, NOW)
    assert (found.hours.day.orders, found.hours.before.orders) == (1, 1)
    assert found.done == {"luigi": 1}


# --- minutes in each step --------------------------------------------------------------------------------


def served(*seconds: float) -> list[Step]:
    """Through all steps of an order that is collected, each of which took so many seconds."""
    return list(zip(("cooking", "ready", "completed"), seconds, strict=True))


def test_median_and_p95_of_each_step_by_type_and_day(
    transaction: Transaction, read_day: Callable[..., Day]
) -> None:
    yesterday = NOW - timedelta(hours=24)
    with transaction() as session:
        for number in range(1, 6):
            write_order(session, NOW, *served(60 * number, 600, 30 * number))
        for number in range(1, 4):
            write_order(session, yesterday, *served(100 * number, 500, 10))
        write_order(
            session, NOW, ("cooking", 1), ("ready", 2), ("out_for_delivery", 4), ("completed", 8),
            order_type="delivery",
        )  # fmt: skip
    day = read_day()
    # Between the fourth (240) and the fifth (300), at 0.95 × 4 = 3.8 of the way.
    assert passages(day) == {
        ("Waiting", "takeout"): Passage(5, 180, pytest.approx(288)),
        ("Cooking", "takeout"): Passage(5, 600, 600),
        ("Handing over", "takeout"): Passage(5, 90, pytest.approx(144)),
        ("Waiting", "delivery"): Passage(1, 1, None),
        ("Cooking", "delivery"): Passage(1, 2, None),
        ("Handing over", "delivery"): Passage(1, 4, None),
        ("On the way", "delivery"): Passage(1, 8, None),
    }
    assert passages(day, "before") == {
        ("Waiting", "takeout"): Passage(3, 200, None),
        ("Cooking", "takeout"): Passage(3, 500, None),
        ("Handing over", "takeout"): Passage(3, 10, None),
    }
    assert not any(line.is_worse for line in day.lines)


def test_a_p95_that_is_longer_by_a_quarter_than_yesterdays_is_worse(
    transaction: Transaction, read_day: Callable[..., Day]
) -> None:
    with transaction() as session:
        for _ in range(5):
            write_order(session, NOW, *served(100, 125, 124))
            write_order(session, NOW - timedelta(hours=24), *served(100, 100, 100))
    assert [line.step.name for line in read_day().lines if line.is_worse] == ["Cooking"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # It was called back: all its time in each, once it has gone on for good.
        (
            [("cooking", 10), ("ready", 100), ("cooking", 5, "anna"), ("ready", 50), ("completed", 7)],
            {"Waiting": 10, "Cooking": 150, "Handing over": 12},
        ),
        # It was called back, and cooks again: neither is over.
        ([("cooking", 10), ("ready", 100), ("cooking", 5, "anna")], {"Waiting": 10}),
        # It was sent to the front of the line while it waited.
        ([("received", 30, "anna"), ("cooking", 10)], {"Waiting": 40}),
        # It was set aside, and sent again; the time between is nobody's.
        ([("failed", 20, "kitchen"), ("received", 3000, "anna"), ("cooking", 15)], {"Waiting": 35}),
        ([("cancelled", 20, "customer")], {}),
        ([("cooking", 20), ("cancelled", 20, "anna")], {"Waiting": 20}),
        ([("cooking", 20), ("ready", 60)], {"Waiting": 20, "Cooking": 60}),
        ([("cooking", 20), ("ready", 60), ("failed", 1)], {"Waiting": 20, "Cooking": 60}),
        ([], {}),
    ],
)
def test_which_times_count(
    transaction: Transaction, read_day: Callable[..., Day], steps: list[Step], expected: dict[str, float]
) -> None:
    with transaction() as session:
        write_order(session, NOW - timedelta(hours=1), *steps)
    assert {name: passage.median for (name, _), passage in passages(read_day()).items()} == expected


def test_an_order_counts_on_the_day_on_which_it_was_placed(
    transaction: Transaction, read_day: Callable[..., Day]
) -> None:
    with transaction() as session:
        write_order(session, utc("2026-11-26 07:59"), *served(600, 600, 600))
    day = read_day()
    assert passages(day) == {}
    assert {passage.median for passage in passages(day, "before").values()} == {600}


def test_orders_are_of_who_made_them_ready_each_once(
    transaction: Transaction, read_day: Callable[..., Day]
) -> None:
    with transaction() as session:
        write_order(session, NOW, ("cooking", 1), ("ready", 2, "mario"), ("cooking", 3), ("ready", 4, "mario"))
        write_order(session, NOW, ("cooking", 1), ("ready", 2, "mario"))
        write_order(session, NOW, ("cooking", 1), ("ready", 2, "luigi"))
        write_order(session, NOW - timedelta(hours=24), ("cooking", 1), ("ready", 2, "luigi"))
    assert read_day().done == {"mario": 2, "luigi": 1}


# --- what is open now ------------------------------------------------------------------------------------


def placed(session: Any, seconds: float, *steps: Step, **more: Any) -> str:
    """An order whose last step was that long ago."""
    before = sum(step[1] for step in steps)
    return write_order(session, datetime.now(UTC) - timedelta(seconds=seconds + before), *steps, **more)


def test_orders_are_counted_by_status(transaction: Transaction, read_state: Callable[[], State]) -> None:
    ways: dict[str, list[Step]] = {
        "received": [],
        "cooking": [("cooking", 5)],
        "ready": [("cooking", 5), ("ready", 5)],
        "out_for_delivery": [("cooking", 5), ("ready", 5), ("out_for_delivery", 5)],
        "completed": [("cooking", 5), ("ready", 5), ("completed", 5)],
        "cancelled": [("cancelled", 5)],
    }
    with transaction() as session:
        write_worker(session, "mario", *TYPES)
        for number, steps in enumerate(ways.values(), 1):
            for _ in range(number):
                placed(session, 10, *steps)
    state = read_state()
    assert state.counts == {"received": 1, "cooking": 2, "ready": 3, "out_for_delivery": 4}
    assert state.stuck == []
    assert len(state.in_hand["mario"]) == 2


def test_what_is_stuck_and_why(transaction: Transaction, read_state: Callable[[], State]) -> None:
    with transaction() as session:
        write_worker(session, "mario", "dine_in", "takeout")
        write_worker(session, "luigi", "takeout")
        write_worker(session, "anna", "delivery", seen=242)
        write_worker(session, "zoe", "delivery", seen=5000, status="offline")
        younger = placed(session, 65, order_type="delivery")
        older = placed(session, 224, order_type="delivery")
        placed(session, 880)  # not yet
        slow = placed(session, 920)
        again = placed(session, 930, retry_at=datetime.now(UTC) + timedelta(seconds=40))
        placed(session, 590, ("cooking", 10))  # not yet
        cooks = placed(session, 751, ("cooking", 241))
        by_hand = placed(session, 640, ("cooking", 10, "grace"))
        failed = placed(session, 1240, ("failed", 60, "kitchen"), reason="the oven is out", tries=5)
        placed(session, 60, ("failed", 60, "grace"), reason="out of eels")  # a person's decision
        placed(session, 13 * 3600, ("failed", 60, "kitchen"), reason="of yesterday")
        cleared = placed(session, 60, ("failed", 60, "kitchen"))
        session.execute(text("update orders set cleared_at = now() where number = :number"), {"number": cleared})
        placed_at = {row.number: row.placed_at for row in session.execute(text("select * from orders"))}
    state = read_state()
    found: list[Any] = state.stuck
    assert [(group.kind, group.orders, list(group.numbers)) for group in found] == [
        ("nobody", 2, [younger, older]),  # in the order of their queue
        ("waits", 1, [again]),
        ("waits", 1, [slow]),
        ("cooks", 1, [cooks]),
        ("cooks", 1, [by_hand]),
        ("failed", 1, [failed]),
    ]
    nobody, again_, slow_, worker, person, aside = found
    assert (nobody.order_types, nobody.last.name, nobody.is_nobody_there) == (["delivery"], "anna", False)
    assert nobody.since == placed_at[older]
    assert (again_.retried_at is not None, slow_.retried_at) == (True, None)
    assert sorted(slow_.able) == ["luigi", "mario"]
    assert (worker.holder, worker.worker.is_online) == ("mario", True)
    assert (person.holder, person.worker) == ("grace", None)
    assert (aside.reason, aside.tries) == ("the oven is out", 5)
    assert aside.since == placed_at[failed]
    assert state.stuck_orders == 7


def test_who_works_and_who_is_gone(transaction: Transaction, read_state: Callable[[], State]) -> None:
    with transaction() as session:
        write_worker(session, "mario", "dine_in", "takeout")
        write_worker(session, "bar", "dine_in", seen=5, beats=[5, 35, 95, 125])
        write_worker(session, "anna", "delivery", seen=242, beats=[242, 272, 302, 332])
        write_worker(session, "zoe", "delivery", seen=500, status="offline")
    state = read_state()
    workers = {worker.name: worker for worker in state.workers}
    assert {name: (worker.is_online, worker.has_left) for name, worker in workers.items()} == {
        "mario": (True, False),
        "bar": (True, False),
        "anna": (False, False),
        "zoe": (False, True),
    }
    marks = {name: "".join("|" if mark else "." for mark in workers[name].marks(state.now)) for name in workers}
    assert marks["mario"] == "|" * 12
    assert marks["bar"] == "||.||"
    assert marks["anna"] == "||||......."


def test_messages_that_nobody_takes_are_told(transaction: Transaction, read_state: Callable[[], State]) -> None:
    row = """
        insert into outbox (event_id, exchange, routing_key, priority, request_id, body, created_at)
        values (gen_random_uuid(), 'x', 'y', 1, 'r', '{}', now() - make_interval(secs => :age))
    """
    with transaction() as session:
        session.execute(text(row), {"age": 5})
    assert read_state().unsent is None
    with transaction() as session:
        session.execute(text(row), {"age": 300})
    unsent = read_state().unsent
    assert unsent is not None
    assert unsent.messages == 2
