"""A connection to RabbitMQ whose every wait is bounded.

Nameko's entrypoints make their own connections (`common.nameko_runtime.messaging`). This one is for what publishes
and fetches by its own rules: the outbox's relay, the kitchen's work queues, dead letters, probes.
"""

import contextlib
import itertools
import os
import select
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import amqp
import eventlet
from kombu.utils.url import parse_url

CONNECT_TIMEOUT = 3  # seconds
SOCKET_TIMEOUT = 5  # seconds for one answer, or one write

_AHEAD = 64 * 1024  # bytes
_turns = itertools.count(os.getpid())  # processes that are started together begin with different nodes

#: What a lost, refused, frozen or closed connection raises.
Lost = (OSError, amqp.exceptions.AMQPError)


class _Connection(amqp.Connection):  # type: ignore[misc]  # amqp publishes no types
    """Waits for an answer for SOCKET_TIMEOUT seconds at most; amqp for as long as there are heartbeats."""

    def drain_events(self, timeout: float | None = None) -> None:
        if timeout is not None:
            super().drain_events(timeout)
            return
        with eventlet.Timeout(SOCKET_TIMEOUT, OSError("the broker does not answer")):
            super().drain_events()


def in_turn(amqp_uri: str) -> list[str]:
    """The addresses in AMQP_URI, with another one first each time: a node that takes connections may still have
    lost its cluster."""
    addresses = [address.strip() for address in amqp_uri.split(";")]
    first = next(_turns) % len(addresses)
    return addresses[first:] + addresses[:first]


def connect(amqp_uri: str, heartbeat: int) -> amqp.Connection:
    """An open connection to the first of the addresses that takes one; `heartbeat` in seconds. Raises one of
    `Lost`, the last one's.

    End it with `drop()`: a polite close would wait for a broker that may not answer.
    """
    *others, last = in_turn(amqp_uri)
    for address in others:
        with contextlib.suppress(*Lost):
            return _connect(address, heartbeat)
    return _connect(last, heartbeat)


def _connect(address: str, heartbeat: int) -> amqp.Connection:
    at = parse_url(address)
    connection = _Connection(
        host=f"{at['hostname'] or 'localhost'}:{at['port'] or 5672}",
        userid=at["userid"] or "guest",
        password=at["password"] or "guest",
        virtual_host=at["virtual_host"] or "/",
        connect_timeout=CONNECT_TIMEOUT,
        heartbeat=heartbeat,
    )
    # Besides the socket's own limits, one for the whole handshake: a broker can also be slow drop by drop.
    with eventlet.Timeout(CONNECT_TIMEOUT + SOCKET_TIMEOUT, OSError("the broker does not finish its greeting")):
        try:
            connection.connect()
        except BaseException:
            drop(connection)
            raise
    # amqp's own read_timeout and write_timeout mean nothing to eventlet's sockets, which never block.
    connection.transport.sock.settimeout(SOCKET_TIMEOUT)
    _read_ahead(connection.transport)
    return connection


def _read_ahead(transport: Any) -> None:
    """Ask the socket once for all that has come. amqp asks three times for each frame, nine times for a message;
    it keeps what was more than it asked for.

    Who does not want to wait gets TimeoutError, also in the middle of a frame, which amqp then keeps for later: by
    itself it asks again and again until the rest is there, and no other thread of the process gets its turn.
    """
    receive = transport.sock.recv

    def receive_ahead(size: int) -> bytes:
        try:
            return bytes(receive(max(size, _AHEAD)))
        except BlockingIOError:
            raise TimeoutError from None

    transport._quick_recv = receive_ahead


def drop(connection: amqp.Connection) -> None:
    """Close the socket at once; the broker takes back what was not acknowledged."""
    with contextlib.suppress(*Lost):
        connection.collect()


@contextlib.contextmanager
def connected(amqp_uri: str, heartbeat: int) -> Iterator[amqp.Connection]:
    """`connect()` for the length of a block."""
    connection = connect(amqp_uri, heartbeat)
    try:
        yield connection
    finally:
        drop(connection)


def keep_alive(connection: amqp.Connection) -> None:
    """Send and hear heartbeats; to be called every second or so on a connection that is otherwise idle.

    Raises one of `Lost` when the broker has been silent for too long.
    """
    connection.heartbeat_tick()
    # As long as something can be read without waiting:
    while connection.transport._read_buffer or select.select([connection.sock], [], [], 0)[0]:
        # One frame; drain_events() would wait for more after a heartbeat.
        connection.blocking_read(timeout=SOCKET_TIMEOUT)


def publish(connection: amqp.Connection, message: amqp.Message, exchange: str, routing_key: str) -> None:
    """Publish one message and wait until it is confirmed. Raises one of `Lost` when that takes too long, or
    when it went to no queue."""
    if publish_together(connection, [(message, exchange, routing_key)]) != [True]:
        raise OSError(f"the broker did not take a message for {exchange or routing_key}")


def publish_together(connection: amqp.Connection, messages: Sequence[tuple[amqp.Message, str, str]]) -> list[bool]:
    """Publish messages, each with its exchange and routing key, and wait for all confirmations together. Tells of
    each whether the broker took it. Raises one of `Lost` when none comes for too long, or one went to no queue."""
    taken: dict[int, bool] = {}  # by delivery tag, which counts from 1
    unroutable: list[object] = []

    def settle(is_taken: bool, tag: int, multiple: bool) -> None:
        for each in range(1, tag + 1) if multiple else (tag,):
            taken.setdefault(each, is_taken)

    with connection.channel() as channel:
        channel.confirm_select()
        channel.events["basic_return"].add(lambda *returned: unroutable.append(returned))
        channel.events["basic_ack"].add(partial(settle, True))
        channel.events["basic_nack"].add(partial(settle, False))
        for message, exchange, routing_key in messages:
            channel.basic_publish(message, exchange, routing_key, mandatory=True)
        settled, deadline = 0, time.monotonic() + SOCKET_TIMEOUT
        while len(taken) < len(messages):
            connection.drain_events(timeout=max(0.01, deadline - time.monotonic()))
            if len(taken) > settled:
                settled, deadline = len(taken), time.monotonic() + SOCKET_TIMEOUT
    if unroutable:
        raise OSError(f"a message for {messages[0][1] or messages[0][2]} went to no queue")
    return [taken[place] for place in range(1, len(messages) + 1)]


def copy(message: amqp.Message, **headers: object) -> amqp.Message:
    """A persistent copy of a message that was delivered, with `headers` added to its own."""
    kept = ("content_type", "content_encoding", "priority", "message_id")
    return amqp.Message(
        message.body,
        delivery_mode=2,
        application_headers={**(message.headers or {}), **headers},
        **{name: message.properties[name] for name in kept if name in message.properties},
    )


def is_ready(amqp_uri: str) -> bool:
    """True when the broker greets within two seconds."""
    with eventlet.Timeout(2, False):
        try:
            with connected(amqp_uri, heartbeat=0):
                return True
        except Lost:
            return False
    return False
