"""How a trace is printed."""

from typing import Any

from devstack.traces import Span, shown


def a_span(name: str, span_id: str, parent_id: str, start: float, seconds: float, **changes: Any) -> Span:
    values: dict[str, Any] = {"service": "order_service", "kind": "INTERNAL", "links": (), "is_error": False}
    values |= {"attributes": {}, "resource": {}, **changes}
    at = int(start * 1e9)
    return Span(
        name=name,
        trace_id="4bf9",
        id=span_id,
        parent_id=parent_id,
        start=at,
        end=at + int(seconds * 1e9),
        **values,
    )


def test_each_step_stands_under_what_it_came_of_in_the_order_in_which_they_began() -> None:
    spans = [
        a_span("cook", "3", "1", 102.0, 10, service="kitchen_service", attributes={"expedite.outcome": "done"}),
        a_span("place order", "2", "1", 100.5, 0.25, is_error=True),
        a_span("POST /orders", "1", "a client's", 100.0, 1.5, attributes={"http.route": "/orders"}),
    ]
    assert shown(spans).splitlines() == [
        "trace 4bf9",
        "    0.000    1.500  order_service     POST /orders",
        "    0.500    0.250  order_service       place order FAILED",
        "    2.000   10.000  kitchen_service     cook done",
    ]


def test_what_was_sent_moves_no_cursor() -> None:
    assert "\x1b" not in shown([a_span("\x1b[2J", "1", "", 0, 1)])
