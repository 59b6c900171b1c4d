"""One trace, from a customer's request to the screens and the notifier."""

import json
from collections.abc import Iterator

import pytest
import requests

from devstack.traces import Span
from tests.support import hooks
from tests.support.events import listening
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order
from tests.support.hooks import IN_THE_HOUSE
from tests.support.receiver import Receiver as Webhook
from tests.support.trace_receiver import Receiver, receiving

TRACE, THEIRS = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVICES = ("order_service", "kitchen_service", "tracking_service", "notifier_service")

#: Each step, by service, kind and name, and what is a part of it or comes of it, as it begins.
Tree = tuple[str, str, str, list["Tree"]]
TOLD: list[Tree] = [
    ("notifier_service", "CONSUMER", "process order_status_changed", []),
    (
        "notifier_service",
        "CONSUMER",
        "process order_status_changed",
        [("notifier_service", "CLIENT", "deliver by webhook", [])],
    ),
    ("tracking_service", "INTERNAL", "tell screens", []),
]
WAY: Tree = (
    "order_service",
    "SERVER",
    "POST /orders",
    [
        (
            "order_service",
            "INTERNAL",
            "place order",
            [
                (
                    "kitchen_service",
                    "CONSUMER",
                    "process order_placed",
                    [
                        ("kitchen_service", "INTERNAL", "move to cooking", TOLD),
                        ("kitchen_service", "INTERNAL", "cook", []),
                        ("kitchen_service", "INTERNAL", "move to ready", TOLD),
                    ],
                ),
            ],
        )
    ],
)
#: What is done for many at once, and for which of the steps above.
BATCHES = {
    "place orders": ["place order"],
    "move orders": ["move to cooking", "move to ready"],
    "publish outbox": ["place order", "move to cooking", "move to ready"],
    "hear events": ["process order_status_changed"] * 2,
}


@pytest.fixture
def hook() -> Iterator[Webhook]:
    receiver = Webhook()
    yield receiver
    receiver.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def tree(receiver: Receiver, span: Span) -> Tree:
    """What came of a step, in order; of a move several hear at once, and stand by their names. What had to be
    looked up in PostgreSQL may have been known already."""
    left_out = ("transaction", *BATCHES)
    begun = [each for each in receiver.of(TRACE) if each.parent_id == span.id and each.name not in left_out]
    parts = [tree(receiver, each) for each in begun]
    if span.name.startswith("move to"):
        parts.sort(key=lambda part: (part[2], len(part[3])))
    return span.service, span.kind, span.name, parts


def of_the_order(process: Process) -> list[str]:
    """The traces that the log lines of a process name, of lines about an order that was placed or moved."""
    lines = [line for line in process.logged() if "order_number" in line["details"]]
    assert lines
    return [line.get("trace_id") for line in lines]


def test_an_order_is_one_trace_from_the_request_to_those_who_are_told(
    expedite: Expedite, receiver: Receiver, hook: Webhook
) -> None:
    to = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **IN_THE_HOUSE}
    desk, tracking, notifier = (
        expedite.start(f"{name}_service", **to) for name in ("order", "tracking", "notifier")
    )
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queues are there
    hooks.make(expedite, hook.url)
    secret = {"Authorization": "Bearer none", "traceparent": f"00-{TRACE}-{THEIRS}-01"}
    answer = requests.post(f"{desk.url}/orders?key=a-secret", json=an_order(), headers=secret, timeout=15)
    assert answer.status_code == 401
    answer = requests.post(
        f"{desk.url}/orders?key=a-secret",
        json=an_order(notification_email="ada@example.com"),
        headers={"traceparent": f"00-{TRACE}-{THEIRS}-01", "tracestate": "theirs=1", "X-Request-ID": "till-7"},
        timeout=15,
    )
    placed = answer.json()
    number = placed["order_number"]
    with listening(f"{tracking.url}/orders/{number}/stream") as screen:
        screen.wait(lambda: screen.of("status"))
        worker = expedite.start_worker(COOKING_SPEED=10, **to)
        expedite.wait_for(number, "ready")
        screen.wait(lambda: len(screen.of("status")) == 3)
        eventually(lambda: len(notifier.actions("notification_received")) == 2)
        eventually(lambda: len(hook.posts) == 2)
    # What was recorded until then is sent at the latest when they stop.
    assert set(expedite.stop_together(30).values()) == {0}

    spans = receiver.of(TRACE)
    refused, first = [span for span in spans if span.parent_id == THEIRS]
    assert (refused.name, refused.attributes["http.response.status_code"]) == ("POST /orders", 401)
    # The client gets to know which step of its trace that was.
    assert answer.headers["traceparent"] == f"00-{TRACE}-{first.id}-01"
    assert "tracestate" not in answer.headers
    assert tree(receiver, first) == WAY
    known = {span.id for span in spans}
    assert {span.parent_id for span in spans} <= known | {THEIRS}
    names = {(TRACE, span.id): span.name for span in spans}
    for batch, steps in BATCHES.items():
        linked = [names[link] for span in receiver.called(batch) for link in span.links]
        assert sorted(linked) == sorted(steps), batch
        assert {span.kind for span in receiver.called(batch)} == {"CLIENT"}
    assert [span for span in spans if span.is_error] == []
    assert all(first.start <= span.start <= span.end for span in spans if span is not refused)

    assert first.attributes == {
        "http.request.method": "POST",
        "http.route": "/orders",
        "http.response.status_code": 201,
        "expedite.request_id": "till-7",
    }
    # Who is told can go on with the trace.
    delivered = {f"00-{TRACE}-{span.id}-01" for span in receiver.called("deliver by webhook")}
    assert {post.headers["traceparent"] for post in hook.posts} == delivered
    [processed] = receiver.called("process order_placed")
    assert processed.attributes["expedite.order_number"] == number
    assert processed.attributes["expedite.outcome"] == "done"
    for service in SERVICES:
        instances = {span.resource["service.instance.id"] for span in receiver.spans if span.service == service}
        assert len(instances) == 1, service

    for process in (desk, worker, notifier):
        assert set(of_the_order(process)) == {TRACE}, process.service
    # Nothing of whoever ordered, and no secret.
    said = json.dumps([[span.name, span.attributes, span.resource] for span in receiver.spans])
    key = placed["tracking_url"].rpartition("key=")[2]
    for private in ("Ada", "ada@", "a-secret", "Bearer", "chef_mario", "Margherita", key):
        assert private not in said, private
