"""What a script on the board is answered when PostgreSQL goes away behind a move."""

from typing import Any, cast

import pytest

from common.accounts.access import Person
from common.errors import IllegalMove, Unavailable
from common.orders import lifecycle
from common.pages import Page
from kitchen_service.board import board_page
from kitchen_service.board.board import KitchenBoard

NUMBER = "ORD_20260101_001"


class Falling:
    """A board that makes a move, or refuses it, and whose database is gone then."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal

    def staff(self, caller: Any) -> Person:
        return cast(Person, object())

    def move(self, *_: Any) -> None:
        if self.refusal is not None:
            raise self.refusal

    def card(self, number: str) -> None:
        raise Unavailable("PostgreSQL cannot be reached.")


def answer(board: Falling) -> Page:
    page = board_page.move(cast(KitchenBoard, board), NUMBER, "ready", {"answer": "card"}, cast(Any, {}))
    assert isinstance(page, Page)
    return page


def test_a_move_that_was_made_is_no_failure_for_want_of_its_card() -> None:
    page = answer(Falling())
    assert page.status == 200
    assert page.values == {"card": None, "is_unread": True, "said": None}


@pytest.mark.parametrize(
    "refusal",
    [
        IllegalMove.of(NUMBER, lifecycle.READY, lifecycle.READY, []),
        Unavailable("RabbitMQ cannot be reached, and the ticket is there. Try again in a moment."),
    ],
)
def test_why_a_move_was_not_made_is_said_without_its_card(refusal: IllegalMove | Unavailable) -> None:
    page = answer(Falling(refusal))
    assert page.status == refusal.status
    assert page.values == {"card": None, "is_unread": True, "said": refusal.detail}
