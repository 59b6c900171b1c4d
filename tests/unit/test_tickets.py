"""Which ticket is next, and whether one for a cooking order is taken over."""

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


def test_a_cooking_order_is_lost_when_its_worker_is_gone_and_never_when_a_person_has_it() -> None:
    taken_over = {
        case for case in itertools.product((True, False), repeat=3) if tickets.is_lost(*case)
    }  # held by a worker, holder online, redelivered
    assert taken_over == {(True, True, True), (True, False, True), (True, False, False)}


@pytest.mark.parametrize(("speed", "seconds"), [(1, 8), (2, 4), (0.5, 16), (0, 0)])
def test_cooking_time_by_speed(speed: float, seconds: float) -> None:
    assert tickets.cooking_seconds(8, speed) == seconds
