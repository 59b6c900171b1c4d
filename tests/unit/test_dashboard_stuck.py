"""What is stuck and why, who is shown of the workers, and CSV that is no program."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracking_service.dashboard import sheet, staffing, stuck
from tracking_service.dashboard.staffing import Worker
from tracking_service.dashboard.stuck import Cooking, SetAside, Unsent, Waiting

NOW = datetime(2026, 11, 26, 20, 43, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def worker(name: str, *order_types: str, seen: float = 5, left: bool = False, interval: float = 30) -> Worker:
    """One that was seen so many seconds ago."""
    is_online = not left and seen < 2 * interval
    return Worker(name, order_types or ("dine_in",), is_online, left, ago(seen), interval, (ago(seen),))


def waiting(order_type: str = "dine_in", orders: int = 1, since: float = 60, **more: Any) -> Waiting:
    values = {"is_accepted": False, "is_long": False, "retried_at": None, **more}
    numbers = [f"{order_type}_{number}" for number in range(min(3, orders))]
    return Waiting(order_type, **values, orders=orders, numbers=numbers, since=ago(since))


def groups(*rows: Waiting | Cooking | SetAside, workers: tuple[Worker, ...] = ()) -> list[Any]:
    return stuck.groups(
        [row for row in rows if isinstance(row, Waiting)],
        [row for row in rows if isinstance(row, Cooking)],
        [row for row in rows if isinstance(row, SetAside)],
        workers,
    )


MARIO, ANNA = worker("mario", "dine_in", "takeout"), worker("anna", "delivery", seen=240)


def test_what_waits_while_somebody_takes_it_is_not_stuck() -> None:
    assert groups(waiting(), waiting("takeout"), workers=(MARIO,)) == []


def test_what_nobody_takes_is_stuck_at_once_and_says_who_did_last() -> None:
    [group] = groups(
        waiting("delivery", 2, since=65),
        waiting("delivery", 1, since=224, is_long=True),
        waiting("dine_in"),
        workers=(worker("zoe", "delivery", seen=9000, left=True), MARIO, ANNA),
    )
    assert (group.kind, group.orders, group.order_types) == ("nobody", 3, ["delivery"])
    assert group.since == ago(224)
    assert group.last is ANNA
    assert not group.is_nobody_there


def test_two_types_that_nobody_takes_are_two_reasons_the_older_first() -> None:
    found = groups(waiting("takeout", since=5), waiting("delivery", since=9), workers=(worker("mario"),))
    assert [(group.kind, group.order_types, group.last) for group in found] == [
        ("nobody", ["delivery"], None),
        ("nobody", ["takeout"], None),
    ]


def test_when_nobody_is_there_that_is_one_reason_for_all() -> None:
    [group] = groups(waiting("delivery", 4), waiting("dine_in", 1, since=99), workers=(ANNA,))
    assert (group.order_types, group.orders, group.is_nobody_there) == (["dine_in", "delivery"], 5, True)
    assert group.numbers[0] == "dine_in_0"
    assert group.last is ANNA


def test_what_waits_too_long_says_who_could_help() -> None:
    luigi = worker("luigi", "takeout")
    [group] = groups(waiting("takeout", 3, 1000, is_long=True), workers=(MARIO, luigi, ANNA))
    assert (group.kind, group.order_type, group.able, group.orders) == ("waits", "takeout", ["mario", "luigi"], 3)


def test_what_cooks_too_long_says_who_has_it() -> None:
    found = groups(
        Cooking("anna", 2, ["139", "140"], ago(800)), Cooking("grace", 1, ["141"], ago(700)), workers=(ANNA,)
    )
    assert [(group.kind, group.holder, group.worker) for group in found] == [
        ("cooks", "anna", ANNA),
        ("cooks", "grace", None),
    ]


def test_the_worst_comes_first() -> None:
    found = groups(
        SetAside("130", "the oven is out", 5, ago(9)),
        Cooking("mario", 1, ["139"], ago(800)),
        waiting("takeout", is_long=True),
        waiting("delivery"),
        workers=(MARIO,),
    )
    assert [group.kind for group in found] == ["nobody", "waits", "cooks", "failed"]
    assert (found[3].reason, found[3].tries, found[3].numbers) == ("the oven is out", 5, ["130"])


@pytest.mark.parametrize(("seconds", "is_stalled"), [(None, False), (29, False), (31, True)])
def test_messages_that_wait_for_half_a_minute_are_stuck(seconds: float | None, is_stalled: bool) -> None:
    assert stuck.is_stalled(Unsent(3, None if seconds is None else ago(seconds)), NOW) is is_stalled


def test_who_works_comes_before_who_is_gone_and_who_has_left() -> None:
    workers = [
        worker("left", seen=60, left=True),
        worker("long gone", seen=7200),
        worker("bar"),
        worker("gone", seen=240),
        worker("of last week", seen=90_000),
        worker("adam"),
    ]
    shown = [each.name for each in staffing.shown(workers, NOW)]
    assert shown == ["adam", "bar", "gone", "long gone", "left"]


def test_an_interval_is_said_when_it_is_everybodys() -> None:
    assert staffing.interval_of_all([worker("a"), worker("b")]) == 30
    assert staffing.interval_of_all([worker("a"), worker("b", interval=5)]) is None
    assert staffing.interval_of_all([]) is None


def test_types_are_named_in_one_order() -> None:
    assert worker("a", "delivery", "dine_in").types == ["dine_in", "delivery"]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert sheet.safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "chef_mario", "11:00", "5=5", "é"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert sheet.safe(cell) == cell
