"""The circuit breaker: PostgreSQL was found away, so requests are refused at once until it is back."""

import logging
from collections.abc import Callable

import eventlet

from common.observability import logs, metrics
from common.postgres import servers
from common.postgres.connection import is_ready
from common.settings import Settings

AWAY = "The database cannot be reached at the moment."
_PROBE_PAUSE = 0.25  # seconds between two looks whether PostgreSQL is back


class Breaker:
    """Opened by a request that found PostgreSQL away, so that the next ones do not wait for it one after the
    other; closed by the first probe that gets an answer. One for each process.

    The pool's idle connections go with the server that they led to: where another has taken its place, each would
    be waited for in vain.
    """

    def __init__(self, settings: Settings, forget_connections: Callable[[], object]) -> None:
        self._settings = settings
        self._forget_connections = forget_connections
        self.is_open = False

    def trip(self) -> None:
        """PostgreSQL was found away: probe it until it is back."""
        if not self.is_open:
            self.is_open = True
            for url in (self._settings.database_url, self._settings.session_url):
                servers.doubt(url)
            self._forget_connections()
            eventlet.spawn(self._probe)

    def _probe(self) -> None:
        logs.event("db_connection_failed", "PostgreSQL is away; refusing until it is back", logging.WARNING)
        with metrics.REFUSING.track_inprogress():
            while not is_ready(self._settings):
                eventlet.sleep(_PROBE_PAUSE)
        self.is_open = False
        logs.event("db_connected", "PostgreSQL is back")
