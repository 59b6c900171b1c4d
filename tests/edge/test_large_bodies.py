"""A refusal arrives, also at a client that is still sending."""

import socket

import pytest

from tests.support.attack import connect, received
from tests.support.expedite import Process

HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
LARGE = 3 * 1024 * 1024


@pytest.mark.parametrize("path", [b"/orders", b"/nowhere"])
def test_three_megabytes_are_refused_and_the_client_hears_of_it(front_door: Process, path: bytes) -> None:
    answers = []
    for _ in range(40):
        with connect(front_door) as sock:
            sock.sendall(HEAD % (path, LARGE) + b" " * LARGE)
            answers.append(received(sock).split()[1:2])
    assert answers == [[b"413"]] * 40


def test_what_nobody_wants_is_read_and_the_connection_goes_on(front_door: Process) -> None:
    with connect(front_door) as sock:
        sock.sendall(HEAD % (b"/nowhere", 5) + b"12345" + HEAD.replace(b"POST", b"GET") % (b"/health/live", 5))
        sock.sendall(b"12345GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = received(sock).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"404", b"200", b"200"]


def test_a_client_that_asks_first_is_told_to_go_on(front_door: Process) -> None:
    head = HEAD.replace(b"Host", b"Expect: 100-continue\r\nHost")
    with connect(front_door) as sock:
        sock.sendall(head % (b"/orders", 2))
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{}")
        sock.shutdown(socket.SHUT_WR)
        assert received(sock).startswith(b"HTTP/1.1 422 ")


def test_a_client_that_asks_first_is_told_at_once_that_it_is_too_much(front_door: Process) -> None:
    head = HEAD.replace(b"Host", b"Expect: 100-continue\r\nHost")
    for path, length, status in ((b"/orders", LARGE, b"413"), (b"/nowhere", 5, b"404")):
        with connect(front_door) as sock:
            sock.sendall(head % (path, length))
            sock.shutdown(socket.SHUT_WR)
            assert received(sock).split()[1] == status
