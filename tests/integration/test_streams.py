"""Answers that stay open: many at once, with no worker each, and an end for all of them."""

import contextlib
import resource
import signal
import socket
import struct
from collections.abc import Iterator

import pytest
import requests

from tests.support.attack import connect, received
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process

CLIENTS = 1000


@pytest.fixture
def streaming(expedite: Expedite) -> Process:
    process = expedite.start(
        "tracking_service",
        wait=False,
        module="tests.support.streaming",
        MAX_WORKERS=3,
        MAX_CONNECTIONS_PER_ADDRESS=CLIENTS,
    )
    eventually(lambda: requests.get(f"{process.url}/open", timeout=5).status_code == 200)
    return process


@pytest.fixture
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CLIENTS * 2), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def listen(process: Process, version: str = "1.1", method: str = "GET") -> socket.socket:
    sock = connect(process)
    sock.sendall(f"{method} /stream HTTP/{version}\r\nHost: x\r\n\r\n".encode())
    return sock


def hears(sock: socket.socket, words: bytes, heard: bytes = b"") -> bytes:
    """What it hears until those words have come."""
    while words not in heard:
        piece = sock.recv(65_536)
        assert piece, f"ended with {heard!r}"
        heard += piece
    return heard


@pytest.mark.usefixtures("_many_files")
def test_a_thousand_listen_while_three_workers_go_on(streaming: Process) -> None:
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(listen(streaming)) for _ in range(CLIENTS)]
        for sock in socks:
            hears(sock, b"data: hello\n\n")
        assert requests.post(f"{streaming.url}/tell", json=7, timeout=10).json() == {"told": CLIENTS}
        for sock in socks:
            hears(sock, b"data: 7\n\n")
    eventually(lambda: requests.get(f"{streaming.url}/open", timeout=5).json() == {"open": 0})


def test_pieces_come_in_chunks_and_as_they_are_to_an_old_client(streaming: Process) -> None:
    with listen(streaming) as sock:
        head, _, body = hears(sock, b"hello\n\n\r\n").partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Type: text/event-stream" in head
    assert b"Content-Length" not in head
    assert body.startswith(b"d\r\ndata: hello\n\n\r\n")
    with listen(streaming, version="1.0") as sock:
        head, _, body = hears(sock, b"hello\n\n").partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body.startswith(b"data: hello\n\n")
    with listen(streaming, method="HEAD") as sock:
        assert received(sock).endswith(b"\r\n\r\n")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_has_gone_is_noticed_also_when_there_is_nothing_to_tell(
    streaming: Process, how: str
) -> None:
    sock = connect(streaming)
    sock.sendall(b"GET /silent HTTP/1.1\r\nHost: x\r\n\r\n")
    hears(sock, b"hello")
    assert requests.get(f"{streaming.url}/open", timeout=5).json() == {"open": 1}
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    eventually(lambda: requests.get(f"{streaming.url}/open", timeout=5).json() == {"open": 0})
    assert not [line for line in streaming.logged() if line["level"] == "ERROR"]


def test_a_client_that_says_more_gets_its_stream_and_no_other_answer(streaming: Process) -> None:
    with listen(streaming) as sock:
        sock.sendall(b"GET /open HTTP/1.1\r\nHost: x\r\n\r\n")
        hears(sock, b": here")
        assert requests.post(f"{streaming.url}/tell", json=7, timeout=10).json() == {"told": 1}
        assert b'"open"' not in hears(sock, b"data: 7\n\n")


def test_a_process_that_stops_ends_them(streaming: Process) -> None:
    with listen(streaming) as sock:
        hears(sock, b"hello")
        streaming.signal(signal.SIGTERM)
        received(sock)  # it ends
        assert streaming.popen.wait(10) == 0


def test_one_that_fails_ends_and_is_logged_and_the_process_goes_on(streaming: Process) -> None:
    with connect(streaming) as sock:
        sock.sendall(b"GET /failing HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = received(sock)
    assert b"data: 1" in answer
    assert not answer.endswith(b"0\r\n\r\n")  # so the client knows that it is not whole
    eventually(lambda: streaming.actions("request_failed"))
    assert requests.get(f"{streaming.url}/open", timeout=5).status_code == 200


@pytest.mark.matrix
def test_an_answer_may_take_longer_than_a_request(streaming: Process) -> None:
    with connect(streaming) as sock:
        sock.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert hears(sock, b"{}").startswith(b"HTTP/1.1 200 OK")
        sock.sendall(b"GET /open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert received(sock).startswith(b"HTTP/1.1 200 OK")


def test_a_process_that_stops_does_not_wait_for_who_says_nothing(streaming: Process) -> None:
    with connect(streaming) as idle, connect(streaming) as asking:
        idle.sendall(b"GET /open HTTP/1.1\r\nHost: x\r\n\r\n")
        hears(idle, b'{"open":0}')
        with streaming.frozen():
            asking.sendall(b"GET /open HTTP/1.1\r\nHost: x\r\n\r\n")  # it has come, and nobody has read it
            streaming.signal(signal.SIGTERM)
        assert received(idle) == b""
        received(asking)
        assert streaming.popen.wait(10) == 0
