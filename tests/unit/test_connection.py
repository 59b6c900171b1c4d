"""One client's connection, at the moment at which the process is told to stop."""

import contextlib
from collections.abc import Iterator

import eventlet
import pytest
from eventlet.green import socket

from common.errors import Refusal
from common.http.answer import Answer, problem
from common.http.connection import Connection
from common.http.request import Request

HEAD = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's end and the server's."""
    with contextlib.closing(eventlet.listen(("127.0.0.1", 0))) as listening:
        client = eventlet.connect(listening.getsockname())
        server, _ = listening.accept()
        with contextlib.closing(client), contextlib.closing(server):
            yield client, server


def answer(request: Request) -> Answer:
    try:
        request.complete()
    except Refusal as refusal:
        return problem(refusal, "test")
    return Answer(201, "text/plain", b"placed", "test")


@pytest.mark.parametrize(
    ("sent", "status"), [(HEAD, b"503"), (HEAD[:20], b"503"), (HEAD + b"{}", b"201"), (b"", b"")]
)
def test_who_began_a_request_when_the_process_stops_is_no_bad_client(
    sockets: tuple[socket.socket, socket.socket], sent: bytes, status: bytes
) -> None:
    client, server = sockets
    is_closing: list[bool] = []
    connection = Connection(server.fd, answer, lambda: bool(is_closing))
    server.setblocking(False)
    running = eventlet.spawn(connection.run)
    eventlet.sleep(0)  # it waits for the first request
    client.sendall(sent)
    is_closing.append(True)
    connection.end_soon()
    with eventlet.Timeout(5):
        running.wait()
        received = client.recv(10_000)
    assert received.partition(b" ")[2][:3] == status
