"""What wakes the topics: PostgreSQL's notifications, and a clock beside them.

A notification comes at the moment of a commit, and may tell which order has changed. The clock is for what none
reaches: a read replica refuses LISTEN, a connection can be lost with what was on its way, and a worker that goes
silent tells nobody.
"""

import contextlib
import logging
import re
from collections.abc import Callable, Collection
from typing import Any, Protocol

import eventlet
import psycopg2
from eventlet.hubs import trampoline

from common.observability import logs
from common.orders import waking
from common.postgres.connection import DedicatedSession
from common.settings import Settings

CHANNELS = (waking.OUTBOX, waking.ORDERS, waking.WORKERS)
POLL_SECONDS = 2.0  # between two wake-ups by the clock
_ALIVE_SECONDS = 10.0  # of silence, until PostgreSQL is asked whether it is still there
_QUIET_TIMEOUT = 60.0  # seconds after which PostgreSQL ends the session of a process that froze
_MIN_PAUSE, _MAX_PAUSE = 0.5, 30.0  # seconds between two attempts to listen
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


class Listener(Protocol):
    """Who is woken."""

    @property
    def is_wanted(self) -> bool:
        """False when nobody needs to be woken any more."""

    def hear(self, orders: Collection[int]) -> None:
        """Something has happened: to these orders, by their ids, or to something that is none."""

    def look(self) -> None:
        """Anything may have happened."""


class Wakeups:
    """Wakes `listener` for as long as that is wanted. One for each process; `start()` it whenever that may be."""

    def __init__(self, settings: Settings, spawn: Callable[[Callable[[], None]], Any], listener: Listener) -> None:
        self._settings = settings
        self._spawn = spawn
        self._listener = listener
        self._running: set[Callable[[], None]] = set()

    def start(self) -> None:
        """Begin what is not running."""
        for run in (self._poll, self._listen):
            if run not in self._running:
                self._running.add(run)
                self._spawn(run)

    def _poll(self) -> None:
        while self._listener.is_wanted:
            eventlet.sleep(POLL_SECONDS)
            self._listener.look()
        self._running.discard(self._poll)

    def _listen(self) -> None:
        pause = _MIN_PAUSE
        while self._listener.is_wanted:
            try:
                with contextlib.closing(DedicatedSession(self._settings, _QUIET_TIMEOUT)) as session:
                    for channel in CHANNELS:
                        session.query(f"listen {channel}")
                    pause = _MIN_PAUSE
                    self._listener.look()  # what happened until now was told to nobody
                    self._pass_on(session)
            except psycopg2.Error as exc:
                logs.event(
                    "live_not_listening",
                    "PostgreSQL sends no notifications; streams look every two seconds",
                    logging.WARNING,
                    reason=type(exc).__name__,
                    pause_seconds=pause,
                )
                eventlet.sleep(pause)
                pause = min(pause * 2, _MAX_PAUSE)
        self._running.discard(self._listen)

    def _pass_on(self, session: DedicatedSession) -> None:
        connection = session.connection
        silence = 0.0
        while self._listener.is_wanted:
            if not connection.notifies:
                try:
                    trampoline(connection.fileno(), read=True, timeout=POLL_SECONDS, timeout_exc=TimeoutError)
                except TimeoutError:
                    silence += POLL_SECONDS
                    if silence >= _ALIVE_SECONDS:
                        session.query("select 1")
                        silence = 0.0
                    continue
                connection.poll()
            silence = 0.0
            if connection.notifies:
                orders = {int(told.payload) for told in connection.notifies if _ID.fullmatch(told.payload)}
                connection.notifies.clear()
                self._listener.hear(orders)
