"""A receiver of traces that is away, slow, or back: orders do not notice, and the log says it once."""

from collections.abc import Iterator

import pytest
import requests

from devstack.processes import free_port
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order
from tests.support.trace_receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def place_until(process: Process, is_over: str, within: float = 30.0) -> int:
    """Order again and again until it logs that; returns how many were taken, which are all."""
    taken = 0

    def ordered() -> object:
        nonlocal taken
        with requests.post(f"{process.url}/orders", json=an_order(), timeout=2) as answer:
            assert answer.status_code == 201, answer.text
        taken += 1
        return process.actions(is_over)

    eventually(ordered, within)
    return taken


def test_a_receiver_that_is_away_costs_no_order_and_one_line(expedite: Expedite) -> None:
    port = free_port()
    desk = expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    place_until(desk, "traces_not_sent")
    with receiving(port) as receiver:
        place_until(desk, "traces_sent")
        assert receiver.called("POST /orders")
    assert len(desk.actions("traces_not_sent")) == 1
    assert "opentelemetry" not in "".join(desk.lines)
    assert desk.stop(within=15) == 0


def test_a_receiver_that_never_answers_holds_up_nothing(expedite: Expedite, receiver: Receiver) -> None:
    receiver.answers.clear()
    desk = expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    expedite.place()
    eventually(lambda: receiver.requests)
    taken = place_until(desk, "traces_not_sent")
    assert taken > 10
    assert expedite.query("select count(*) from orders") == [(taken + 1,)]
    # It is waited for again, and the process ends all the same.
    asked = receiver.requests
    eventually(lambda: receiver.requests > asked)
    assert desk.stop(within=15) == 0
    assert len(desk.actions("traces_not_sent")) == 1


def test_a_receiver_that_fails_costs_no_order_and_one_line(expedite: Expedite, receiver: Receiver) -> None:
    receiver.status = 500
    desk = expedite.start("order_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    place_until(desk, "traces_not_sent")
    asked = receiver.requests
    eventually(lambda: expedite.place() and receiver.requests > asked + 2)
    assert len(desk.actions("traces_not_sent")) == 1


@pytest.mark.one_of_its_kind
def test_what_is_left_is_sent_when_a_process_stops(expedite: Expedite, receiver: Receiver) -> None:
    # It ends within a moment, and sends once a second.
    tracking = expedite.start("tracking_service", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert requests.get(f"{tracking.url}/orders/ORD_20200101_001/status", timeout=15).status_code == 404
    assert tracking.stop(within=15) == 0
    [asked] = receiver.called("GET /orders/<order_number>/status")
    assert asked.attributes["http.response.status_code"] == 404
    assert tracking.actions("traces_not_sent") == []
