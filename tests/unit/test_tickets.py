"""Which ticket is next, and whether one for a cooking order is taken over."""

import dataclasses
import itertools
import random
from typing import Any

import pytest

from kitchen_service import tickets


def at(time: str) -> dict[str, Any]:
    return {"placed_at": f"2026-11-22T{time}Z"}


def test_the_highest_priority_is_first_then_the_oldest() -> None:
    expected = [
        (10, at("18:30:00.002")),
        (10, at("18:30:00.003")),
        (5, at("18:29:00.000")),
        (1, at("09:00:00.000")),
        (1, at("18:30:00.001")),
    ]
    mixed = random.sample(expected, len(expected))
    assert sorted(mixed, key=lambda ticket: tickets.urgency(*ticket)) == expected


@pytest.mark.parametrize("body", [None, [], "x", 5, {}, {"placed_at": None}, {"placed_at": 5}, {"placed_at": []}])
def test_what_cannot_be_read_is_first_of_its_priority(body: Any) -> None:
    assert tickets.urgency(5, body) < tickets.urgency(5, at("00:00:00.000"))
    assert tickets.urgency(10, at("23:59:59.999")) < tickets.urgency(5, body)


IN_GOOD_HANDS = tickets.Holder(is_worker=True, is_me=False, is_alive=True, is_overdue=False, failed_since=False)


def test_an_order_that_a_living_worker_cooks_in_time_is_left_to_it() -> None:
    assert not tickets.is_lost(IN_GOOD_HANDS, attempts=0)


@pytest.mark.parametrize(
    "change", [{"is_alive": False}, {"is_overdue": True}, {"is_me": True}], ids=lambda change: next(iter(change))
)
def test_an_order_is_lost_when_its_worker_died_or_forgot_it(change: dict[str, bool]) -> None:
    assert tickets.is_lost(dataclasses.replace(IN_GOOD_HANDS, **change), attempts=0)


def test_an_order_is_lost_when_its_worker_failed_with_it() -> None:
    failed = dataclasses.replace(IN_GOOD_HANDS, failed_since=True)
    assert tickets.is_lost(failed, attempts=1)
    assert not tickets.is_lost(failed, attempts=0)  # that was another ticket


def test_who_began_after_its_ticket_had_failed_keeps_it() -> None:
    assert not tickets.is_lost(IN_GOOD_HANDS, attempts=1)


def test_a_person_who_has_an_order_never_loses_it() -> None:
    for is_me, is_alive, is_overdue, failed in itertools.product((True, False), repeat=4):
        assert not tickets.is_lost(
            tickets.Holder(False, is_me, is_alive, is_overdue, failed), attempts=int(failed)
        )


@pytest.mark.parametrize(("speed", "seconds"), [(1, 8), (2, 4), (0.5, 16), (0, 0)])
def test_cooking_time_by_speed(speed: float, seconds: float) -> None:
    assert tickets.cooking_seconds(8, speed) == seconds
