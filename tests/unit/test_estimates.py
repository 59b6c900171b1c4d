"""When an order will be ready: its own time, and the queue ahead over the workers online."""

import pytest

from common.estimates import WorkerOnline, seconds_until_ready
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
