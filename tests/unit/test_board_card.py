"""What an order's card shows."""

from datetime import date, timedelta
from typing import Any

import pytest

from common.orders.open_orders import Item, Ticket
from common.pages.settings import AgeLimits
from kitchen_service.board.card import Card
from tests.support.open_tickets import NOON, a_ticket

LIMITS = AgeLimits(warn=600, late=900)


def card(ticket: Ticket) -> Card:
    return Card.of(ticket, LIMITS, NOON)


@pytest.mark.parametrize("status", ["received", "cooking"])
@pytest.mark.parametrize(
    ("waited", "pace"), [(0, "in-time"), (599, "in-time"), (600, "warn"), (899, "warn"), (900, "late")]
)
def test_it_becomes_slow_and_then_late(status: str, waited: float, pace: str) -> None:
    shown = card(a_ticket(waited, status=status))
    assert (shown.pace, shown.warn, shown.late) == (pace, 600, 900)


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_for_what_was_stopped_time_does_not_count(status: str) -> None:
    shown = card(a_ticket(5000, status=status))
    assert (shown.pace, shown.warn, shown.late) == ("in-time", None, None)
    assert shown.filled == 100


@pytest.mark.parametrize(("stands", "pace"), [(299, "in-time"), (300, "warn"), (9000, "warn")])
def test_what_is_ready_counts_from_then_and_grows_cold(stands: float, pace: str) -> None:
    shown = card(a_ticket(9999, status="ready", updated_at=NOON - timedelta(seconds=stands)))
    assert (shown.pace, shown.since) == (pace, NOON - timedelta(seconds=stands))


def test_the_bar_fills_until_it_is_late() -> None:
    assert [card(a_ticket(waited)).filled for waited in (-5, 0, 90, 450, 900, 5000)] == [0, 0, 10, 50, 100, 100]


@pytest.mark.parametrize(
    ("is_new", "changes"),
    [
        (True, {"waited": 19}),
        (False, {"waited": 20}),
        (False, {"waited": 5, "status": "cooking"}),
    ],
)
def test_it_is_new_for_a_moment_while_it_waits(is_new: bool, changes: dict[str, Any]) -> None:
    assert card(a_ticket(**changes)).is_new is is_new


def test_who_cooks_is_said_of_what_was_begun() -> None:
    cooking = {"processed_by": "chef_mario", "cooking_started_at": NOON}
    assert card(a_ticket(status="cooking", **cooking)).by == "chef_mario"
    assert card(a_ticket(status="cancelled", **cooking)).by == "chef_mario"
    assert card(a_ticket(status="received", **cooking)).by is None  # it was sent again
    assert card(a_ticket(status="failed", processed_by="chef_mario")).by is None


def test_people_call_it_by_the_last_part_of_its_number() -> None:
    shown = card(a_ticket(number="ORD_20261122_1000"))
    assert (shown.short, shown.day) == ("1000", date(2026, 11, 22))


ITEMS = (
    Item(1, "Caesar Salad", None, ("fish", "eggs", "milk")),
    Item(2, "Margarita", None, ()),
    Item(1, "Caesar Salad", "no anchovies", ("fish", "eggs", "milk")),
)


def test_an_allergy_names_the_dish_that_contains_it() -> None:
    allergy = card(a_ticket(allergies=("milk", "fish"), items=ITEMS)).allergy
    assert allergy is not None
    assert allergy.allergens == ["fish", "milk"]
    assert allergy.contained == [("Caesar Salad", ["fish", "milk"])]
    assert allergy.unknown == []


def test_an_allergy_that_no_dish_contains_is_still_one() -> None:
    allergy = card(a_ticket(allergies=("lupin",), items=ITEMS)).allergy
    assert allergy is not None
    assert (allergy.allergens, allergy.contained, allergy.unknown) == (["lupin"], [], [])


def test_of_what_is_not_on_the_menu_nobody_knows_what_it_contains() -> None:
    items = (*ITEMS, Item(1, "Grandmother's cake", None, None))
    allergy = card(a_ticket(allergies=("lupin",), items=items)).allergy
    assert allergy is not None
    assert allergy.unknown == ["Grandmother's cake"]
    assert card(a_ticket(items=items)).allergy is None


def test_pieces_and_dishes() -> None:
    shown = card(a_ticket(items=ITEMS))
    assert (shown.pieces, shown.dishes) == (4, ["Caesar Salad", "Margarita"])
