"""Which moves a ticket offers."""

import itertools

import pytest

from common.orders import lifecycle
from common.orders.lifecycle import EMPLOYEE, ORDER_TYPES
from kitchen_service.board.offers import MOVES, STEPS, Offers, offers

OPEN = [status for status in lifecycle.STATUSES if status != "completed"]


def of(status: str, order_type: str = "takeout", by: str | None = "anna", **how: bool) -> Offers:
    return offers(status, order_type, by, **{"was_cooking": True, "is_first": False, **how})


@pytest.mark.parametrize(
    ("status", "order_type", "main", "others"),
    [
        ("received", "takeout", "start", {"front", "fail", "cancel"}),
        ("cooking", "takeout", "ready", {"fail", "cancel"}),
        ("ready", "dine_in", "complete", {"recall"}),
        ("ready", "takeout", "complete", {"recall"}),
        ("ready", "delivery", "dispatch", {"recall"}),
        ("out_for_delivery", "delivery", "complete", set()),
        ("cancelled", "takeout", "clear", set()),
        ("failed", "takeout", "clear", {"send-again"}),
    ],
)
def test_the_main_one_and_the_others(status: str, order_type: str, main: str, others: set[str]) -> None:
    offered = of(status, order_type)
    assert offered.main is not None
    assert offered.main.move == main
    assert {offer.move for offer in offered.others} == others


@pytest.mark.parametrize(("status", "order_type"), list(itertools.product(OPEN, ORDER_TYPES)))
def test_what_is_offered_staff_may_do(status: str, order_type: str) -> None:
    offered = of(status, order_type)
    for offer in filter(None, (offered.main, *offered.others)):
        assert offer.move in MOVES
        if offer.move in STEPS:
            target, source = STEPS[offer.move]
            assert status in lifecycle.sources(target, EMPLOYEE, order_type)
            assert source in (None, status)


def test_what_failed_in_the_kitchens_queue_can_be_sent_there_again() -> None:
    offered = of("failed", by="kitchen")
    assert offered.main is not None
    assert (offered.main.move, offered.main.word) == ("send-again", "Send again")
    assert [offer.move for offer in offered.others] == ["clear"]


@pytest.mark.parametrize(("order_type", "word"), [("dine_in", "Served"), ("takeout", "Collected")])
def test_handing_over_is_called_what_it_is(order_type: str, word: str) -> None:
    offered = of("ready", order_type)
    assert offered.main is not None
    assert offered.main.word == word


def test_only_what_has_no_way_back_waits() -> None:
    waiting = {
        offer.move
        for status, order_type in itertools.product(OPEN, ORDER_TYPES)
        for offered in [of(status, order_type)]
        for offer in filter(None, (offered.main, *offered.others))
        if offer.waits
    }
    assert waiting == {"dispatch", "complete", "cancel"}


def test_words_fit_what_was_stopped_and_who_is_first() -> None:
    assert [of("cancelled", was_cooking=begun).main.word for begun in (True, False)] == [  # type: ignore[union-attr]
        "Stopped, clear it",
        "Clear it",
    ]
    words = {
        is_first: next(offer.word for offer in of("received", is_first=is_first).others if offer.move == "front")
        for is_first in (False, True)
    }
    assert words == {False: "To front", True: "Put back"}
