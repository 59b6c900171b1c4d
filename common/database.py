"""PostgreSQL for a service: nameko-sqlalchemy's sessions, over one engine for each process.

Under `nameko run` psycopg2 waits through eventlet, so a slow statement stops nothing but its own request.
Every wait is bounded: for a connection, for a free place in the pool, for a statement.
"""

import contextlib
import functools
import logging
import re
from collections.abc import Iterator
from typing import Any

import eventlet
import psycopg2
from nameko_sqlalchemy import Database
from nameko_sqlalchemy.database import Session
from psycopg2.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import sessionmaker

from common import logs
from common.errors import Unavailable
from common.models import Base
from common.settings import Settings, settings, sqlalchemy_url

CONNECT_TIMEOUT = 3  # seconds
READY_TIMEOUT = 2.0  # seconds
_PROBE_PAUSE = 0.25  # seconds between two looks whether PostgreSQL is back
_BUSY = (PoolTimeout, QueryCanceled, LockNotAvailable, DeadlockDetected)
# What it says when it is asked for one connection too many; libpq passes on no SQLSTATE of those (53300).
_FULL = re.compile(r"too many (clients|connections)|remaining connection slots")
AWAY = "The database cannot be reached at the moment."
_LONGEST_PAUSE = 5.0  # seconds between two attempts to reach a database that is down

# A server that has gone silent is noticed by the kernel after 5 + 3 × 2 seconds.
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}


def connect_options(statement_timeout: float, **options: str) -> dict[str, Any]:
    """psycopg2's arguments for a connection whose waits are bounded; `statement_timeout` in seconds."""
    given = {
        "timezone": "UTC",
        "statement_timeout": str(int(statement_timeout * 1000)),
        # A process that freezes inside a transaction must not hold its locks for ever.
        "idle_in_transaction_session_timeout": "5000",
        **options,
    }
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "tcp_user_timeout": 10_000,  # ms
        "options": " ".join(f"-c {name}={value}" for name, value in given.items()),
        **KEEPALIVE,
    }


def is_busy(exc: BaseException) -> bool:
    """True for an error that says that PostgreSQL is there, and something in it is slow, in the way or used up."""
    cause = getattr(exc, "orig", None) or exc
    return isinstance(cause, _BUSY) or _FULL.search(str(cause)) is not None


@functools.cache
def engine_for(database_url: str, pool_size: int, pool_timeout: float, statement_timeout: float) -> Engine:
    """The process's one engine for that database."""
    return create_engine(
        sqlalchemy_url(database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=connect_options(statement_timeout),
    )


def engine(config: Settings) -> Engine:
    """The process's one engine, by its settings."""
    return engine_for(config.database_url, config.db_pool_size, config.db_pool_timeout, config.statement_timeout)


class Breaker:
    """Remembers that PostgreSQL is away, so that requests are refused at once instead of waiting for it one
    after the other. Opened by a request that found it away; closed by the first probe that gets an answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.is_open = False

    def trip(self) -> None:
        """PostgreSQL was found away: probe it until it is back."""
        if not self.is_open:
            self.is_open = True
            eventlet.spawn(self._probe)

    def _probe(self) -> None:
        logs.event("db_connection_failed", "PostgreSQL is away; refusing until it is back", logging.WARNING)
        while not is_ready(self._settings):
            eventlet.sleep(_PROBE_PAUSE)
        self.is_open = False
        logs.event("db_connected", "PostgreSQL is back")


@functools.cache
def breaker(settings: Settings) -> Breaker:
    """The process's one breaker."""
    return Breaker(settings)


class Sessions:
    """Opens sessions for a capability; what a provider built on `Postgres` works with."""

    def __init__(self, new_session: sessionmaker[Session], settings: Settings, breaker: Breaker) -> None:
        self._new_session = new_session
        self._settings = settings
        self._breaker = breaker

    def are_to_be_had(self) -> bool:
        """True when PostgreSQL takes a connection, whatever the last statement's trouble was."""
        return _connecting_fails(self._settings) is None

    @contextlib.contextmanager
    def single(self) -> Iterator[Session]:
        """A session for one statement that is its own transaction: no BEGIN and COMMIT around it, so a lock
        that it takes is held no longer than the statement runs. Raises Unavailable as `begin()` does.
        """
        with self.begin() as session:
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            yield session

    @contextlib.contextmanager
    def begin(self) -> Iterator[Session]:
        """A session in a transaction, committed at the end of the block.

        Raises Unavailable when PostgreSQL cannot be reached or did not answer in time; whether a commit
        that was under way took effect is then unknown.
        """
        if self._breaker.is_open:
            raise Unavailable(AWAY)
        with bounded(self._settings, self._breaker), self._new_session() as session:
            yield session


@contextlib.contextmanager
def transaction(settings: Settings) -> Iterator[Session]:
    """A session in a transaction for what has no worker: sweepers, heartbeats, tools. Raises Unavailable."""
    with bounded(settings, breaker(settings)), sessionmaker(engine(settings), class_=Session).begin() as session:
        yield session


@contextlib.contextmanager
def bounded(settings: Settings, breaker: Breaker) -> Iterator[None]:
    """A block that PostgreSQL cannot hold up for ever. Raises Unavailable when it is away or does not answer."""
    # PostgreSQL ends a statement that takes too long; this is for a PostgreSQL that is frozen itself.
    bound = settings.statement_timeout + settings.db_pool_timeout + 1
    try:
        with eventlet.Timeout(bound, OperationalError("(no answer)", None, TimeoutError())):
            yield
    # psycopg2's own come past SQLAlchemy when a lost connection goes back to the pool.
    except (OperationalError, InterfaceError, PoolTimeout, psycopg2.Error) as exc:
        logs.event("db_query_failed", "PostgreSQL did not answer", logging.ERROR)
        if not is_busy(exc):
            breaker.trip()
        raise Unavailable(AWAY) from exc


class SessionOfItsOwn:
    """A session in autocommit that is nobody else's, and that PostgreSQL ends when it was quiet for `quiet`
    seconds: what it holds, an advisory lock say, goes with a process that froze or lost its network.

    Everything raises psycopg2.Error when PostgreSQL is away or does not answer in time.
    """

    def __init__(self, settings: Settings, quiet: float) -> None:
        self._bound = settings.statement_timeout + 2.0  # seconds; PostgreSQL itself may be frozen
        options = connect_options(settings.statement_timeout, idle_session_timeout=str(int(quiet * 1000)))
        with eventlet.Timeout(CONNECT_TIMEOUT, psycopg2.OperationalError("no greeting")):
            self.connection = psycopg2.connect(settings.database_url, **options)
        self.connection.autocommit = True

    def query(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Run a statement; returns its rows, if it has any."""
        no_answer = psycopg2.OperationalError("no answer")
        with eventlet.Timeout(self._bound, no_answer), self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self.connection.close()


class Postgres(Database):
    """nameko-sqlalchemy's Database on the process's shared engine. Waits in the background for a server
    that is not there yet, so that a service starts without it.

    Its `sessions` are closed at the end of their blocks. So nothing is kept for a worker, and all workers can
    share what works with them.
    """

    sessions: Sessions

    def __init__(self) -> None:
        super().__init__(Base)

    def setup(self) -> None:
        self.settings = settings(self.container.config, self.container.service_name)
        self.engine = engine(self.settings)
        self.Session = sessionmaker(bind=self.engine, class_=Session, close_on_exit=True)
        self.sessions = Sessions(self.Session, self.settings, breaker(self.settings))

    def start(self) -> None:
        self.container.spawn_managed_thread(self._say_when_connected)

    def stop(self) -> None:
        """The engine is the process's, not this provider's."""

    kill = stop

    def worker_teardown(self, worker_ctx: object) -> None:
        """Nothing is left to close."""

    def _say_when_connected(self) -> None:
        self._wait_for_postgresql()
        with contextlib.suppress(Unavailable):
            say_if_connections_are_scarce(self.settings, self.container.service_name)

    def _wait_for_postgresql(self) -> None:
        pause = 0.5
        while not is_ready(self.settings):
            logs.event("db_connection_failed", "waiting for PostgreSQL", logging.WARNING, pause_seconds=pause)
            eventlet.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        logs.event("db_connected", "PostgreSQL answers", url=self.engine.url.render_as_string(hide_password=True))


#: What a process holds of PostgreSQL's connections besides its pool: group commit, relay, a worker's lock, and a
#: probe's at times. docs/operations.md adds them up.
_BESIDES = {"order_service": 3, "kitchen_service": 4, "tracking_service": 2, "notifier_service": 0}
_ROOM = text("""
    select least(
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0),
            (select nullif(datconnlimit, -1) from pg_database where datname = current_database()),
            (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user)
        ) as most,
        (select count(*) from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid()) as open
""")


_ADDED_UP: set[Settings] = set()


def say_if_connections_are_scarce(settings: Settings, service_name: str) -> None:
    """Log it when this process may want more connections than PostgreSQL has left, with the sum. Once a process.
    Raises Unavailable."""
    if settings in _ADDED_UP:
        return
    _ADDED_UP.add(settings)
    own = settings.db_pool_size + _BESIDES[service_name]
    with transaction(settings) as session:
        found = session.execute(_ROOM).one()
    if found.open + own > found.most:
        logs.event(
            "db_connections_scarce",
            f"this process may hold {own} connections, which with the {found.open} that are open makes"
            f" {found.open + own}, and PostgreSQL takes {found.most}: raise max_connections or lower DB_POOL_SIZE",
            logging.WARNING,
            own=own,
            open=found.open,
            most=found.most,
        )


def is_ready(settings: Settings) -> bool:
    """True when PostgreSQL answers within two seconds, on a connection of its own: a busy pool is no outage, and
    neither is a server that has no connection left."""
    failure = _connecting_fails(settings)
    return failure is None or is_busy(failure)


def _connecting_fails(settings: Settings) -> BaseException | None:
    """Why there is no connection to be had, or None when there is."""
    try:
        with eventlet.Timeout(READY_TIMEOUT, TimeoutError("no greeting")):
            psycopg2.connect(settings.database_url, **connect_options(READY_TIMEOUT)).close()
    except Exception as exc:  # whatever it is: who asks whether PostgreSQL is back must go on asking
        return exc
    return None
