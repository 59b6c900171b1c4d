"""Group commit: what is asked for while a transaction runs is written together by the next one.

Each request hands in one row, a JSON object, and waits. A writer takes all rows that wait, sends them as one JSON
array to one prepared statement, which is its own transaction, and gives each request its own row of the result. A
commit costs the same for one row as for a hundred, and so does the way to PostgreSQL and back: under load a row
costs a fraction of a transaction, and alone it waits for nobody.

An answer is given after its own row is durable and never before. A row that PostgreSQL refuses fails alone: its
batch left nothing behind, and is tried again in halves. When the connection breaks, or PostgreSQL does not answer,
nobody knows what became of the batch: its requests get Unavailable and nothing is sent a second time.
"""

import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any

import eventlet
import psycopg2
from eventlet.event import Event

from common.errors import Unavailable
from common.observability import logs, metrics, traces
from common.postgres.breaker import AWAY, Breaker
from common.postgres.connection import CONNECT_TIMEOUT, connect, is_busy
from common.settings import Settings

Row = tuple[Any, ...]

_RETRIES = metrics.RETRIES.labels("batch")

_MAX_ROWS = 100  # in one transaction
_MAX_WAITING = 1000  # rows; whoever comes then is refused
# Seconds after which PostgreSQL plans the statement again: tables grow, and the plan for a table that was analyzed
# when it was empty reads all of it.
_PLAN_LIFE = 10.0
# How PostgreSQL is to plan: once for any rows, where it would first try five times to find out; and with indices,
# also while the tables are empty, since what is planned then, the checks of foreign keys too, is kept.
_PLANNING = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}


class _Request:
    """A row that waits to be written, and who waits for it."""

    __slots__ = ("done", "row", "since", "traceparent")

    def __init__(self, row: bytes) -> None:
        self.row = row
        self.since = monotonic()
        self.done = Event()
        self.traceparent = traces.traceparent()


class GroupCommit:
    """Writes rows with `statement`, which takes a JSON array as its parameter $1, and returns one row for each of
    its elements in their order. `name` says what it does, for traces."""

    def __init__(self, settings: Settings, breaker: Breaker, statement: str, name: str) -> None:
        self._settings = settings
        self._breaker = breaker
        self._name = name
        self._waiting: deque[_Request] = deque()
        # One, and so one transaction at a time: two would only make smaller batches.
        self._connection = _Connection(settings, statement)
        self._is_writing = False

    def write(self, row: bytes) -> Row:
        """Returns the statement's row for this one when it is durable.

        Raises Unavailable when PostgreSQL is away or does not answer in time; whether the row was written is then
        unknown. Raises psycopg2's error when PostgreSQL refuses this very row; nothing is written then.
        """
        if self._breaker.is_open or len(self._waiting) >= _MAX_WAITING:
            raise Unavailable(AWAY)
        request = _Request(row)
        self._waiting.append(request)
        if not self._is_writing:
            self._is_writing = True
            eventlet.spawn_n(self._write_what_waits)
        row_of_result: Row = request.done.wait()
        return row_of_result

    def close(self) -> None:
        """To be called when nobody waits any more."""
        self._connection.close()

    def _write_what_waits(self) -> None:
        batch: list[_Request] = []
        try:
            while self._waiting:
                batch = self._next_batch()
                if batch:
                    self._write(batch)
        finally:
            self._is_writing = False
            # Whatever ends this thread, nobody waits for ever.
            left = [*batch, *self._waiting]
            self._waiting.clear()
            _refuse([request for request in left if not request.done.ready()])

    def _next_batch(self) -> list[_Request]:
        """What waits, without what has waited for too long already, as for a place in a pool."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MAX_ROWS))]
        oldest = monotonic() - self._settings.db_pool_timeout
        late = [request for request in batch if request.since < oldest]
        if not late:
            return batch
        _refuse(late)
        return [request for request in batch if request.since >= oldest]

    def _write(self, batch: Sequence[_Request]) -> None:
        if self._breaker.is_open:  # since these began to wait
            _refuse(batch)
            return
        try:
            with self._traced(batch):
                rows = self._connection.execute(b"[" + b",".join([request.row for request in batch]) + b"]")
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as exc:
            logs.event("db_query_failed", "PostgreSQL did not answer", logging.ERROR, rows=len(batch))
            _refuse(batch)
            if not is_busy(exc):
                self._connection.close()
                self._breaker.trip()
        except Exception as exc:
            if len(batch) == 1:
                batch[0].done.send_exception(exc)
                return
            _RETRIES.inc()
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                self._write(half)
        else:
            metrics.GROUPS.observe(len(batch))
            for request, row in zip(batch, rows, strict=True):
                request.done.send(row)

    def _traced(self, batch: Sequence[_Request]) -> traces.Step:
        attributes: dict[str, str | int] = {**traces.POSTGRESQL, "db.query.summary": self._name}
        if len(batch) > 1:
            attributes["db.operation.batch.size"] = len(batch)
        return traces.batch(self._name, [request.traceparent for request in batch], attributes)


def _refuse(requests: Sequence[_Request]) -> None:
    for request in requests:
        request.done.send_exception(Unavailable(AWAY))


class _Connection:
    """A connection in autocommit with the statement prepared, opened when it is needed."""

    def __init__(self, settings: Settings, statement: str) -> None:
        self._settings = settings
        self._statement = statement
        self._bound = settings.statement_timeout + 1  # seconds; PostgreSQL itself may be frozen
        self._connection: Any = None
        self._planned_at = 0.0

    def execute(self, rows: bytes) -> list[Row]:
        """One transaction. Raises psycopg2.OperationalError also for no answer."""
        with eventlet.Timeout(self._bound, psycopg2.OperationalError("no answer")):
            self._open_if_it_is_not()
            with self._connection.cursor() as cursor:
                if monotonic() - self._planned_at > _PLAN_LIFE:
                    cursor.execute("discard plans")
                    self._planned_at = monotonic()
                cursor.execute("execute write (%s)", (rows.decode(),))
                found: list[Row] = cursor.fetchall()
                return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open_if_it_is_not(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg2.Error):
                # Has the server left meanwhile? The first poll reads what it still said, the second that it hung
                # up.
                self._connection.poll()
                self._connection.poll()
                return
            self.close()
        settings = self._settings
        connection = connect(settings.session_url, settings.statement_timeout, CONNECT_TIMEOUT, **_PLANNING)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"prepare write (jsonb) as {self._statement}")
        self._connection = connection
