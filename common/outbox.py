"""The relay: carries the outbox's rows to the broker, so that what was decided is also announced.

Every process that writes to the outbox runs one. One at a time leads: it alone publishes, in the order of the
rows, and deletes a row only when the broker has confirmed it. The leader holds an advisory lock on a session
that PostgreSQL itself ends when the session goes quiet; a leader that died, froze or lost its network is
followed by another within seconds. One that cannot reach the broker lets go of the lead by itself.

A message may be published twice (a confirmation can be lost), never not at all.
"""

import contextlib
import logging
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import amqp
import eventlet
import psycopg2
from eventlet.hubs import trampoline
from nameko.extensions import DependencyProvider

from common import broker, codec, frames, logs, metrics
from common.database import SessionOfItsOwn
from common.events import ORDER_PLACED
from common.settings import settings

CHANNEL = "outbox"  # what PostgreSQL notifies when rows were inserted
_LEADER_LOCK = 0x0D7B0C5  # any number that nothing else in this database uses
_BATCH = 500  # rows published before their confirmations are awaited
_WRITE = 50  # of them that go to the broker in one write
# A batch costs RabbitMQ, PostgreSQL and this process much the same for ten rows as for a hundred, and they all
# compete with the orders that come in. So when many come, the next batch may grow for a moment.
_BUSY = 10  # rows in a batch
_GATHER = 0.01  # seconds
_CONFIRM_TIMEOUT = 5.0  # seconds to write a batch, and then without a confirmation
_QUIET_TIMEOUT = 15.0  # seconds after which PostgreSQL ends a silent leader's session; above all waits here
_IDLE_WAIT = 1.0  # seconds without a notification until the outbox is looked at all the same
_LONGEST_PAUSE = 2.0  # seconds between attempts to lead
_MOST_ATTEMPTS = 10  # to publish a row that breaks its channel; about four minutes, then it is a dead letter
_RETRY_PAUSE = 5  # seconds, times the attempts so far, that a refused row waits; at most a minute

_LEAD = "select pg_try_advisory_lock(%s)"
_DUE = f"""
    select id, event_id::text, exchange, routing_key, priority, request_id, attempts, body::text,
        body ->> 'order_number'
    from outbox where retry_at is null or retry_at <= now() order by id limit {_BATCH}
"""
_CONFIRMED = "delete from outbox where id = any(%s)"
_REFUSED = f"""
    update outbox set attempts = attempts + 1,
        retry_at = now() + make_interval(secs => least(60, {_RETRY_PAUSE} * (attempts + 1)))
    where id = any(%s)
"""


#: A row that breaks its channel, or cannot even be put into frames.
_POISON = (amqp.exceptions.ChannelError, amqp.exceptions.FrameSyntaxError, struct.error, ValueError, TypeError)


class BrokerSlow(OSError):
    """The broker did not confirm in time: stopped, frozen, or out of disk or memory."""


class Relay(DependencyProvider):
    """The relay as a part of a service: `relay = Relay()`."""

    def setup(self) -> None:
        self.settings = settings(self.container.config, self.container.service_name)
        self._stopping = False
        self._thread: Any = None

    def start(self) -> None:
        self._thread = self.container.spawn_managed_thread(self._run)

    def stop(self) -> None:
        """Send on what this process wrote, as far as that takes no longer than three seconds, and end."""
        self._stopping = True
        with eventlet.Timeout(3, False):
            self._thread.wait()
        self._thread.kill()

    def _run(self) -> None:
        pause = 0.1
        while not self._stopping:
            try:
                # The broker first: who cannot reach it must not keep the lead from who can.
                with broker.connected(self.settings.amqp_uri, self.settings.broker_heartbeat) as connection:
                    publisher = Publisher(connection)
                    self._lead(publisher)
                pause = 0.1
            except broker.Lost as exc:
                logs.event(
                    "rabbitmq_publish_failed",
                    "the relay lost the broker; messages wait in the outbox",
                    logging.WARNING,
                    reason=type(exc).__name__,
                    pause_seconds=pause,
                )
            except psycopg2.Error as exc:
                logs.event(
                    "db_connection_failed",
                    "the relay lost PostgreSQL",
                    logging.WARNING,
                    reason=type(exc).__name__,
                    pause_seconds=pause,
                )
            except Exception:
                logs.event("rabbitmq_publish_failed", "the relay failed; it starts again", logging.ERROR)
            eventlet.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _lead(self, publisher: "Publisher") -> None:
        """Wait for the lead, then publish until stopped. Raises when either connection is lost."""
        with contextlib.closing(SessionOfItsOwn(self.settings, _QUIET_TIMEOUT)) as session:
            while not session.query(_LEAD, (_LEADER_LOCK,))[0][0]:
                if self._stopping:
                    return
                publisher.keep_alive()
                eventlet.sleep(_IDLE_WAIT / 2)
            session.query(f"listen {CHANNEL}")
            # The outbox is nearly empty and mostly rows that are gone: PostgreSQL would read through them all.
            session.query("set enable_seqscan = off")
            # That a row was sent need not be on disk before the next is: after a crash of PostgreSQL some are sent
            # twice, and meanwhile the commits of orders and moves have the disk to themselves.
            session.query("set synchronous_commit = off")
            while True:
                sent = self._publish_due(session, publisher)
                if not sent:
                    if self._stopping:
                        return
                    publisher.keep_alive()
                    _wait_for_notification(session.connection)
                elif sent >= _BUSY:
                    eventlet.sleep(_GATHER)

    def _publish_due(self, session: SessionOfItsOwn, publisher: "Publisher") -> int:
        """Publish one batch, and return how many of its rows left the outbox."""
        rows = [Row(*row) for row in session.query(_DUE)]
        if not rows:
            return 0
        try:
            refused = publisher.publish(rows, lambda: session.query("select 1"))
        except broker.Lost:
            # What it took before it was lost stays taken: a slow one would be sent copies without end.
            taken = [row for row in rows if row.id in publisher.taken]
            session.query(_CONFIRMED, ([row.id for row in taken],))
            for row in taken:
                _note(row, None)
            raise
        kept = self._bury_the_poisoned(rows, refused, publisher) if refused else set()
        session.query(_CONFIRMED, ([row.id for row in rows if row.id not in kept],))
        if refused:
            session.query(_REFUSED, (list(kept),))
            publisher.declare()  # a queue that was deleted is what makes a message unroutable
        for row in rows:
            _note(row, refused.get(row.id))
        return len(rows) - len(kept)

    def _bury_the_poisoned(
        self, rows: Sequence["Row"], refused: Mapping[int, str], publisher: "Publisher"
    ) -> set[int]:
        """The refused rows that stay in the outbox. What a queue would not take waits for as long as that takes;
        what cannot be published at all becomes a dead letter in the end."""
        kept = set(refused)
        for row in rows:
            if row.id in publisher.poisoned and row.attempts + 1 >= _MOST_ATTEMPTS:
                publisher.dead_letter(row, refused[row.id], self.container.service_name)
                kept.discard(row.id)
        return kept


class Publisher:
    """Publishes batches of rows on one connection, and waits for their confirmations together."""

    def __init__(self, connection: amqp.Connection) -> None:
        self._connection = connection
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
        broker.declare_topology(self._channel)

    def publish(self, rows: Sequence["Row"], while_waiting: Callable[[], object]) -> dict[int, str]:
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

    def dead_letter(self, row: "Row", reason: str, service_name: str) -> None:
        """Put a row that cannot be published where people read it."""
        _, _, order_type = row.routing_key.partition(f"{ORDER_PLACED}.")
        message = amqp.Message(
            row.body,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=row.event_id,
            application_headers={
                "reason": reason,
                "queue": broker.kitchen_queue(order_type) if order_type else row.routing_key[:255],
                "attempts": row.attempts + 1,
                "failed_at": codec.iso(datetime.now(UTC)),
                "failed_by": service_name,
            },
        )
        broker.publish(self._connection, message, broker.DEAD_LETTERS, "")

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

    def _publish(self, rows: Sequence["Row"], while_waiting: Callable[[], object]) -> None:
        with eventlet.Timeout(_CONFIRM_TIMEOUT, BrokerSlow("publishing is blocked")):
            for start in range(0, len(rows), _WRITE):
                messages = [self._frames(row) for row in rows[start : start + _WRITE]]
                self._connection.transport.write(b"".join(messages))
                # Customers of the same process have waited for that; and the broker may have something to say.
                eventlet.sleep(0)
                with contextlib.suppress(TimeoutError):
                    self._connection.drain_events(timeout=0)
        deadline = time.monotonic() + _CONFIRM_TIMEOUT
        said = time.monotonic()
        while self._outstanding:
            outstanding = len(self._outstanding)
            with contextlib.suppress(TimeoutError):
                self._connection.drain_events(timeout=_IDLE_WAIT)
            # Sending all of it again on another connection would only make copies.
            if self._is_blocked or len(self._outstanding) < outstanding:
                deadline = time.monotonic() + _CONFIRM_TIMEOUT
            elif time.monotonic() > deadline:
                raise BrokerSlow("no confirmation")
            if time.monotonic() - said > _IDLE_WAIT:
                said = time.monotonic()
                self._connection.heartbeat_tick()
                while_waiting()

    def _frames(self, row: "Row") -> bytes:
        self._tag += 1
        self._outstanding[self._tag] = row.id
        return frames.publish(
            self._channel,
            exchange=row.exchange,
            routing_key=row.routing_key,
            # A status that nobody follows may go nowhere; an order may not.
            mandatory=row.routing_key.startswith(ORDER_PLACED),
            body=row.body,
            headers={"nameko.request_id": row.request_id, "outbox_id": row.id},
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

    def _settle(self, tag: int, multiple: bool) -> list[int]:
        tags = [each for each in self._outstanding if each <= tag] if multiple else [tag]
        return [self._outstanding.pop(each) for each in tags if each in self._outstanding]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self.taken.update(row for row in self._settle(tag, multiple) if row not in self._refused)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused.update(dict.fromkeys(self._settle(tag, multiple), "the queue is full"))

    def _on_return(self, _exc: Exception, _exchange: str, _routing_key: str, message: amqp.Message) -> None:
        # Comes before the acknowledgement of the same message.
        self._refused[message.headers["outbox_id"]] = "no queue takes it"


@dataclass(frozen=True)
class Row:
    """A row of the outbox; `body` is JSON text."""

    id: int
    event_id: str
    exchange: str
    routing_key: str
    priority: int
    request_id: str
    attempts: int
    body: str
    order_number: str | None


def _wait_for_notification(session: Any) -> None:
    """Until rows were inserted, or for a second."""
    if not session.notifies:
        try:
            trampoline(session.fileno(), read=True, timeout=_IDLE_WAIT, timeout_exc=TimeoutError)
        except TimeoutError:
            return
        session.poll()
    session.notifies.clear()


def _note(row: Row, refusal: str | None) -> None:
    """Counts and logs what became of a row."""
    logs.begin_request(row.request_id)
    if refusal is not None:
        metrics.REFUSED.inc()
        logs.event(
            "rabbitmq_publish_failed",
            f"the broker would not take a message: {refusal}",
            logging.ERROR,
            event_id=row.event_id,
            routing_key=row.routing_key[:100],
            order_number=row.order_number,
            attempts=row.attempts + 1,
        )
        return
    metrics.PUBLISHED.labels(row.routing_key).inc()
    if row.routing_key.startswith(ORDER_PLACED):
        logs.event(
            "order_published", f"{row.order_number} is in the kitchen's queue", order_number=row.order_number
        )
