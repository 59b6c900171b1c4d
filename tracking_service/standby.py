"""A standby to read from, as long as it is not too far behind.

The standby itself cannot say how far that is: it does not know what it has not heard of. Twice a second the
primary is asked how far its log is written, and the standby how far it has replayed it: so a moment is known until
which the standby has everything. When one of them does not say any more, that moment grows old by itself.
"""

import dataclasses
import logging
from collections import deque
from collections.abc import Iterable
from functools import cached_property
from time import monotonic

import eventlet
import psycopg2
from nameko.extensions import SharedExtension
from nameko_sqlalchemy.database import Session
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import QueuePool

from common.errors import Unavailable
from common.observability import logs
from common.postgres.breaker import Breaker
from common.postgres.connection import DedicatedSession
from common.postgres.provider import Postgres
from common.postgres.sessions import DIALECT, Sessions, engine_options
from tracking_service.settings import TrackingSettings

_PERIOD = 0.5  # seconds between two looks
_REMEMBERED = 120  # looks
_QUIET_TIMEOUT = 60.0  # seconds after which PostgreSQL ends the session of a process that froze
_NEVER = float("-inf")

_WRITTEN = text("select cast(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as bigint)")
# One that was promoted has nothing to replay.
_REPLAYED = """
    select cast(pg_wal_lsn_diff(
        case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, '0/0'
    ) as bigint)
"""


class Standby(SharedExtension):
    """The one of STANDBY_URL. One for each process."""

    postgres = Postgres()

    def __init__(self) -> None:
        super().__init__()
        self._written: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)  # by when it was at least that far
        self._as_of = _NEVER  # it has everything that was committed until then
        self._session: DedicatedSession | None = None
        self._was_close = False

    @property
    def _settings(self) -> TrackingSettings:
        settings: TrackingSettings = self.container.settings
        return settings

    @cached_property
    def sessions(self) -> Sessions | None:
        """To read in; None where there is no standby."""
        if not self._settings.standby_url:
            return None
        at = dataclasses.replace(self._settings, database_url=self._settings.standby_url, direct_url="")
        # The figures of a pool are the primary's.
        engine = create_engine(DIALECT, **{**engine_options(at), "poolclass": QueuePool})
        opened = sessionmaker(engine, class_=Session, close_on_exit=True)
        return Sessions(opened, at, _UntilTheNextLook(at, lambda: self._leave(engine)))

    @property
    def lag(self) -> float:
        """Seconds: what was committed before that is there."""
        return monotonic() - self._as_of

    @property
    def is_close(self) -> bool:
        """It may be read."""
        return self.lag <= self._settings.standby_max_lag

    def start(self) -> None:
        if self.sessions is not None:
            self.container.spawn_managed_thread(self._watch)

    def measured_now(self) -> Iterable[Metric]:
        """For GET /metrics."""
        if self.sessions is None:
            return
        yield GaugeMetricFamily(
            "expedite_standby_lag_seconds", "How old what the standby shows may be.", value=self.lag
        )
        yield GaugeMetricFamily(
            "expedite_standby_read", "1 while orders are looked up at the standby.", value=int(self.is_close)
        )

    def _watch(self) -> None:
        while True:
            try:
                self._look()
            except (Unavailable, psycopg2.Error):
                if self._session is not None:
                    self._session.close()
                    self._session = None
            self._say_when_it_changes()
            eventlet.sleep(_PERIOD)

    def _look(self) -> None:
        assert self.sessions is not None  # noqa: S101
        now = monotonic()
        with self.postgres.sessions.single_in_background() as session:
            self._written.append((now, session.execute(_WRITTEN).scalar_one()))
        if self._session is None:
            self._session = DedicatedSession(self.sessions.settings, _QUIET_TIMEOUT)
        [(replayed,)] = self._session.query(_REPLAYED)
        self._as_of = max([self._as_of, *(when for when, written in self._written if written <= replayed)])

    def _leave(self, engine: Engine) -> None:
        self._as_of = _NEVER
        engine.dispose()

    def _say_when_it_changes(self) -> None:
        if self.is_close == self._was_close:
            return
        self._was_close = self.is_close
        if self._was_close:
            logs.event("standby_read", "orders are looked up at the standby", lag_seconds=round(self.lag, 2))
            return
        logs.event(
            "standby_left",
            "the standby is away or too far behind; orders are looked up at the primary",
            logging.WARNING,
            max_lag_seconds=self._settings.standby_max_lag,
        )


class _UntilTheNextLook(Breaker):
    """A standby that was found away is left until a look finds it. Nobody is refused for that."""

    def trip(self) -> None:
        self._forget_connections()
