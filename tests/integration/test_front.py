"""Sending an order that waits to the front of the line, and back: who wins, what is written, what is refused."""

from typing import Any

import jsonschema
import pytest

from common.errors import IllegalMove, NotFound
from common.orders import events, front
from common.orders.front import InLine
from tests.integration.conftest import Transaction
from tests.integration.test_moves import CHEF, STAFF, SYSTEM, Kitchen, at_once
from tests.support.expedite import Expedite

CONTRACT = jsonschema.Draft7Validator(events.contract("order_placed"))


class Line(Kitchen):
    """One order that waits, and what is done with its place."""

    def front(self, undo: bool = False, by: str = "anna") -> InLine:
        with self._transaction() as session:
            return front.send(session, self.number, by, undo=undo)

    def place_in_line(self) -> tuple[Any, ...]:
        found = self._expedite.query(
            "select priority, front_from, front_at is not null from orders where number = %s", self.number
        )
        return found[0]


@pytest.fixture
def line(transaction: Transaction, expedite: Expedite) -> Line:
    return Line(transaction, expedite)


def test_it_has_the_highest_priority_a_line_in_its_history_and_another_ticket(
    line: Line, expedite: Expedite
) -> None:
    updated_at = line.stored("updated_at")
    sent = line.front()
    assert (sent.order_number, sent.status, sent.priority, sent.is_changed) == (line.number, "received", 10, True)
    assert sent.front_at == line.stored("front_at")
    assert line.place_in_line() == (10, 1, True)
    assert line.log() == [(1, "received", "customer", None), (2, "received", "anna", "sent to the front")]
    assert line.stored("sequence") == 2
    assert line.stored("updated_at") == updated_at  # it has waited for as long as before
    [ticket] = line.sent()
    CONTRACT.validate(ticket)
    assert (ticket["order_number"], ticket["priority"]) == (line.number, 10)
    assert ticket["items"] == [{"name": "Margherita Pizza", "quantity": 1, "price": 15.99}]
    assert expedite.query("select exchange, routing_key, priority, event_id::text from outbox") == [
        ("order_service.events", "order_placed.takeout", 10, ticket["event_id"])
    ]


def test_to_do_it_again_changes_nothing(line: Line) -> None:
    first = line.front()
    again = line.front(by="emma")
    assert (again.is_changed, again.front_at) == (False, first.front_at)
    assert len(line.log()) == 2
    assert len(line.sent()) == 1


def test_of_two_at_once_one_wins(line: Line) -> None:
    results = at_once(*[line.front] * 8)
    assert sorted(result.is_changed for result in results) == [False] * 7 + [True]
    assert line.place_in_line() == (10, 1, True)
    assert len(line.log()) == 2
    assert len(line.sent()) == 1


def test_it_goes_back_to_its_place_with_its_priority(line: Line) -> None:
    line.front()
    back = line.front(undo=True, by="emma")
    assert (back.priority, back.front_at, back.is_changed) == (1, None, True)
    assert line.place_in_line() == (1, None, False)
    assert line.log()[1:] == [
        (2, "received", "anna", "sent to the front"),
        (3, "received", "emma", "back in its place"),
    ]
    # For the one of its old priority may be gone.
    assert [ticket["priority"] for ticket in line.sent()] == [10, 1]
    assert line.front(undo=True).is_changed is False
    assert len(line.log()) == 3
    assert line.front().is_changed


def test_an_order_that_was_never_sent_to_the_front_stays_where_it_is(line: Line) -> None:
    assert line.front(undo=True) == InLine(line.number, "received", 1, None, False)
    assert len(line.log()) == 1
    assert line.sent() == []


def test_one_of_the_highest_priority_keeps_it(line: Line, expedite: Expedite) -> None:
    expedite.query("update orders set priority = 10")
    line.front()
    assert line.place_in_line() == (10, 10, True)
    line.front(undo=True)
    assert line.place_in_line() == (10, None, False)


@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize(
    ("steps", "status", "says"),
    [
        (["cooking"], "cooking", "Ask chef_mario to hurry."),
        (["cooking", "ready"], "ready", "Hand it over, or recall it"),
        (["cooking", "ready", "out_for_delivery"], "out_for_delivery", "It is on its way."),
        (["cooking", "ready", "out_for_delivery", "completed"], "completed", "The customer has it."),
        (["cancelled"], "cancelled", "Place it again"),
        (["failed"], "failed", "Replay its dead letter"),
    ],
)
def test_only_an_order_that_waits_can_be_sent_and_the_refusal_says_what_to_do(
    line: Line, steps: list[str], status: str, says: str, undo: bool
) -> None:
    line.number = line.place("delivery")
    if undo:
        line.front()
    for step in steps:
        line.move(step, CHEF if step in ("cooking", "ready") else STAFF)
    before = line.place_in_line(), line.log(), line.sent()
    with pytest.raises(IllegalMove) as refusal:
        line.front(undo=undo)
    assert refusal.value.extra["current_status"] == status
    assert refusal.value.detail.startswith(f"{line.number} is {status}: only an order that waits can ")
    assert undo or says in refusal.value.detail
    assert (line.place_in_line(), line.log(), line.sent()) == before


def test_an_unknown_order_is_not_found(line: Line) -> None:
    line.number = "ORD_20261122_999999"
    with pytest.raises(NotFound):
        line.front()


def test_of_a_move_and_a_place_at_once_nothing_is_lost(line: Line) -> None:
    for _ in range(5):
        line.number = line.place("takeout")
        moved, sent = at_once(lambda: line.move("cooking", CHEF), line.front)
        assert moved.changed
        steps = [row[1] for row in line.log()]
        assert steps == (
            ["received", "cooking"] if isinstance(sent, IllegalMove) else ["received"] * 2 + ["cooking"]
        )
        assert [row[0] for row in line.log()] == list(range(1, len(steps) + 1))


def test_one_that_people_have_needs_no_ticket(line: Line, expedite: Expedite) -> None:
    expedite.query("update orders set accepted_by = 'board'")
    line.front()
    line.front(undo=True)
    assert len(line.log()) == 3
    assert line.sent() == []


def test_one_that_waits_to_be_tried_again_is_tried_now(line: Line, expedite: Expedite) -> None:
    expedite.query("update orders set retry_at = now() + interval '1 hour'")
    line.front()
    assert expedite.query("select retry_at <= now() and retry_at = front_at from orders") == [(True,)]


def test_a_ticket_above_the_orders_priority_is_void(line: Line) -> None:
    with pytest.raises(IllegalMove):
        line.move("cooking", CHEF, ticket=10)
    assert line.stored("status") == "received"
    line.front()
    assert line.move("cooking", CHEF, ticket=10).changed


@pytest.mark.parametrize("ticket", [1, 10])
def test_of_two_tickets_either_will_do(line: Line, ticket: int) -> None:
    line.front()
    assert line.move("cooking", CHEF, ticket=ticket).changed


def test_a_ticket_is_void_for_a_worker_when_people_have_the_order(line: Line, expedite: Expedite) -> None:
    expedite.query("update orders set accepted_by = 'board'")
    with pytest.raises(IllegalMove):
        line.move("cooking", CHEF, ticket=1)
    assert line.move("cooking", STAFF).changed


def test_one_that_failed_and_is_replayed_is_at_the_front_still(line: Line) -> None:
    line.front()
    line.move("failed", SYSTEM)
    line.move("received", SYSTEM)
    assert line.place_in_line() == (10, 1, True)
    line.front(undo=True)
    assert line.place_in_line() == (1, None, False)
