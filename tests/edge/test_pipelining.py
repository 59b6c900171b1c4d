"""Requests that are sent without waiting for the answers."""

import contextlib

from tests.edge.attack import Customers, attackers, connect, memory, received
from tests.expedite import Expedite, Process

ASK = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def test_who_asks_without_end_has_no_more_of_the_process_than_others(front_door: Process) -> None:
    customers = Customers(front_door.url)

    def ask_without_end() -> None:
        with connect(front_door) as sock:
            while True:
                sock.sendall(ASK * 100)
                sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while sock.recv(1 << 20):
                        pass
                sock.settimeout(5)

    with attackers(2, ask_without_end), customers.ordering(least=20):
        pass
    customers.were_served()


def test_who_asks_and_does_not_listen_costs_no_memory(front_door: Process) -> None:
    before = memory(front_door)
    customers = Customers(front_door.url)

    def only_ask() -> None:
        with connect(front_door, timeout=1) as sock:
            while True:
                sock.sendall(ASK * 1000)

    with attackers(20, only_ask), customers.ordering(least=20):
        pass
    customers.were_served()
    assert memory(front_door) - before < 20


def test_all_are_answered_in_their_order(expedite: Expedite) -> None:
    tracking = expedite.start("tracking_service")
    asked = [b"GET /orders/%d/status HTTP/1.1\r\nHost: x\r\nX-Request-ID: %d\r\n\r\n" % (n, n) for n in range(200)]
    with connect(tracking) as sock:
        sock.sendall(b"".join(asked) + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = received(sock).split(b"HTTP/1.1 ")[1:]
    ids = [answer.partition(b"X-Request-ID: ")[2].partition(b"\r\n")[0] for answer in answers]
    assert ids[:-1] == [b"%d" % n for n in range(200)]
    assert all(answer.startswith(b"404 ") for answer in answers)


def test_a_connection_has_a_last_request(front_door: Process) -> None:
    with connect(front_door) as sock:
        sock.sendall(ASK * 3000)
        answers = received(sock)
    assert answers.count(b"HTTP/1.1 200 OK") == 1000
    assert answers.count(b"Connection: close") == 1
