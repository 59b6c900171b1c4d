"""Requests that are sent without waiting for the answers."""

import contextlib

from tests.support.attack import Customers, attackers, connect, memory, received
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process

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


def test_between_two_of_its_requests_it_is_others_turn(front_door: Process) -> None:
    many = b"".join(
        b"GET /orders/none HTTP/1.1\r\nHost: x\r\nX-Request-ID: many-%d\r\n\r\n" % n for n in range(150)
    )
    with connect(front_door) as greedy, connect(front_door) as modest:
        with front_door.frozen():  # so that both have come when it looks again
            greedy.sendall(many)
            modest.sendall(b"GET /orders/none HTTP/1.1\r\nHost: x\r\nX-Request-ID: one\r\n\r\n")
        eventually(lambda: {"one", "many-149"} <= set(answered(front_door)))
    assert answered(front_door).index("one") < answered(front_door).index("many-100")


def answered(process: Process) -> list[str]:
    """The ids of the requests that a process has answered, in that order."""
    return [str(line["request_id"]) for line in process.actions("request_received")]


def test_a_client_of_before_that_wants_to_go_on_is_told_that_it_may(front_door: Process) -> None:
    with connect(front_door) as sock:
        sock.sendall(
            b"GET /health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /health/live HTTP/1.0\r\n\r\n"
        )
        first, second = received(sock).split(b"HTTP/1.1 ")[1:]
    assert b"\r\nConnection: keep-alive\r\n" in first
    assert b"\r\nConnection: close\r\n" in second
