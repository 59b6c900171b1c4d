"""Publishes batches of the outbox's rows, and waits for their confirmations together."""

import contextlib
import logging
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import amqp
import eventlet

from common.observability import logs, traces
from common.orders import messages, topology
from common.orders.events import ORDER_PLACED
from common.rabbitmq import broker, frames

_WRITE = 50  # rows that go to the broker in one write
_CONFIRM_TIMEOUT = 5.0  # seconds to write a batch, and then without a confirmation
_SLICE = 1.0  # seconds between two looks at what else is to be done while confirmations are awaited

#: A row that breaks its channel, or cannot even be put into frames.
_POISON = (amqp.exceptions.ChannelError, amqp.exceptions.FrameSyntaxError, struct.error, ValueError, TypeError)


class BrokerSlow(OSError):
    """The broker did not confirm in time: stopped, frozen, or out of disk or memory."""


@dataclass(frozen=True)
class Row:
    """A row of the outbox; `body` is JSON text."""

    id: int
    event_id: str
    exchange: str
    routing_key: str
    priority: int
    request_id: str
    traceparent: str | None
    attempts: int
    body: str
    order_number: str | None


class Publisher:
    """Publishes batches of rows on one connection, and waits for their confirmations together."""

    def __init__(self, connection: amqp.Connection, queue_type: str) -> None:
        self._connection = connection
        self._queue_type = queue_type
        self._is_blocked = False
        connection.on_blocked = lambda _reason: self._block(True)
        connection.on_unblocked = lambda: self._block(False)
        self._outstanding: dict[int, int] = {}  # delivery tag: row id
        self._refused: dict[int, str] = {}  # row id: why
        self.poisoned: set[int] = set()  # row ids that broke their channel
        self.taken: set[int] = set()  # row ids that were confirmed; for who asks after publish() has raised
        self._channel: Any = None
        self._open_channel()
        self.declare()

    def declare(self) -> None:
        """Declare what the messages go to."""
        topology.declare(self._channel, self._queue_type)

    def publish(self, rows: Sequence[Row], while_waiting: Callable[[], object]) -> dict[int, str]:
        """Publish `rows`; returns the ids of those that the broker would not take or could not route, and why.

        A row that breaks the channel is found by halves, so that it keeps back nothing but itself. As long as the
        broker confirms some, or says that publishing is blocked (its disk or memory is full), this waits, and
        calls `while_waiting` every second. Raises BrokerSlow when no confirmation comes for five seconds, and
        whatever a lost connection raises; what was `taken` then is in the broker's hands.
        """
        self.taken.clear()
        self._outstanding.clear()
        self._refused.clear()
        try:
            self._publish(rows, while_waiting)
            return dict(self._refused)
        except _POISON as exc:
            self._open_channel()
            while_waiting()  # PostgreSQL hears of this process, however often this halves
            if len(rows) == 1:
                self.poisoned.add(rows[0].id)
                return {rows[0].id: f"{type(exc).__name__}: {exc}"[:300]}
            middle = len(rows) // 2
            return self.publish(rows[:middle], while_waiting) | self.publish(rows[middle:], while_waiting)

    def dead_letter(self, row: Row, reason: str, service_name: str) -> None:
        """Put a row that cannot be published where people read it."""
        _, _, order_type = row.routing_key.partition(f"{ORDER_PLACED}.")
        queue = topology.kitchen_queue(order_type) if order_type else row.routing_key[:255]
        message = amqp.Message(
            row.body,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=row.event_id,
            application_headers=messages.dead_letter_headers(reason, queue, row.attempts + 1, service_name),
        )
        broker.publish(self._connection, message, topology.DEAD_LETTERS, "")

    def _open_channel(self) -> None:
        if self._channel is not None:
            # Its confirmations carry tags that the next channel uses again.
            self._channel.events.clear()
            with contextlib.suppress(*broker.Lost):
                self._channel.close()
        self._channel = self._connection.channel()
        self._tag = 0
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)

    def _publish(self, rows: Sequence[Row], while_waiting: Callable[[], object]) -> None:
        with eventlet.Timeout(_CONFIRM_TIMEOUT, BrokerSlow("publishing is blocked")):
            for start in range(0, len(rows), _WRITE):
                batch = [self._frames(row) for row in rows[start : start + _WRITE]]
                self._connection.transport.write(b"".join(batch))
                # Customers of the same process have waited for that; and the broker may have something to say.
                eventlet.sleep(0)
                with contextlib.suppress(TimeoutError):
                    self._connection.drain_events(timeout=0)
        deadline = time.monotonic() + _CONFIRM_TIMEOUT
        said = time.monotonic()
        while self._outstanding:
            outstanding = len(self._outstanding)
            with contextlib.suppress(TimeoutError):
                self._connection.drain_events(timeout=_SLICE)
            # Sending all of it again on another connection would only make copies.
            if self._is_blocked or len(self._outstanding) < outstanding:
                deadline = time.monotonic() + _CONFIRM_TIMEOUT
            elif time.monotonic() > deadline:
                raise BrokerSlow("no confirmation")
            if time.monotonic() - said > _SLICE:
                said = time.monotonic()
                self._connection.heartbeat_tick()
                while_waiting()

    def _frames(self, row: Row) -> bytes:
        self._tag += 1
        self._outstanding[self._tag] = row.id
        headers: dict[str, str | int] = {"nameko.request_id": row.request_id, "outbox_id": row.id}
        if row.traceparent is not None:
            headers[traces.HEADER] = row.traceparent
        return frames.publish(
            self._channel,
            exchange=row.exchange,
            routing_key=row.routing_key,
            # A status that nobody follows may go nowhere; an order may not.
            mandatory=row.routing_key.startswith(ORDER_PLACED),
            body=row.body,
            headers=headers,
            priority=row.priority,
            message_id=row.event_id,
        )

    def _block(self, is_blocked: bool) -> None:
        self._is_blocked = is_blocked
        logs.event(
            "rabbitmq_publish_failed" if is_blocked else "rabbitmq_connected",
            "the broker blocks publishing: look at its disk and memory" if is_blocked else "it publishes again",
            logging.ERROR if is_blocked else logging.INFO,
        )

    def keep_alive(self) -> None:
        """To be called when there was nothing to publish for a second."""
        broker.keep_alive(self._connection)

    def _resolve(self, tag: int, multiple: bool) -> list[int]:
        tags = [each for each in self._outstanding if each <= tag] if multiple else [tag]
        return [self._outstanding.pop(each) for each in tags if each in self._outstanding]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self.taken.update(row for row in self._resolve(tag, multiple) if row not in self._refused)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        reason = "the queue is full, or has no majority of its nodes"
        self._refused.update(dict.fromkeys(self._resolve(tag, multiple), reason))

    def _on_return(self, _exc: Exception, _exchange: str, _routing_key: str, message: amqp.Message) -> None:
        # Comes before the acknowledgement of the same message.
        self._refused[message.headers["outbox_id"]] = "no queue takes it"
