"""Bytes whose meaning is in doubt are refused, and what stands behind them is not taken for a request."""

import json
from collections.abc import Iterator

import pytest

from tests.support.attack import connect, received
from tests.support.expedite import Expedite, Process, an_order
from tests.unit.test_framing import REFUSED

ORDER = json.dumps(an_order()).encode()
#: A request that a proxy before us would take for a part of the first one's body.
SMUGGLED = (
    b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    % (
        len(ORDER),
        ORDER,
    )
)


@pytest.fixture(autouse=True)
def _no_order_is_placed(attacked: Expedite) -> Iterator[None]:
    before = attacked.query("select count(*) from orders")
    yield
    assert attacked.query("select count(*) from orders") == before


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_once_and_the_connection_ends(front_door: Process, data: bytes) -> None:
    with connect(front_door) as sock:
        sock.sendall(data + SMUGGLED)
        answer = received(sock)
    assert answer.startswith(b"HTTP/1.1 ")
    status = int(answer.split()[1])
    assert 400 <= status < 500 or status in (501, 505)
    assert answer.count(b"X-Request-ID: ") == 1
    assert b"\r\nConnection: close\r\n" in answer
    # POST / is a form's: what is wrong is said in a page.
    assert b'"code":"' in answer or b"\r\nContent-Type: text/html; charset=utf-8\r\n" in answer


@pytest.mark.parametrize("service", ["tracking_service", "notifier_service", "kitchen_service"])
@pytest.mark.parametrize("kind", ["two lengths", "length, then chunked", "no Host", "a bare LF behind a header"])
def test_so_it_is_at_every_service(services: dict[str, Process], service: str, kind: str) -> None:
    with connect(services[service]) as sock:
        sock.sendall(REFUSED[kind] + SMUGGLED)
        answer = received(sock)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"X-Request-ID: ") == 1
