"""An order that is sent to the front is next, and cooked once, though it has two tickets."""

import pytest

from common.errors import IllegalMove, Unauthorized
from tests.support import oven
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.people import Someone, post, register


@pytest.fixture
def anna(expedite: Expedite) -> Someone:
    expedite.start("order_service")
    return register(expedite, "anna", "employee")


def waiting(expedite: Expedite, tickets: int) -> None:
    """Until so many tickets of takeouts wait, and nothing else does."""
    eventually(
        lambda: (
            expedite.waiting("kitchen.takeout") == tickets
            and expedite.query("select count(*) from outbox") == [(0,)]
        )
    )


def skipped(*workers: Process) -> list[str]:
    return [line["details"]["order_number"] for worker in workers for line in worker.actions("order_skipped")]


def test_it_is_cooked_before_older_ones_and_once(expedite: Expedite, anna: Someone) -> None:
    notifier = expedite.start("notifier_service")
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queue is there
    *older, urgent = [expedite.place_number() for _ in range(4)]
    answer = post(expedite, f"/orders/{urgent}/front", who=anna)
    assert answer.status_code == 200, answer.text
    assert answer.json().items() >= {"order_number": urgent, "status": "received", "priority": 10}.items()
    assert answer.json()["front_at"] is not None
    waiting(expedite, 5)

    worker = expedite.start_worker()
    for number in (urgent, *older):
        expedite.wait_for(number, "ready")
    assert expedite.cooked() == [urgent, *older]
    assert expedite.history(urgent) == ["received", "received", "cooking", "ready"]
    eventually(lambda: skipped(worker) == [urgent])
    eventually(expedite.is_settled)
    assert expedite.waiting("dead_letters") == 0
    assert expedite.query("select orders_processed from workers") == [(4,)]
    eventually(lambda: len(notifier.actions("notification_received")) == 8)
    told = [line["details"] for line in notifier.actions("notification_received")]
    assert [each["new_status"] for each in told if each["order_number"] == urgent] == ["cooking", "ready"]


@pytest.mark.matrix
def test_it_is_put_back_in_its_place(expedite: Expedite, anna: Someone) -> None:
    numbers = [expedite.place_number() for _ in range(3)]
    last = numbers[-1]
    for body in (None, {"undo": True}):
        answer = post(expedite, f"/orders/{last}/front", body, anna)
        assert answer.status_code == 200, answer.text
    assert (answer.json()["priority"], answer.json()["front_at"]) == (1, None)
    waiting(expedite, 5)

    worker = expedite.start_worker()
    for number in numbers:
        expedite.wait_for(number, "ready")
    assert expedite.cooked() == numbers
    eventually(lambda: skipped(worker) == [last, last])
    eventually(expedite.is_settled)
    assert expedite.query("select orders_processed from workers") == [(3,)]


def test_while_one_cooks_it_its_other_ticket_makes_nobody_else_begin(expedite: Expedite, anna: Someone) -> None:
    """Also when that one has failed before: whoever cooks has not."""
    expedite.query(oven.BREAK)
    cook = expedite.start_worker("cook", COOKING_SPEED=0.05, RETRY_PAUSES="2,60")
    number = expedite.place_number(customer_name="Unlucky")
    eventually(lambda: cook.actions("message_processing_failed"))
    expedite.query(oven.HEAL)
    assert post(expedite, f"/orders/{number}/front", who=anna).status_code == 200
    expedite.wait_for(number, "cooking")
    other = expedite.start_worker("other", RETRY_PAUSES="2,60")
    eventually(lambda: other.actions("order_in_other_hands"))
    assert expedite.query("select status, processed_by from orders") == [("cooking", "cook")]

    assert post(expedite, f"/orders/{number}/ready", who=anna).status_code == 200
    eventually(lambda: number in skipped(cook, other))
    eventually(expedite.is_settled)
    assert expedite.history(number) == ["received", "received", "cooking", "ready"]
    assert len(cook.actions("order_processing_started")) == 1
    assert not other.actions("order_processing_started")


@pytest.mark.matrix
def test_a_kitchen_with_people_and_a_worker_has_it_once(expedite: Expedite, anna: Someone) -> None:
    number = expedite.place_number()
    assert post(expedite, f"/orders/{number}/front", who=anna).status_code == 200
    waiting(expedite, 2)
    board = expedite.start_worker("board", COOKING="staffed")
    eventually(lambda: board.actions("order_accepted"))
    eventually(expedite.is_settled)
    assert [line["details"]["order_number"] for line in board.actions("order_accepted")] == [number]
    eventually(lambda: skipped(board) == [number])
    # And by hand, in the kitchen's own words; there is nothing more to take off the queue.
    with expedite.rpc() as rpc:
        back = rpc.kitchen_service.front_order(number, "emma", True)
        assert (back["priority"], back["front_at"]) == (1, None)
        assert rpc.kitchen_service.front_order(number, "emma")["priority"] == 10
        history = rpc.order_service.get_history(number)
    assert [(step["changed_by"], step["reason"]) for step in history] == [
        ("customer", None),
        (anna.username, "sent to the front"),
        ("emma", "back in its place"),
        ("emma", "sent to the front"),
    ]
    assert expedite.is_settled()


def test_everybody_reads_that_it_was_and_not_who_did_it(expedite: Expedite, anna: Someone) -> None:
    expedite.start("tracking_service")
    number = expedite.place_number()
    assert post(expedite, f"/orders/{number}/front", who=anna).status_code == 200
    assert post(expedite, f"/orders/{number}/cancel", {"reason": "Ada left"}, anna).status_code == 200
    assert [
        (step["status"], step["changed_by"], step["reason"])
        for step in expedite.track(f"/orders/{number}/history")
    ] == [
        ("received", "customer", None),
        ("received", "staff", "sent to the front"),
        ("cancelled", "staff", None),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ("yes", ""),
        ({"undo": 1}, "undo"),
        ({"undo": None}, "undo"),
        ({"undo": True, "reason": "x"}, "reason"),
        ({"to": 1}, "to"),
    ],
    ids=str,
)
def test_what_is_sent_along_is_looked_at(expedite: Expedite, anna: Someone, body: object, field: str) -> None:
    number = expedite.place_number()
    answer = post(expedite, f"/orders/{number}/front", body, anna)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert expedite.history(number) == ["received"]


def test_who_may_not_and_what_cannot_be(expedite: Expedite, anna: Someone) -> None:
    number = expedite.place_number()
    assert post(expedite, f"/orders/{number}/front").status_code == 401
    assert post(expedite, "/orders/ORD_20200101_001/front", who=anna).status_code == 404
    assert post(expedite, "/orders/nothing/front", who=anna).status_code == 404
    assert post(expedite, f"/orders/{number}/start", who=anna).status_code == 200
    refused = post(expedite, f"/orders/{number}/front", who=anna)
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    assert refused.json()["detail"].endswith(f"Ask {anna.username} to hurry.")
    with expedite.rpc() as rpc:
        with pytest.raises(IllegalMove):
            rpc.order_service.front_order(number)
        with pytest.raises(Unauthorized):
            rpc.order_service.front_order(number, None, {})
