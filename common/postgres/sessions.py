"""Sessions whose every wait is bounded: for a connection, for a free place in the pool, for a statement."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import eventlet
import psycopg2
from eventlet.greenthread import GreenThread
from eventlet.semaphore import Semaphore
from nameko_sqlalchemy.database import Session
from sqlalchemy import create_engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import sessionmaker

from common.errors import Unavailable
from common.observability import logs, traces
from common.postgres.breaker import AWAY, Breaker
from common.postgres.connection import connect, connect_failure, is_busy
from common.postgres.pool import MeasuredPool
from common.settings import Settings

#: What SQLAlchemy is given for an address: it does not know several hosts. common.postgres.servers connects.
DIALECT = "postgresql+psycopg2://"

_Found = TypeVar("_Found")


class Sessions:
    """Opens sessions. One for each process."""

    def __init__(self, new_session: sessionmaker[Session], settings: Settings, breaker: Breaker) -> None:
        self._new_session = new_session
        self.settings = settings
        self.breaker = breaker
        self._look: GreenThread | None = None

    def in_turn(self, places: int) -> "Sessions":
        """These sessions for many who come in one moment and have time: `places` of them ask for a connection at
        once, and the others wait for their turn. That is not bounded by the clock of a place in the pool; whoever
        uses it bounds how many they are."""
        return _InTurn(self._new_session, self.settings, self.breaker, places)

    @contextlib.contextmanager
    def begin(self) -> Iterator[Session]:
        """A session in a transaction, committed at the end of the block.

        Raises Unavailable when PostgreSQL cannot be reached or did not answer in time; whether a commit
        that was under way took effect is then unknown.
        """
        self._must_be_closed()
        with self.begin_in_background() as session:
            yield session

    @contextlib.contextmanager
    def begin_in_background(self) -> Iterator[Session]:
        """As `begin()`, for what no client waits for (sweepers, heartbeats, tools): it is tried also while the
        breaker refuses requests."""
        transaction = traces.span("transaction", traces.POSTGRESQL, traces.CLIENT)
        with transaction, self._bounded(), self._new_session() as session:
            yield session

    @contextlib.contextmanager
    def single(self) -> Iterator[Session]:
        """A session for one statement that is its own transaction: no BEGIN and COMMIT around it, so a lock
        that it takes is held no longer than the statement runs. Raises Unavailable as `begin()` does.
        """
        self._must_be_closed()
        with self.single_in_background() as session:
            yield session

    @contextlib.contextmanager
    def single_in_background(self) -> Iterator[Session]:
        """As `single()`, for what no client waits for."""
        with self.begin_in_background() as session:
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            yield session

    def _must_be_closed(self) -> None:
        if self.breaker.is_open:
            raise Unavailable(AWAY)

    def can_connect(self) -> bool:
        """True when PostgreSQL takes a connection, whatever the last statement's trouble was. All who ask at once
        have one look together."""
        if self._look is None or self._look.dead:
            self._look = eventlet.spawn(connect_failure, self.settings)
        return self._look.wait() is None

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        """A block that PostgreSQL cannot hold up for ever. Raises Unavailable when it is away or does not
        answer."""
        # PostgreSQL ends a statement that takes too long; this is for a PostgreSQL that is frozen itself.
        bound = self.settings.statement_timeout + self.settings.db_pool_timeout + 1
        try:
            with eventlet.Timeout(bound, OperationalError("(no answer)", None, TimeoutError())):
                yield
        # psycopg2's own come past SQLAlchemy when a lost connection goes back to the pool.
        except (OperationalError, InterfaceError, PoolTimeout, psycopg2.Error) as exc:
            logs.event("db_query_failed", "PostgreSQL did not answer", logging.ERROR)
            if not is_busy(exc):
                self.breaker.trip()
            raise Unavailable(AWAY) from exc


class _InTurn(Sessions):
    def __init__(
        self, new_session: sessionmaker[Session], settings: Settings, breaker: Breaker, places: int
    ) -> None:
        super().__init__(new_session, settings, breaker)
        self._turn = Semaphore(places)

    @contextlib.contextmanager
    def begin(self) -> Iterator[Session]:
        with self._turn, super().begin() as session:
            yield session


def engine_options(settings: Settings) -> dict[str, Any]:
    """SQLAlchemy's arguments for the process's one engine."""
    return {
        "poolclass": MeasuredPool,
        "pool_size": settings.db_pool_size,
        "max_overflow": 0,
        "pool_timeout": settings.db_pool_timeout,
        "pool_pre_ping": True,
        "hide_parameters": True,
        "creator": lambda: connect(settings.database_url, settings.statement_timeout),
    }


def open_sessions(settings: Settings) -> Sessions:
    """Sessions for a program that is no service, a command say."""
    engine = create_engine(DIALECT, **engine_options(settings))
    breaker = Breaker(settings, engine.dispose)
    return Sessions(sessionmaker(engine, class_=Session, close_on_exit=True), settings, breaker)


def in_session(read: Callable[[Session], _Found]) -> Callable[[Sessions], _Found]:
    """`read`, in a transaction of its own."""

    def read_in_session(sessions: Sessions) -> _Found:
        with sessions.begin() as session:
            return read(session)

    return read_in_session
