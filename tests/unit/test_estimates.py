"""When an order will be ready: its own time, and the queue ahead over the workers online."""

import pytest

from common.orders.estimates import KitchenQueue, WaitingLine, WorkerOnline, seconds_until_ready
from order_service.orders import preparation

ALL = ("dine_in", "takeout", "delivery")


@pytest.mark.parametrize(("order_type", "seconds"), [("dine_in", 8), ("takeout", 10), ("delivery", 12)])
def test_the_time_a_type_takes(order_type: str, seconds: int) -> None:
    assert preparation.seconds(order_type) == seconds


def test_an_empty_kitchen_takes_the_orders_own_time() -> None:
    assert seconds_until_ready("takeout", 10, {}, [WorkerOnline(ALL, 1)]) == 10


def test_with_nobody_online_it_is_as_if_one_came_now() -> None:
    assert seconds_until_ready("takeout", 10, {"takeout": 30, "dine_in": 500}, []) == 40


def test_the_queue_ahead_is_shared_by_who_takes_the_type() -> None:
    workers = [WorkerOnline(("takeout",), 1), WorkerOnline(("takeout",), 1), WorkerOnline(("dine_in",), 1)]
    assert seconds_until_ready("takeout", 10, {"takeout": 60}, workers) == 40


def test_other_types_count_when_the_same_hands_cook_them() -> None:
    shared = [WorkerOnline(("takeout", "dine_in"), 1)]
    alone = [WorkerOnline(("takeout",), 1), WorkerOnline(("dine_in",), 1)]
    ahead = {"takeout": 20, "dine_in": 8}
    assert seconds_until_ready("takeout", 10, ahead, shared) == 38
    assert seconds_until_ready("takeout", 10, ahead, alone) == 30


def test_fast_workers_take_less_time() -> None:
    assert seconds_until_ready("takeout", 10, {"takeout": 30}, [WorkerOnline(ALL, 4)]) == 10


def test_workers_that_cook_in_no_time() -> None:
    assert seconds_until_ready("takeout", 10, {"takeout": 30}, [WorkerOnline(ALL, 0)]) == 0


@pytest.mark.parametrize(
    ("priority", "order_id", "ahead"),
    [
        (1, 4, 5 + 7 + 20 + 30),  # what cooks, all of priority 10, and the two that are older
        (1, 2, 5 + 7),
        (1, 9, 5 + 7 + 20 + 30 + 40),
        (10, 9, 5 + 7),
        (5, 4, 5 + 7),
    ],
)
def test_ahead_is_what_cooks_what_is_more_urgent_and_what_is_older(
    priority: int, order_id: int, ahead: float
) -> None:
    waiting = {("takeout", 1): WaitingLine([2, 3, 4], [20, 50, 90]), ("takeout", 10): WaitingLine([8], [7])}
    queue = KitchenQueue(waiting, {"takeout": 5}, [WorkerOnline(("takeout",), 1)])
    assert queue.seconds_for("takeout", 10, priority, order_id) == 10 + ahead


def test_other_lines_count_when_the_same_hands_cook_them() -> None:
    waiting = {("dine_in", 1): WaitingLine([1], [8]), ("takeout", 1): WaitingLine([2], [20])}
    for types, ahead in ((("takeout",), 20), (("takeout", "dine_in"), 28)):
        queue = KitchenQueue(waiting, {}, [WorkerOnline(types, 1)])
        assert queue.seconds_for("takeout", 10, 1, 3) == 10 + ahead


@pytest.mark.parametrize(
    ("order_type", "priority", "order_id", "ahead"),
    [
        ("takeout", 1, 2, 1),
        ("takeout", 1, 4, 3),
        ("takeout", 10, 8, 0),
        ("takeout", 5, 9, 1),
        ("dine_in", 1, 9, 0),
    ],
)
def test_how_many_of_its_type_come_before_an_order(
    order_type: str, priority: int, order_id: int, ahead: int
) -> None:
    waiting = {
        ("takeout", 1): WaitingLine([2, 3, 4], [20, 50, 90]),
        ("takeout", 10): WaitingLine([8], [7]),
        ("delivery", 10): WaitingLine([1], [7]),
    }
    queue = KitchenQueue(waiting, {}, [WorkerOnline(("takeout", "dine_in"), 1)])
    assert queue.ahead_of(order_type, priority, order_id) == ahead
    assert queue.takes("dine_in")
    assert not queue.takes("delivery")
