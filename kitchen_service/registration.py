"""A worker's registration under its unique name, and the heartbeat that keeps it."""

import contextlib
import logging
import time
import uuid
from typing import Any

import eventlet
import psycopg2
from eventlet.event import Event
from nameko.extensions import SharedExtension
from sqlalchemy import text

from common import database, logs
from common.errors import Unavailable
from common.models import IS_ONLINE
from common.settings import settings

# A living process holds a lock under its instance, on a session that PostgreSQL ends when it goes quiet; so a
# process that was killed is known at once, and one that froze within seconds.
_LIVE = "select pg_advisory_lock(hashtextextended(%s, 0))"
#: Of an order: the worker process that cooks it is gone.
IS_GONE = "pg_try_advisory_xact_lock(hashtextextended(orders.cooking_worker::text, 0))"
# A name that is free, was left, or whose worker missed two heartbeats; else no row is written.
_REGISTER = text(f"""
    insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,
        cooking_speed)
    values (:name, :instance, :order_types, 'online', :interval, now(), now(), :speed)
    on conflict (name) do update set instance = excluded.instance, order_types = excluded.order_types,
        status = 'online', heartbeat_interval = excluded.heartbeat_interval, registered_at = now(),
        last_seen = now(), cooking_speed = excluded.cooking_speed
    where not {IS_ONLINE} or workers.instance = excluded.instance
        or (:has_gone and pg_try_advisory_xact_lock(hashtextextended(workers.instance::text, 0)))
    returning name
""")
#: Whether nobody holds the lock of the process that has a name.
_IS_UNLOCKED = text("""
    select name from workers
    where name = :name and pg_try_advisory_xact_lock(hashtextextended(workers.instance::text, 0))
""")
_BEAT = text("""
    update workers set last_seen = now() where name = :name and instance = :instance
    returning name
""")
_LEAVE = text("update workers set status = 'offline', last_seen = now() where instance = :instance")
_SIGN_OF_LIFE = 2.0  # seconds; a process that gave none for five times that is gone
# Seconds for which nobody must hold a process's lock until its name may be taken: one that lost its session, as
# all do when PostgreSQL starts again, takes the lock anew within a few.
_GONE_AFTER = 3 * _SIGN_OF_LIFE
_LOOK = 0.5  # seconds between two looks at the lock


class NameTaken(SystemExit):
    """Another worker has the name. Ends the process with exit code 1."""


class Registration(SharedExtension):
    """This process as a worker. `instance` tells it from any other that ever had the same name."""

    def __init__(self) -> None:
        super().__init__()
        self.instance = uuid.uuid4()
        self._started = False
        self._lives = Event()  # the lock is held
        self._registered = Event()

    def setup(self) -> None:
        self.settings = settings(self.container.config, self.container.service_name)
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
        self._lives.wait()  # or others could find the name without its lock
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
            eventlet.sleep(_SIGN_OF_LIFE)

    def _hold_lock(self) -> None:
        """Returns never; raises when the session is lost or PostgreSQL does not answer."""
        with contextlib.closing(database.SessionOfItsOwn(self.settings, quiet=_SIGN_OF_LIFE * 5)) as session:
            session.query(_LIVE, (str(self.instance),))
            if not self._lives.ready():
                self._lives.send()
            while True:
                eventlet.sleep(_SIGN_OF_LIFE)
                session.query("select 1")

    def _register(self) -> None:
        if not self._take_name(has_gone=False) and not (self._has_gone() and self._take_name(has_gone=True)):
            raise NameTaken(1)
        logs.event(
            "worker_registered",
            f"{self.name} takes {', '.join(self.settings.order_types)}",
            worker_name=self.name,
            order_types=self.settings.order_types,
            prefetch=self.settings.prefetch,
        )
        self._registered.send()

    def _has_gone(self) -> bool:
        """Whether the process that has the name is seen to hold no lock, for long enough."""
        deadline = time.monotonic() + _GONE_AFTER
        while self._execute(_IS_UNLOCKED, name=self.name):
            if time.monotonic() > deadline:
                return True
            eventlet.sleep(_LOOK)
        return False

    def _take_name(self, has_gone: bool) -> bool:
        found = self._execute(
            _REGISTER,
            name=self.name,
            instance=str(self.instance),
            order_types=list(self.settings.order_types),
            interval=self.settings.heartbeat_interval,
            speed=self.settings.cooking_speed,
            has_gone=has_gone,
        )
        return bool(found)

    def _beat(self) -> None:
        try:
            if not self._execute(_BEAT, name=self.name, instance=str(self.instance)):
                raise NameTaken(1)
            logs.event("heartbeat_sent", self.name, logging.DEBUG)
        except Exception as exc:  # NameTaken is none
            logs.event("db_query_failed", "heartbeat failed", logging.WARNING, reason=type(exc).__name__)

    def _execute(self, statement: Any, **parameters: Any) -> list[Any]:
        with database.transaction(self.settings) as session:
            result = session.execute(statement, parameters)
            return list(result) if result.returns_rows else []
