"""The relay: carries the outbox's rows to the broker, so that what was decided is also announced.

Every process that writes to the outbox runs one. One at a time leads: it alone publishes, in the order of the
rows, and deletes a row only when the broker has confirmed it. The leader holds an advisory lock on a session
that PostgreSQL itself ends when the session goes quiet; a leader that died, froze or lost its network is
followed by another within seconds. One that cannot reach the broker lets go of the lead by itself.

A message may be published twice (a confirmation can be lost), never not at all.
"""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import eventlet
import psycopg2
from eventlet.hubs import trampoline
from nameko.extensions import DependencyProvider

from common.observability import logs, metrics, traces
from common.orders import waking
from common.orders.events import ORDER_PLACED
from common.outbox.publisher import Publisher, Row
from common.postgres.connection import DedicatedSession
from common.rabbitmq import broker
from common.settings import Settings

_LEADER_LOCK = 0x0D7B0C5  # any number that nothing else in this database uses
_BATCH = 500  # rows published before their confirmations are awaited
# A batch costs RabbitMQ, PostgreSQL and this process much the same for ten rows as for a hundred, and they all
# compete with the orders that come in. So when many come, the next batch may grow for a moment.
_BUSY = 10  # rows in a batch
_GATHER = 0.01  # seconds
_QUIET_TIMEOUT = 15.0  # seconds after which PostgreSQL ends a silent leader's session; above all waits here
_IDLE_WAIT = 1.0  # seconds without a notification until the outbox is looked at all the same
_MAX_PAUSE = 2.0  # seconds between attempts to lead
_MAX_ATTEMPTS = 10  # to publish a row that breaks its channel; about four minutes, then it is a dead letter
_RETRY_PAUSE = 5  # seconds, times the attempts so far, that a refused row waits; at most a minute

_LEAD = "select pg_try_advisory_lock(%s)"
_DUE = f"""
    select id, event_id::text, exchange, routing_key, priority, request_id, traceparent, attempts, body::text,
        body ->> 'order_number'
    from outbox where retry_at is null or retry_at <= now() order by id limit {_BATCH}
"""
_CONFIRMED = "delete from outbox where id = any(%s)"
_REFUSED = f"""
    update outbox set attempts = attempts + 1,
        retry_at = now() + make_interval(secs => least(60, {_RETRY_PAUSE} * (attempts + 1)))
    where id = any(%s)
"""


_RETRIES = metrics.RETRIES.labels("relay")


class Relay(DependencyProvider):
    """The relay as a part of a service: `relay = Relay()`."""

    def setup(self) -> None:
        self.settings: Settings = self.container.settings
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
                    publisher = Publisher(connection, self.settings.queue_type)
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
            _RETRIES.inc(not self._stopping)
            eventlet.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE)

    def _lead(self, publisher: Publisher) -> None:
        """Wait for the lead, then publish until stopped. Raises when either connection is lost."""
        with contextlib.closing(DedicatedSession(self.settings, _QUIET_TIMEOUT)) as session:
            while not session.query(_LEAD, (_LEADER_LOCK,))[0][0]:
                if self._stopping:
                    return
                publisher.keep_alive()
                eventlet.sleep(_IDLE_WAIT / 2)
            session.query(f"listen {waking.OUTBOX}")
            # The outbox is nearly empty and mostly rows that are gone: PostgreSQL would read through them all.
            session.query("set enable_seqscan = off")
            # That a row was sent need not be on disk before the next is: after a crash of PostgreSQL some are sent
            # twice, and meanwhile the commits of orders and moves have the disk to themselves.
            session.query("set synchronous_commit = off")
            with metrics.LEADING.track_inprogress():
                self._publish(session, publisher)

    def _publish(self, session: DedicatedSession, publisher: Publisher) -> None:
        while True:
            sent = self._publish_due(session, publisher)
            if not sent:
                if self._stopping:
                    return
                publisher.keep_alive()
                _wait_for_notification(session.connection)
            elif sent >= _BUSY:
                eventlet.sleep(_GATHER)

    def _publish_due(self, session: DedicatedSession, publisher: Publisher) -> int:
        """Publish one batch, and return how many of its rows left the outbox."""
        rows = [Row(*row) for row in session.query(_DUE)]
        if not rows:
            return 0
        try:
            with _traced(rows):
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
        self, rows: Sequence[Row], refused: Mapping[int, str], publisher: Publisher
    ) -> set[int]:
        """The refused rows that stay in the outbox. What a queue would not take waits for as long as that takes;
        what cannot be published at all becomes a dead letter in the end."""
        kept = set(refused)
        for row in rows:
            if row.id in publisher.poisoned and row.attempts + 1 >= _MAX_ATTEMPTS:
                publisher.dead_letter(row, refused[row.id], self.container.service_name)
                kept.discard(row.id)
        return kept


def _wait_for_notification(session: Any) -> None:
    """Until rows were inserted, or for a second."""
    if not session.notifies:
        try:
            trampoline(session.fileno(), read=True, timeout=_IDLE_WAIT, timeout_exc=TimeoutError)
        except TimeoutError:
            return
        session.poll()
    session.notifies.clear()


def _traced(rows: Sequence[Row]) -> traces.Step:
    attributes: dict[str, str | int] = {
        **traces.RABBITMQ,
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
    }
    if len(rows) > 1:
        attributes["messaging.batch.message_count"] = len(rows)
    return traces.batch("publish outbox", [row.traceparent for row in rows], attributes)


def _note(row: Row, refusal: str | None) -> None:
    """Counts and logs what became of a row."""
    logs.begin_request(row.request_id)
    logs.join_trace(traces.trace_id_of(row.traceparent))
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
