"""What never ends is not read, on no route of no service, whether it wants a body or not."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.support.attack import ROOM, Customers, connect, memory, received
from tests.support.expedite import Process

HEAD = b"%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
BLOCK = 64 * 1024
ENDLESS = {
    "a chunk's size": (b"", b"0" * BLOCK),
    "an extension": (b"1;", b"x" * BLOCK),
    "extensions": (b"", b"1;x\r\na\r\n" * (BLOCK // 8)),
    "a trailer": (b"0\r\nT: ", b"x" * BLOCK),
    "trailers": (b"0\r\n", b"T: x\r\n" * (BLOCK // 6)),
    "a chunk": (b"fffffff\r\n", b" " * BLOCK),
    "chunks": (b"", b"10000\r\n" + b" " * BLOCK + b"\r\n"),
}
ROUTES = {
    "order_service": (b"POST", b"/orders"),
    "kitchen_service": (b"GET", b"/health/live"),
    "tracking_service": (b"GET", b"/orders/ORD_20261122_001/status"),
    "notifier_service": (b"POST", b"/nowhere"),
}
MOST = 100 * 1024 * 1024  # bytes that the attacker has


@pytest.mark.parametrize("service", ROUTES)
@pytest.mark.parametrize("kind", ENDLESS)
def test_it_is_ended_and_costs_no_memory(services: dict[str, Process], service: str, kind: str) -> None:
    process = services[service]
    customers = Customers(services["order_service"].url)
    begin, block = ENDLESS[kind]
    before = memory(process)
    with customers.ordering(least=2), connect(process) as sock:
        sent = 0
        try:
            sock.sendall(HEAD % ROUTES[service] + begin)
            for piece in endlessly(block):
                sock.sendall(piece)
                sent += len(piece)
        except ConnectionError:
            pass
        answered = received(sock)
    assert sent < MOST
    assert memory(process) - before < ROOM
    assert not answered or answered.split()[1] in (b"400", b"404", b"413")
    customers.were_served()


def endlessly(block: bytes) -> Iterator[bytes]:
    for _ in range(MOST // len(block)):
        yield block


@pytest.mark.parametrize("text", [b"a\n", b"\n", b"\r\n"], ids=repr)
def test_bodies_of_line_feeds_cost_no_more_than_others(services: dict[str, Process], text: bytes) -> None:
    """A body in chunks is cut where lines end, to see where it ends itself."""
    process = services["order_service"]
    customers = Customers(process.url)
    before = memory(process)
    body = b"%x\r\n%s" % (BLOCK, text * (BLOCK // len(text)))
    with contextlib.ExitStack() as stack, customers.ordering(least=10):
        for _ in range(200):
            sock = stack.enter_context(connect(process))
            sock.sendall(HEAD % (b"POST", b"/orders") + body[:-2])
        assert memory(process) - before < ROOM + 200 * BLOCK / 2**20  # what they sent, and no more
    customers.were_served()
