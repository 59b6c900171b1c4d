"""Connections to PostgreSQL whose every wait is bounded.

Under `nameko run` psycopg2 waits through eventlet, so a slow statement stops nothing but its own request.
"""

import re
from typing import Any

import eventlet
import psycopg2
from psycopg2.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy.exc import TimeoutError as PoolTimeout

from common.postgres import servers
from common.postgres.confirmed import Connection, Unconfirmed
from common.settings import Settings

CONNECT_TIMEOUT = 3  # seconds
READY_TIMEOUT = 2.0  # seconds
_BUSY = (PoolTimeout, QueryCanceled, LockNotAvailable, DeadlockDetected, Unconfirmed)
# What it says when it is asked for one connection too many; libpq passes on no SQLSTATE of those (53300). The last
# two are PgBouncer's.
_FULL = re.compile(
    r"too many (clients|connections)|remaining connection slots|no more connections allowed|query_wait_timeout"
)

# A server that has gone silent is noticed by the kernel after 5 + 3 × 2 seconds.
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}


def connect_options(statement_timeout: float, **options: str) -> dict[str, Any]:
    """psycopg2's arguments for a connection whose waits are bounded; `statement_timeout` in seconds."""
    given = {
        "timezone": "UTC",
        "statement_timeout": str(int(statement_timeout * 1000)),
        # A process that freezes inside a transaction must not hold its locks for ever.
        "idle_in_transaction_session_timeout": "5000",
        "client_min_messages": "warning",  # see common.postgres.confirmed
        **options,
    }
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "tcp_user_timeout": 10_000,  # ms
        "options": " ".join(f"-c {name}={value}" for name, value in given.items()),
        **KEEPALIVE,
    }


def connect(url: str, statement_timeout: float, within: float = CONNECT_TIMEOUT, **options: str) -> Connection:
    """A connection whose waits are bounded, to the server of `url` that takes writes, after at most `within`
    seconds; `options` are PostgreSQL's settings for it. Raises psycopg2.Error."""
    return servers.connect(url, within, **connect_options(statement_timeout, **options))


def is_busy(exc: BaseException) -> bool:
    """True for an error that says that PostgreSQL is there, and something in it is slow, in the way or used up."""
    cause = getattr(exc, "orig", None) or exc
    return isinstance(cause, _BUSY) or _FULL.search(str(cause)) is not None


def is_ready(settings: Settings) -> bool:
    """True when PostgreSQL answers within two seconds, on a connection of its own: a busy pool is no outage, and
    neither is a server that has no connection left."""
    failure = connect_failure(settings)
    return failure is None or is_busy(failure)


def connect_failure(settings: Settings) -> BaseException | None:
    """Why PostgreSQL takes no new connection, or None when it takes one. Tried for two seconds at most, and where
    there is a pooler before it, for two at each."""
    try:
        for url in dict.fromkeys((settings.database_url, settings.session_url)):
            connect(url, READY_TIMEOUT, READY_TIMEOUT).close()
    except Exception as exc:  # whatever it is: who asks whether PostgreSQL is back must go on asking
        return exc
    return None


class DedicatedSession:
    """A session in autocommit that one part of the process has for itself, and that PostgreSQL ends when it was
    quiet for `quiet` seconds: what it holds, an advisory lock say, goes with a process that froze or lost its
    network.

    Everything raises psycopg2.Error when PostgreSQL is away or does not answer in time.
    """

    def __init__(self, settings: Settings, quiet: float) -> None:
        self._bound = settings.statement_timeout + 2.0  # seconds; PostgreSQL itself may be frozen
        self.connection = connect(
            settings.session_url, settings.statement_timeout, idle_session_timeout=str(int(quiet * 1000))
        )
        self.connection.autocommit = True

    def query(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Run a statement; returns its rows, if it has any."""
        no_answer = psycopg2.OperationalError("no answer")
        with eventlet.Timeout(self._bound, no_answer), self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self.connection.close()
