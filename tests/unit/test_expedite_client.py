"""The example's client when things go wrong: what it sends again, with what, and when it gives up."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from examples import expedite_client
from examples.expedite_client import Expedite, Problem, Unreachable

PLACED = {"order_number": "ORD_20261122_001"}


def problem(status: int, code: str = "unavailable") -> dict[str, Any]:
    return {"type": "urn:x", "title": "No", "status": status, "detail": "Later.", "code": code, "request_id": "1"}


@dataclass
class House:
    """Answers each request with the next of `answers`: a status, headers, and a body or how a stream goes on."""

    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(expedite_client, "_PAUSE", 0.01)
    running = House()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            running.heard.append((self.path, dict(self.headers), body))
            status, headers, said = running.answers.pop(0)
            if said is None:  # gone in the middle of it
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if isinstance(said, bytes):
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    server.shutdown()
    thread.join()
    server.server_close()


def keys(house: House) -> set[str]:
    return {headers["Idempotency-Key"] for _, headers, _ in house.heard}


def test_an_order_is_sent_again_with_its_key_until_it_is_placed(house: House) -> None:
    house.answers = [
        (503, {"Retry-After": "0"}, problem(503)),
        (0, {}, None),
        (429, {"Retry-After": "0"}, problem(429, "too_many_requests")),
        (502, {}, ["not", "ours"]),
        (201, {}, PLACED),
    ]
    assert Expedite(house.url).place({"items": []}) == PLACED
    assert len(house.heard) == 5
    assert len(keys(house)) == 1
    assert {body for _, _, body in house.heard} == {b'{"items": []}'}


def test_each_order_has_a_key_of_its_own(house: House) -> None:
    house.answers = [(201, {}, PLACED)] * 2
    client = Expedite(house.url)
    for _ in range(2):
        client.place({})
    assert len(keys(house)) == 2


def test_it_waits_as_long_as_it_is_told_to_and_no_longer_than_its_patience(house: House) -> None:
    house.answers = [(503, {"Retry-After": "60"}, problem(503))]
    with pytest.raises(Unreachable, match="Later"):
        Expedite(house.url, patience=5).place({})
    assert len(house.heard) == 1


def test_what_goes_on_failing_ends(house: House) -> None:
    house.answers = [(503, {}, problem(503))] * 1000
    with pytest.raises(Unreachable):
        Expedite(house.url, patience=0.3).menu()
    assert 2 <= len(house.heard) < 30


def test_a_refusal_is_raised_at_once(house: House) -> None:
    errors = [{"field": "items", "message": "Missing."}]
    house.answers = [(422, {}, {**problem(422, "validation_failed"), "errors": errors})]
    with pytest.raises(Problem) as refused:
        Expedite(house.url).place({})
    assert (refused.value.status, refused.value.code) == (422, "validation_failed")
    assert refused.value.errors == {"items": "Missing."}
    assert len(house.heard) == 1


@pytest.mark.parametrize("answer", [(503, {"Retry-After": "0"}, problem(503)), (0, {}, None)])
def test_what_may_have_been_done_is_not_done_twice(house: House, answer: tuple[int, dict[str, str], Any]) -> None:
    house.answers = [answer] * 2
    with pytest.raises((Problem, Unreachable)):
        Expedite(house.url).register("ada@example.com", "ada", "analytical engine")
    assert len(house.heard) == 1


def event(name: str, event_id: str | None, **data: Any) -> bytes:
    said = f"event: {name}\ndata: {json.dumps(data)}\n" + (f"id: {event_id}\n" if event_id else "") + "\n"
    return said.encode()


def test_a_stream_that_is_cut_off_goes_on_behind_the_last_event(house: House) -> None:
    stream = {"Content-Type": "text/event-stream"}
    house.answers = [
        (
            200,
            stream,
            b": hi\n\n" + event("hello", None, now="") + event("status", "1", current_status="received"),
        ),
        (503, {"Retry-After": "0"}, problem(503)),
        (200, stream, event("estimate", None, sequence=1) + event("status", "2", current_status="cooking")),
        (200, stream, event("status", "3", current_status="cancelled") + event("status", "4", current_status="-")),
    ]
    told = list(Expedite(house.url).follow("ORD_20261122_001"))
    assert [each.id for each in told] == ["1", None, "2", "3"]
    assert [headers.get("Last-Event-ID") for _, headers, _ in house.heard] == [None, "1", "1", "2"]


def test_a_stream_that_only_ends_is_given_up(house: House) -> None:
    house.answers = [(200, {}, b"")] * 1000
    with pytest.raises(Unreachable):
        list(Expedite(house.url, patience=0.2).follow("ORD_20261122_001"))
