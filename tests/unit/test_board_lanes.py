"""Which lane of the board an order is in, what is first in it, and what is counted."""

from datetime import timedelta
from typing import Any

import pytest

from common.orders.open_orders import ToMake
from kitchen_service.board import lanes
from tests.support.open_tickets import NOON, a_ticket


@pytest.mark.parametrize(
    ("lane", "changes"),
    [
        ("waiting", {"status": "received"}),
        ("cooking", {"status": "cooking", "cooking_started_at": NOON}),
        ("ready", {"status": "ready", "cooking_started_at": NOON}),
        ("away", {"status": "out_for_delivery", "order_type": "delivery", "cooking_started_at": NOON}),
        ("waiting", {"status": "cancelled", "accepted_by": "pass"}),
        ("cooking", {"status": "cancelled", "cooking_started_at": NOON}),
        ("waiting", {"status": "failed"}),
        ("cooking", {"status": "failed", "cooking_started_at": NOON}),
    ],
)
def test_an_order_is_in_the_lane_of_its_status_and_what_was_stopped_where_it_was(
    lane: str, changes: dict[str, Any]
) -> None:
    assert lanes.lane_of(a_ticket(**changes)) == lane


def test_what_no_worker_online_takes_waits_in_a_lane_of_its_own_unless_people_have_it() -> None:
    assert lanes.lane_of(a_ticket(), ["takeout"]) == "nobody"
    assert lanes.lane_of(a_ticket(), ["delivery"]) == "waiting"
    assert lanes.lane_of(a_ticket(accepted_by="pass"), ["takeout"]) == "waiting"
    assert lanes.lane_of(a_ticket(status="cooking"), ["takeout"]) == "cooking"


def test_what_was_sent_to_the_front_is_first_then_what_is_urgent_then_what_is_old() -> None:
    def one(name: str, waited: float, **changes: Any) -> Any:
        return a_ticket(waited, number=f"ORD_20261122_{name}", **changes)

    expected = [
        one("001", 10, priority=10, front_at=NOON),
        one("002", 900, priority=10, front_at=NOON - timedelta(seconds=5)),
        one("003", 90, priority=10),
        one("004", 80, priority=10),
        one("005", 700, priority=5),
        one("006", 800, priority=1),
        one("007", 800, priority=1),
        one("008", 9, priority=1),
    ]
    mixed = expected[4:] + expected[:4]
    assert sorted(mixed, key=lanes.place) == expected


def test_ready_are_the_oldest_first_and_on_their_way_the_latest() -> None:
    early, late = (a_ticket(updated_at=NOON + timedelta(seconds=each), status="ready") for each in (1, 2))
    assert lanes.place(early) < lanes.place(late)
    early, late = (
        a_ticket(updated_at=NOON + timedelta(seconds=each), status="out_for_delivery") for each in (1, 2)
    )
    assert lanes.place(late) < lanes.place(early)


COUNTED = lanes.counts(
    {
        ("received", "takeout"): 3,
        ("received", "delivery"): 2,
        ("cooking", "dine_in"): 4,
        ("ready", "takeout"): 1,
        ("out_for_delivery", "delivery"): 7,
    },
    stopped={("cooking", "dine_in"): 1, ("waiting", "takeout"): 1},
    nobody={"delivery": 2},
)


def test_tickets_are_counted_by_lane_and_type_once_each() -> None:
    assert {lane: by_type["all"] for lane, by_type in COUNTED.items()} == {
        "waiting": 4,
        "cooking": 5,
        "ready": 1,
        "away": 7,
        "nobody": 2,
        "all": 12,
    }
    assert COUNTED["waiting"] == {"all": 4, "dine_in": 0, "takeout": 4, "delivery": 0}
    assert COUNTED["all"] == {"all": 12, "dine_in": 5, "takeout": 5, "delivery": 2}


def test_a_filter_says_what_it_hides() -> None:
    found = lanes.hidden(COUNTED)
    assert (found["dine_in"].tickets, found["dine_in"].nobodys) == (7, 2)
    assert (found["delivery"].tickets, found["delivery"].nobodys) == (10, 0)


def test_all_day_has_each_dish_once_the_most_first() -> None:
    found = lanes.all_day(
        [ToMake("dine_in", "Tiramisu", 2), ToMake("takeout", "Espresso", 4), ToMake("takeout", "Tiramisu", 3)]
    )
    assert found["all"] == [("Tiramisu", 5), ("Espresso", 4)]
    assert found["takeout"] == [("Espresso", 4), ("Tiramisu", 3)]
    assert found["delivery"] == []


def test_of_two_with_the_same_short_number_the_older_shows_its_day() -> None:
    numbers = ["ORD_20261122_007", "ORD_20261122_012", "ORD_20261121_007", "ORD_20261120_007"]
    assert lanes.with_their_day(numbers) == ["ORD_20261120_007", "ORD_20261121_007"]
    assert lanes.with_their_day(numbers[:2]) == []
