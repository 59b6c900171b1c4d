"""PostgreSQL as a part of a service: `postgres = Postgres()` in the extension that needs it."""

import contextlib
import functools
import logging

import eventlet
from nameko.extensions import SharedExtension
from nameko_sqlalchemy import Database

from common.errors import Unavailable
from common.observability import logs
from common.postgres import servers
from common.postgres.base import Base
from common.postgres.breaker import Breaker
from common.postgres.capacity import warn_if_scarce
from common.postgres.connection import is_ready
from common.postgres.sessions import Sessions, engine_options
from common.settings import Settings

_MAX_PAUSE = 5.0  # seconds between two attempts to reach a database that is down


class Postgres(SharedExtension):
    """nameko-sqlalchemy's Database, with one engine for all that use it in a process, bounded waits and a circuit
    breaker.

    Database gives each worker a session and closes it behind it. Here a capability opens `sessions` for blocks, so
    that no request holds a connection for longer than it asks something, and nothing is kept for a worker. The
    library's `transaction_retry` is not used: a commit whose answer was lost may have taken effect, and what may
    be repeated is decided where that is known (kitchen_service/kitchen.py). Waits in the background for a server
    that is not there yet, so that a service starts without it.
    """

    @property
    def settings(self) -> Settings:
        settings: Settings = self.container.settings
        return settings

    @functools.cached_property
    def sessions(self) -> Sessions:
        """Made when it is first needed: Nameko sets extensions up in any order."""
        return Sessions(
            self._database.Session, self.settings, Breaker(self.settings, self._database.engine.dispose)
        )

    @functools.cached_property
    def _database(self) -> Database:
        options = {"session_options": {"close_on_exit": True}, "engine_options": engine_options(self.settings)}
        database = Database(Base, **options)
        database.container = self.container  # as binding it to a service would
        database.setup()
        return database

    @property
    def breaker(self) -> Breaker:
        return self.sessions.breaker

    def stop(self) -> None:
        self._database.stop()

    def start(self) -> None:
        self.container.spawn_managed_thread(self._say_when_connected)

    def _say_when_connected(self) -> None:
        self._wait_for_postgresql()
        with contextlib.suppress(Unavailable):
            warn_if_scarce(self.sessions, self.settings, self.container.service_name)

    def _wait_for_postgresql(self) -> None:
        pause = 0.5
        while not is_ready(self.settings):
            logs.event("db_connection_failed", "waiting for PostgreSQL", logging.WARNING, pause_seconds=pause)
            eventlet.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE)
        logs.event("db_connected", "PostgreSQL answers", url=servers.shown(self.settings.database_url))
