"""The broker's bytes as they come: whoever asks for what is there never waits for the rest."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from amqp.transport import TCPTransport

from common.rabbitmq import broker, queue_types

# basic.ack of delivery tag 1 on channel 1
ACK = b"\x01\x00\x01\x00\x00\x00\x0d" + b"\x00\x3c\x00\x50" + b"\x00" * 7 + b"\x01" + b"\x00" + b"\xce"


@pytest.fixture
def wire() -> Iterator[tuple[TCPTransport, socket.socket]]:
    """A transport, and the other end of its connection."""
    ours, theirs = socket.socketpair()
    transport = TCPTransport("127.0.0.1:5672")
    transport.sock, transport.connected = ours, True
    transport._read_buffer = b""
    broker._read_ahead(transport)
    with ours, theirs:
        yield transport, theirs


@pytest.mark.parametrize("come", [0, 3, 7, 12, len(ACK) - 1])
def test_half_a_frame_holds_nobody_up_and_is_kept(wire: tuple[TCPTransport, socket.socket], come: int) -> None:
    transport, theirs = wire
    theirs.sendall(ACK[:come])
    said: list[object] = []

    def ask() -> None:
        try:
            with transport.having_timeout(0):
                said.append(transport.read_frame())
        except TimeoutError as exc:
            said.append(type(exc))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(5)
    held_up = asking.is_alive()
    with contextlib.suppress(OSError):
        theirs.sendall(ACK[come:])
    asking.join(5)
    assert not held_up
    assert said == [TimeoutError]
    ask()
    assert said[1:] == [(1, 1, ACK[7:-1])]


def test_of_several_addresses_another_one_is_first_each_time() -> None:
    uri = "amqp://a/; amqp://b/ ;amqp://c/"
    three = [broker.in_turn(uri) for _ in range(3)]
    assert sorted(turn[0] for turn in three) == ["amqp://a/", "amqp://b/", "amqp://c/"]
    assert all(sorted(turn) == ["amqp://a/", "amqp://b/", "amqp://c/"] for turn in three)
    assert broker.in_turn("amqp://a/") == ["amqp://a/"]


def test_quorum_queues_are_asked_for_without_what_they_refuse_and_with_what_keeps_their_messages() -> None:
    given = {"x-max-priority": 10, "x-dead-letter-exchange": "", "x-overflow": "reject-publish"}
    assert queue_types.arguments("classic", given) == given
    quorum = queue_types.arguments("quorum", given)
    assert "x-max-priority" not in quorum
    assert quorum["x-queue-type"] == "quorum"
    assert quorum["x-dead-letter-strategy"] == "at-least-once"
    assert "x-dead-letter-strategy" not in queue_types.arguments("quorum", {})
