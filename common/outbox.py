"""The relay: carries the outbox's rows to the broker, so that what was decided is also announced.

Every process that writes to the outbox runs one. One at a time leads: it alone publishes, in the order of the
rows, and deletes a row only when the broker has confirmed it. The leader holds an advisory lock on a session
that PostgreSQL itself ends when the session goes quiet; a leader that died, froze or lost its network is
followed by another within seconds. One that cannot reach the broker lets go of the lead by itself.

A message may be published twice (a confirmation can be lost), never not at all.
"""

import logging
import time
from collections.abc import Iterable
from typing import Any

import amqp
import eventlet
import psycopg2
from eventlet.hubs import trampoline
from nameko.extensions import DependencyProvider

from common import broker, logs
from common.database import connect_options
from common.events import ORDER_PLACED
from common.settings import settings

CHANNEL = "outbox"  # what PostgreSQL notifies when rows were inserted
_LEADER_LOCK = 0x0D7B0C5  # any number that nothing else in this database uses
_BATCH = 500  # rows published before their confirmations are awaited
_CONFIRM_TIMEOUT = 5.0  # seconds for a whole batch
_QUIET_TIMEOUT = 15.0  # seconds after which PostgreSQL ends a silent leader's session; above all waits here
_IDLE_WAIT = 1.0  # seconds without a notification until the outbox is looked at all the same
_ANSWER_TIMEOUT = 2.0  # seconds on top of the statement's own limit, for a server that is frozen
_LONGEST_PAUSE = 2.0  # seconds between attempts to lead
_RETRY_PAUSE = 5  # seconds, times the attempts so far, that a refused row waits; at most a minute

_LEAD = "select pg_try_advisory_lock(%s)"
_DUE = f"""
    select id, event_id::text, exchange, routing_key, priority, request_id, body::text,
        body ->> 'order_number'
    from outbox where retry_at is null or retry_at <= now() order by id limit {_BATCH}
"""
_CONFIRMED = "delete from outbox where id = any(%s)"
_REFUSED = f"""
    update outbox set attempts = attempts + 1,
        retry_at = now() + make_interval(secs => least(60, {_RETRY_PAUSE} * (attempts + 1)))
    where id = any(%s)
"""


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
        session = psycopg2.connect(
            self.settings.database_url,
            **connect_options(
                self.settings.statement_timeout, idle_session_timeout=str(int(_QUIET_TIMEOUT * 1000))
            ),
        )
        try:
            session.autocommit = True
            while not self._query(session, _LEAD, (_LEADER_LOCK,))[0][0]:
                if self._stopping:
                    return
                publisher.keep_alive()
                eventlet.sleep(_IDLE_WAIT / 2)
            self._query(session, f"listen {CHANNEL}")
            while True:
                sent = self._publish_due(session, publisher)
                if not sent:
                    if self._stopping:
                        return
                    publisher.keep_alive()
                    _wait_for_notification(session)
        finally:
            session.close()

    def _query(self, session: Any, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Run a statement, for as long as PostgreSQL is allowed to take and no longer."""
        bound = self.settings.statement_timeout + _ANSWER_TIMEOUT
        with eventlet.Timeout(bound, psycopg2.OperationalError("no answer")), session.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def _publish_due(self, session: Any, publisher: "Publisher") -> int:
        """Publish one batch, and return how many of its rows left the outbox."""
        rows = self._query(session, _DUE)
        if not rows:
            return 0
        refused = publisher.publish(rows)
        confirmed = [row for row in rows if row[0] not in refused]
        self._query(session, _CONFIRMED, ([row[0] for row in confirmed],))
        if refused:
            self._query(session, _REFUSED, (list(refused),))
            publisher.declare()  # a queue that was deleted is what makes a message unroutable
        for row in rows:
            _log_published(row, row[0] in refused)
        return len(confirmed)


class Publisher:
    """Publishes batches of rows on one connection, and waits for their confirmations together."""

    def __init__(self, connection: amqp.Connection) -> None:
        self._connection = connection
        self._channel = connection.channel()
        self._outstanding: dict[int, int] = {}  # delivery tag: row id
        self._returned: set[int] = set()
        self._refused: set[int] = set()
        self._tag = 0
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self.declare()

    def declare(self) -> None:
        """Declare what the messages go to."""
        broker.declare_topology(self._channel)

    def publish(self, rows: Iterable[tuple[Any, ...]]) -> set[int]:
        """Publish `rows`; returns the ids of those that the broker would not take or could not route.

        Raises BrokerSlow when the confirmations do not come in time, and whatever a lost connection raises.
        """
        self._outstanding.clear()
        self._returned.clear()
        self._refused.clear()
        deadline = time.monotonic() + _CONFIRM_TIMEOUT
        with eventlet.Timeout(_CONFIRM_TIMEOUT, BrokerSlow("publishing is blocked")):
            for row_id, event_id, exchange, routing_key, priority, request_id, body, _order in rows:
                message = amqp.Message(
                    body,
                    content_type="application/json",
                    content_encoding="utf-8",
                    delivery_mode=2,
                    priority=priority,
                    message_id=event_id,
                    application_headers={"nameko.request_id": request_id, "outbox_id": row_id},
                )
                self._tag += 1
                self._outstanding[self._tag] = row_id
                self._channel.basic_publish(
                    # A status that nobody follows may go nowhere; an order may not.
                    message,
                    exchange,
                    routing_key,
                    mandatory=routing_key.startswith(ORDER_PLACED),
                )
            while self._outstanding:
                self._connection.drain_events(timeout=max(0.01, deadline - time.monotonic()))
        return self._refused | self._returned

    def keep_alive(self) -> None:
        """To be called when there was nothing to publish for a second."""
        broker.keep_alive(self._connection)

    def _settle(self, tag: int, multiple: bool) -> list[int]:
        tags = [each for each in self._outstanding if each <= tag] if multiple else [tag]
        return [self._outstanding.pop(each) for each in tags if each in self._outstanding]

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused.update(self._settle(tag, multiple))

    def _on_return(self, _exc: Exception, _exchange: str, _routing_key: str, message: amqp.Message) -> None:
        # Comes before the acknowledgement of the same message.
        self._returned.add(message.headers["outbox_id"])


def _wait_for_notification(session: Any) -> None:
    """Until rows were inserted, or for a second."""
    if not session.notifies:
        try:
            trampoline(session.fileno(), read=True, timeout=_IDLE_WAIT, timeout_exc=TimeoutError)
        except TimeoutError:
            return
        session.poll()
    session.notifies.clear()


def _log_published(row: tuple[Any, ...], refused: bool) -> None:
    _id, event_id, _exchange, routing_key, _priority, request_id, _body, order_number = row
    logs.begin_request(request_id)
    if refused:
        logs.event(
            "rabbitmq_publish_failed",
            "the broker would not take or could not route a message; it is tried again later",
            logging.ERROR,
            event_id=event_id,
            routing_key=routing_key,
            order_number=order_number,
        )
    elif routing_key.startswith(ORDER_PLACED):
        logs.event("order_published", f"{order_number} is in the kitchen's queue", order_number=order_number)
