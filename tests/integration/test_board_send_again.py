"""An order that failed in the kitchen's queue is sent there again from the board: its dead letter is replayed."""

import pytest

from tests.support import oven, people
from tests.support.boards import Board
from tests.support.eventually import eventually
from tests.support.expedite import Expedite


@pytest.fixture
def board(expedite: Expedite) -> Board:
    expedite.query(oven.BREAK)
    expedite.start("order_service", **people.NO_LIMITS)
    expedite.start_worker(RETRY_PAUSES="0.1")
    return Board.of(expedite, people.register(expedite, "anna", "employee"))


def test_it_is_cooked_when_the_cause_is_mended(expedite: Expedite, board: Board) -> None:
    numbers = [expedite.place_number(customer_name="Unlucky") for _ in range(2)]
    for number in numbers:
        expedite.wait_for(number, "failed")
    eventually(lambda: expedite.waiting("dead_letters") == 2)
    assert "Send again" in board.card(numbers[0])
    expedite.query(oven.HEAL)

    assert board.move(numbers[0], "send-again").status_code == 303

    expedite.wait_for(numbers[0], "ready")
    assert expedite.history(numbers[0]) == ["received", "failed", "received", "cooking", "ready"]
    [(by, why)] = expedite.query(
        "select changed_by, l.reason from order_status_log l join orders o on o.id = l.order_id"
        " where number = %s and l.sequence = 3",
        numbers[0],
    )
    assert board.who is not None
    assert (by, why) == (board.who.username, "replayed")
    eventually(lambda: expedite.waiting("dead_letters") == 1)  # the other one's
    assert expedite.status(numbers[1]) == "failed"
    second = board.move_by_script(numbers[0], "send-again")
    assert second.status_code == 409
    assert "moved it" in second.text


def test_one_that_a_person_failed_has_no_letter_and_waits_for_the_sweeper(
    expedite: Expedite, board: Board
) -> None:
    number = expedite.place_number(customer_name="Unlucky")
    expedite.wait_for(number, "failed")
    expedite.query("delete from outbox")
    with expedite.channel() as channel:
        channel.queue_purge("dead_letters")
    assert board.move(number, "send-again").status_code == 303
    assert expedite.status(number) == "received"
