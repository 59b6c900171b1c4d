"""A worker's registration under its unique name, and the heartbeat that keeps it.

A living process holds a lock under its instance, on a session that PostgreSQL ends when it goes quiet. So a
process that was killed is known at once, and one that froze within seconds, and its name is free although no two
heartbeats were missed. But one that lives may be without its lock for a moment: its session was lost, or
PostgreSQL restarted and all locks are gone. It takes the lock again within four seconds, and says meanwhile, as
far as it can reach PostgreSQL at all, that it lives. Whoever wants the name therefore looks on for longer.
"""

import contextlib
import logging
import time
import uuid
from datetime import datetime
from typing import Any

import eventlet
import psycopg2
from eventlet.event import Event
from nameko.extensions import SharedExtension
from sqlalchemy import CursorResult, text

from common.errors import Unavailable
from common.observability import logs
from common.orders.tables import IS_ONLINE, MAX_HEARTBEATS
from common.postgres.connection import DedicatedSession
from common.postgres.provider import Postgres
from kitchen_service.settings import KitchenSettings

_LIVE = "select pg_advisory_lock(hashtextextended(%s, 0))"


def _unheld(instance: str) -> str:
    """SQL: nobody holds the lock of that instance. Shared, so that two who look at once both find it free."""
    return f"pg_try_advisory_xact_lock_shared(hashtextextended({instance}::text, 0))"


#: Of an order: the worker process that cooks it is gone.
IS_GONE = _unheld("orders.cooking_worker")
# When a worker was last heard of, if its process does not hold its lock.
_UNHELD_SINCE = text(
    f"select last_seen, {_unheld('workers.instance')} as is_unheld from workers where name = :name"
)
# The heartbeats of whoever had the name before stay, so that the time without any is seen; but not when they came
# at another interval, by which the gaps between them would be misread.
_WITH_THIS_ONE = f"(array[now()] || workers.heartbeats)[1:{MAX_HEARTBEATS}]"
# A name that is free, was left, or whose worker missed two heartbeats, or is gone: it was not heard of since then,
# and its lock is still free. Else no row is written.
_REGISTER = text(f"""
    insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,
        heartbeats, cooking_speed)
    values (:name, :instance, :order_types, 'online', :interval, now(), now(), array[now()], :speed)
    on conflict (name) do update set instance = excluded.instance, order_types = excluded.order_types,
        status = 'online', heartbeat_interval = excluded.heartbeat_interval, registered_at = now(),
        last_seen = now(), cooking_speed = excluded.cooking_speed,
        heartbeats = case when workers.heartbeat_interval = excluded.heartbeat_interval then {_WITH_THIS_ONE}
            else excluded.heartbeats end
    where not {IS_ONLINE} or workers.instance = excluded.instance
        or (workers.last_seen = cast(:gone_since as timestamptz) and {_unheld("workers.instance")})
    returning name
""")
_BEAT = text(f"""
    update workers set last_seen = now(), heartbeats = {_WITH_THIS_ONE}
    where name = :name and instance = :instance
    returning name
""")
_LIVES = text("update workers set last_seen = now() where name = :name and instance = :instance")
_LEAVE = text("update workers set status = 'offline', last_seen = now() where instance = :instance")
_SIGN_OF_LIFE = 2.0  # seconds; a process that gave none for five times that is gone
_RETAKE = 1.0  # seconds until a lock that was lost is taken again
_GONE_AFTER = 5.0  # seconds without its lock and without any other sign of life: more than a living process needs
_LOOK = 0.5  # seconds between two looks at it


class NameTaken(SystemExit):
    """Another worker has the name. Ends the process with exit code 1."""


class Registration(SharedExtension):
    """This process as a worker. `instance` tells it from any other that ever had the same name."""

    postgres = Postgres()

    def __init__(self) -> None:
        super().__init__()
        self.instance = uuid.uuid4()
        self._started = False
        self._has_lock = Event()
        self._registered = Event()

    def setup(self) -> None:
        self.settings: KitchenSettings = self.container.settings
        self.name = self.settings.worker_name

    def start(self) -> None:
        if not self._started:
            self._started = True
            self.container.spawn_managed_thread(self._run)
            self.container.spawn_managed_thread(self._live)

    def stop(self) -> None:
        """The last thing that a stopping worker does: by now it has nothing in hand."""
        if self._registered.ready():
            try:
                self._execute(_LEAVE, instance=str(self.instance))
            except Unavailable:
                logs.event("db_query_failed", "could not say that this worker left", logging.WARNING)

    def wait(self) -> None:
        """Until the worker is registered; for as long as PostgreSQL is away."""
        self._registered.wait()

    def _run(self) -> None:
        try:
            self.container.eventually(self._register, "registration failed", "db_connection_failed")
            while not self.container.stopping or self._registered.ready():
                eventlet.sleep(self.settings.heartbeat_interval)
                self._beat()
        except NameTaken as exc:
            logs.event(
                "worker_registration_failed",
                f"another worker is online as {self.name}",
                logging.ERROR,
                worker_name=self.name,
            )
            self.container.fail(exc)

    def _live(self) -> None:
        """Hold the lock that says that this process lives, as long as it does."""
        while True:
            try:
                self._hold_lock()
            except psycopg2.Error as exc:
                logs.event("db_connection_failed", "no sign of life possible", logging.WARNING, error=exc)
            # Nobody shall think that this process is gone, if there is another way to say so.
            with eventlet.Timeout(_RETAKE, False), contextlib.suppress(Exception):
                self._execute(_LIVES, name=self.name, instance=str(self.instance))
            eventlet.sleep(_RETAKE)

    def _hold_lock(self) -> None:
        """Returns never; raises when the session is lost or PostgreSQL does not answer."""
        with contextlib.closing(DedicatedSession(self.settings, quiet=_SIGN_OF_LIFE * 5)) as session:
            session.query(_LIVE, (str(self.instance),))
            if not self._has_lock.ready():
                self._has_lock.send()
            while True:
                eventlet.sleep(_SIGN_OF_LIFE)
                session.query("select 1")

    def _register(self) -> None:
        self._has_lock.wait()  # or others would find its name with nobody behind it
        if not self._claim() and not self._inherit():
            if self.container.stopping:
                return
            raise NameTaken(1)
        logs.event(
            "worker_registered",
            f"{self.name} takes {', '.join(self.settings.order_types)}",
            worker_name=self.name,
            order_types=self.settings.order_types,
            prefetch=self.settings.prefetch,
        )
        self._registered.send()

    def _claim(self, gone_since: datetime | None = None) -> bool:
        """Take the name if it is free, or if whoever has it was not heard of after `gone_since` and is gone."""
        return bool(
            self._execute(
                _REGISTER,
                name=self.name,
                instance=str(self.instance),
                order_types=list(self.settings.order_types),
                interval=self.settings.heartbeat_interval,
                speed=self.settings.cooking_speed,
                gone_since=gone_since,
            )
        )

    def _inherit(self) -> bool:
        """Take the name of a process that is gone, when that is sure. Returns at once if it holds its lock."""
        gone_since = self._unheld_since()
        if gone_since is None:
            return False
        message = f"the worker that was online as {self.name} seems to be gone; waiting until that is sure"
        logs.event("worker_registration_waits", message, worker_name=self.name, seconds=_GONE_AFTER)
        sure_at = time.monotonic() + _GONE_AFTER
        while time.monotonic() < sure_at and not self.container.stopping:
            eventlet.sleep(_LOOK)
            lives = self._unheld_since() != gone_since
            if self._claim():  # it left properly, or has missed two heartbeats by now
                return True
            if lives:
                return False
        return not self.container.stopping and self._claim(gone_since)

    def _unheld_since(self) -> datetime | None:
        """When the worker that has the name was heard of last, if its lock is free."""
        return next((row.last_seen for row in self._execute(_UNHELD_SINCE, name=self.name) if row.is_unheld), None)

    def _beat(self) -> None:
        try:
            if not self._execute(_BEAT, name=self.name, instance=str(self.instance)):
                raise NameTaken(1)
            logs.event("heartbeat_sent", self.name, logging.DEBUG)
        except Exception as exc:  # NameTaken is none
            logs.event("db_query_failed", "heartbeat failed", logging.WARNING, reason=type(exc).__name__)

    def _execute(self, statement: Any, **parameters: Any) -> list[Any]:
        with self.postgres.sessions.begin_in_background() as session:
            result = session.execute(statement, parameters)
            return list(result) if isinstance(result, CursorResult) and result.returns_rows else []
