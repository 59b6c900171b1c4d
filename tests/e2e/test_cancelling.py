"""An order that is cancelled while it cooks is taken off the stove."""

from tests.support.eventually import eventually
from tests.support.expedite import Expedite


def test_staff_cancelling_stops_the_worker_and_it_moves_on_to_the_next_order(expedite: Expedite) -> None:
    expedite.start("order_service")
    worker = expedite.start_worker(COOKING_SPEED=0.05)
    first, second, third = (expedite.place_number() for _ in range(3))

    expedite.wait_for(first, "cooking")
    with expedite.rpc() as rpc:
        answer = rpc.order_service.cancel_order(first, {"reason": "out of basil"})
    assert answer["status"] == "cancelled"
    expedite.wait_for(second, "cooking")
    assert expedite.history(first) == ["received", "cooking", "cancelled"]

    with expedite.rpc() as rpc:
        answer = rpc.kitchen_service.move_order(second, "cancelled", "anna")
    assert answer["status"] == "cancelled"
    expedite.wait_for(third, "cooking")

    expected = [f"{number} was taken off the stove" for number in (first, second)]
    eventually(lambda: [line["message"] for line in worker.actions("order_interrupted")] == expected)
    assert expedite.query(
        "select changed_by, reason from order_status_log where status = 'cancelled' order by changed_at"
    ) == [("staff", "out of basil"), ("anna", None)]
    assert expedite.query("select orders_processed from workers") == [(0,)]
    eventually(lambda: expedite.waiting("kitchen.takeout") == 0)


def test_a_worker_hears_of_a_cancellation_at_the_front_door(expedite: Expedite) -> None:
    expedite.start("order_service")
    worker = expedite.start_worker(COOKING_SPEED=0.05)

    def hears() -> bool:
        """Once it may happen that it looks by itself just then; never to hear is a fault."""
        number = expedite.place_number()
        expedite.wait_for(number, "cooking")
        with expedite.rpc() as rpc:
            rpc.order_service.cancel_order(number)
        [line] = eventually(
            lambda: [
                line for line in worker.actions("order_interrupted") if line["details"]["order_number"] == number
            ]
        )
        return bool(line["details"]["heard"])

    assert any(hears() for _ in range(5))


def test_an_order_that_was_cancelled_while_it_waited_is_never_cooked(expedite: Expedite) -> None:
    desk = expedite.start("order_service")
    eventually(lambda: desk.actions("rabbitmq_connected"))  # so it can be called
    cancelled, kept = expedite.place_number(), expedite.place_number()
    with expedite.rpc() as rpc:
        rpc.order_service.cancel_order(cancelled)

    expedite.start_worker()
    expedite.wait_for(kept, "ready")
    eventually(expedite.is_settled)
    assert expedite.history(cancelled) == ["received", "cancelled"]
