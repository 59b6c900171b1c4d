"""When an order will be ready is known from the moment it is placed."""

import time
from datetime import datetime

import pytest

from tests.support.expedite import Expedite


@pytest.mark.matrix
def test_an_estimate_is_there_from_received_to_ready(expedite: Expedite) -> None:
    expedite.start("order_service")
    expedite.start("tracking_service")

    def estimate(number: str, status: str) -> datetime:
        tracked = expedite.track(f"/orders/{number}/status")
        assert tracked["current_status"] == status
        return datetime.fromisoformat(tracked["estimated_completion"])

    placed = [expedite.place() for _ in range(3)]
    numbers = [order["order_number"] for order in placed]
    promised = [datetime.fromisoformat(order["estimated_completion"]) for order in placed]
    assert promised == sorted(promised)
    began = time.monotonic()
    waiting = [estimate(number, "received") for number in numbers]
    passed = time.monotonic() - began  # between the questions: each counts from when it is asked
    assert 10 <= (waiting[1] - waiting[0]).total_seconds() <= 12 + passed
    assert 10 <= (waiting[2] - waiting[1]).total_seconds() <= 12 + passed

    expedite.start_worker(COOKING_SPEED=2)
    expedite.wait_for(numbers[0], "cooking")
    while_cooking = estimate(numbers[0], "cooking")
    [[began_at]] = expedite.query("select changed_at from order_status_log where status = 'cooking' limit 1")
    assert abs((while_cooking - began_at).total_seconds() - 5) < 1
    for number in numbers:
        expedite.wait_for(number, "ready")
    of_ready = expedite.track(f"/orders/{numbers[0]}/status")
    assert of_ready["estimated_completion"] == of_ready["updated_at"]
    for order in placed:
        status = expedite.track(f"/orders/{order['order_number']}/status")
        assert status["first_estimate"] == order["estimated_completion"]
