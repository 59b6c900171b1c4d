"""Who is slow is ended in time, and keeps nobody else out meanwhile."""

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.attack import Customers, connect, received
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process

#: Seconds in which a request must come, and some for a busy machine.
ENDED_WITHIN = 10 + 10
ESTABLISHED = "01"  # in /proc/net/tcp
HEAD = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: "


@contextlib.contextmanager
def dripping(process: Process, sources: list[str]) -> Iterator[list[socket.socket]]:
    """Connections from these addresses that send the beginning of a head; `drip()` sends a byte more on each."""
    socks: list[socket.socket] = []
    try:
        for source in sources:
            sock = connect(process, source)
            socks.append(sock)
            with contextlib.suppress(ConnectionError):
                sock.sendall(HEAD)
        yield socks
    finally:
        for sock in socks:
            sock.close()


def drip_until_ended(socks: list[socket.socket], within: float) -> list[bytes]:
    """A byte every half second on each; what each was answered in the end."""
    answers: dict[socket.socket, bytes] = {}
    deadline = time.monotonic() + within
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ)
        next_drip = time.monotonic()
        while selector.get_map() and time.monotonic() < deadline:
            if time.monotonic() >= next_drip:
                next_drip = time.monotonic() + 0.5
                for key in list(selector.get_map().values()):
                    with contextlib.suppress(OSError):
                        key.fileobj.send(b"x")  # type: ignore[union-attr]
            for key, _ in selector.select(0.1):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                answers[sock] = received(sock)
                selector.unregister(sock)
    return [answers.get(sock, b"never ended") for sock in socks]


def test_heads_that_drip_are_ended_and_shut_nobody_out(expedite: Expedite) -> None:
    front_door = expedite.start("order_service")
    customers = Customers(front_door.url)
    # From many addresses, as from one it would be refused sooner.
    sources = [f"127.0.{1 + number // 200}.{1 + number % 200}" for number in range(700)]
    with customers.ordering(), dripping(front_door, sources) as socks:
        answers = drip_until_ended(socks, ENDED_WITHIN)
    customers.were_served()
    assert {answer.split()[1] for answer in answers} == {b"408"}


@pytest.mark.matrix
def test_one_address_has_its_share_of_connections(expedite: Expedite) -> None:
    front_door = expedite.start("order_service", MAX_CONNECTIONS_PER_ADDRESS=50)
    customers = Customers(front_door.url)
    with customers.ordering(), dripping(front_door, ["127.0.0.2"] * 80) as socks:
        answers = drip_until_ended(socks, ENDED_WITHIN)
    customers.were_served()
    statuses = [answer.split()[1] if answer else b"reset" for answer in answers]
    assert statuses.count(b"408") == 50
    assert set(statuses) <= {b"408", b"503", b"reset"}


def test_behind_a_proxy_all_may_come_from_one_address(expedite: Expedite) -> None:
    front_door = expedite.start("order_service", MAX_CONNECTIONS_PER_ADDRESS=5, TRUSTED_PROXIES=1)
    with dripping(front_door, ["127.0.0.2"] * 20) as socks:
        for sock in socks:
            sock.sendall(b"\r\nConnection: close\r\n\r\n")
        assert [received(sock).split()[1] for sock in socks] == [b"200"] * 20


@pytest.mark.matrix
def test_a_body_that_drips_is_ended(front_door: Process) -> None:
    customers = Customers(front_door.url)
    with customers.ordering(), connect(front_door) as sock:
        sock.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        sock.sendall(b"Content-Length: 1000\r\n\r\n")
        [answer] = drip_until_ended([sock], ENDED_WITHIN)
    assert answer.split()[1] == b"408"
    customers.were_served()


@pytest.mark.matrix
def test_who_does_not_take_the_answers_is_ended(expedite: Expedite) -> None:
    expedite.query(
        "insert into menu_items (name_key, name, category, price, ingredients, allergens)"
        " select 'dish ' || n, 'Dish ' || n, 'Dishes', 9.99, '[]', '{}' from generate_series(1, 500) n"
    )
    front_door = expedite.start("order_service")
    customers = Customers(front_door.url)
    customers.order()
    requests.get(f"{front_door.url}/menu", timeout=10)
    with connect(front_door, timeout=1) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with contextlib.suppress(TimeoutError):
            while True:  # until the answers fill what the kernel keeps for a client who does not read
                sock.sendall(b"GET /menu HTTP/1.1\r\nHost: x\r\n\r\n")
        ports = sock.getpeername()[1], sock.getsockname()[1]
        assert is_served(*ports)
        with customers.ordering():
            eventually(lambda: not is_served(*ports), within=60)
    customers.were_served()


def is_served(server: int, client: int) -> bool:
    """Whether the server's end of the connection between these ports is open."""
    ends = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = f":{server:04X}", f":{client:04X}"
    return any((here[8:], there[8:]) == ports and state == ESTABLISHED for here, there, state in ends)
