"""A worker's registration under its unique name, and the heartbeat that keeps it."""

import logging
import uuid
from typing import Any

import eventlet
from eventlet.event import Event
from nameko.extensions import SharedExtension
from sqlalchemy import text

from common import database, logs
from common.errors import Unavailable
from common.models import IS_ONLINE
from common.settings import settings

# A name that is free, was left, or whose worker missed two heartbeats; else no row is written.
_REGISTER = text(f"""
    insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,
        cooking_speed)
    values (:name, :instance, :order_types, 'online', :interval, now(), now(), :speed)
    on conflict (name) do update set instance = excluded.instance, order_types = excluded.order_types,
        status = 'online', heartbeat_interval = excluded.heartbeat_interval, registered_at = now(),
        last_seen = now(), cooking_speed = excluded.cooking_speed
    where not {IS_ONLINE} or workers.instance = excluded.instance
    returning name
""")
_BEAT = text("""
    update workers set last_seen = now() where name = :name and instance = :instance
    returning name
""")
_LEAVE = text("update workers set status = 'offline', last_seen = now() where instance = :instance")


class NameTaken(SystemExit):
    """Another worker has the name. Ends the process with exit code 1."""


class Registration(SharedExtension):
    """This process as a worker. `instance` tells it from any other that ever had the same name."""

    def __init__(self) -> None:
        super().__init__()
        self.instance = uuid.uuid4()
        self._started = False
        self._registered = Event()

    def setup(self) -> None:
        self.settings = settings(self.container.config, self.container.service_name)
        self.name = self.settings.worker_name

    def start(self) -> None:
        if not self._started:
            self._started = True
            self.container.spawn_managed_thread(self._run)

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

    def _register(self) -> None:
        found = self._execute(
            _REGISTER,
            name=self.name,
            instance=str(self.instance),
            order_types=list(self.settings.order_types),
            interval=self.settings.heartbeat_interval,
            speed=self.settings.cooking_speed,
        )
        if not found:
            raise NameTaken(1)
        logs.event(
            "worker_registered",
            f"{self.name} takes {', '.join(self.settings.order_types)}",
            worker_name=self.name,
            order_types=self.settings.order_types,
            prefetch=self.settings.prefetch,
        )
        self._registered.send()

    def _beat(self) -> None:
        try:
            if not self._execute(_BEAT, name=self.name, instance=str(self.instance)):
                raise NameTaken(1)
            logs.event("heartbeat_sent", self.name, logging.DEBUG)
        except Unavailable as exc:
            logs.event("db_query_failed", "heartbeat failed", logging.WARNING, reason=type(exc).__name__)

    def _execute(self, statement: Any, **parameters: Any) -> list[Any]:
        with database.transaction(self.settings) as session:
            result = session.execute(statement, parameters)
            return list(result) if result.returns_rows else []
