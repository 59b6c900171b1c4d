"""The registration of a process's workers under their unique names, and the heartbeat that keeps it. All of them
are registered or none, and what is said of them is said in one statement.

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
from collections.abc import Sequence
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
# Who else is online under one of our names, when they were last heard of, and whether nobody holds their lock.
_OTHERS = text(f"""
    select name, last_seen, {_unheld("workers.instance")} as is_unheld
    from workers where name = any(:names) and instance <> :instance and {IS_ONLINE} order by name
""")
# The heartbeats of whoever had the name before stay, so that the time without any is seen; but not when they came
# at another interval, by which the gaps between them would be misread.
_WITH_THIS_ONE = f"(array[now()] || workers.heartbeats)[1:{MAX_HEARTBEATS}]"
# Names that are free, were left, or whose worker missed two heartbeats, or is gone: it was not heard of since
# then, and its lock is still free. For others no row is written. In the order of names, as everywhere (_OURS).
_REGISTER = text(f"""
    insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,
        heartbeats, cooking_speed)
    select name, :instance, :order_types, 'online', :interval, now(), now(), array[now()], :speed
    from unnest(cast(:names as text[])) as name order by name
    on conflict (name) do update set instance = excluded.instance, order_types = excluded.order_types,
        status = 'online', heartbeat_interval = excluded.heartbeat_interval, registered_at = now(),
        last_seen = now(), cooking_speed = excluded.cooking_speed,
        heartbeats = case when workers.heartbeat_interval = excluded.heartbeat_interval then {_WITH_THIS_ONE}
            else excluded.heartbeats end
    where not {IS_ONLINE} or workers.instance = excluded.instance
        or (workers.last_seen <= cast(:gone_since as timestamptz) and {_unheld("workers.instance")})
    returning name
""")
# Whoever locks several workers' rows does so in the order of their names, or two could wait for each other: while
# this process says that its workers live, it also counts what they have cooked (common/orders/move.sql).
_OURS = """
    with ours as materialized (
        select name from workers where name = any(:names) and instance = :instance order by name for no key update
    )
"""
_BEAT = text(f"""{_OURS}
    update workers set last_seen = now(), heartbeats = {_WITH_THIS_ONE}
    from ours where workers.name = ours.name
    returning workers.name
""")
_LIVES = text(f"{_OURS} update workers set last_seen = now() from ours where workers.name = ours.name")
_LEAVE = text(f"""{_OURS}
    update workers set status = 'offline', last_seen = now() from ours where workers.name = ours.name
""")
_SIGN_OF_LIFE = 2.0  # seconds; a process that gave none for five times that is gone
_RETAKE = 1.0  # seconds until a lock that was lost is taken again
_GONE_AFTER = 5.0  # seconds without its lock and without any other sign of life: more than a living process needs
_LOOK = 0.5  # seconds between two looks at it
_MAX_NAMED = 10  # names in a log line


class NameTaken(SystemExit):
    """Another worker has one of the names. Ends the process with exit code 1."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(1)
        self.names = ", ".join(names[:_MAX_NAMED]) + (", …" if len(names) > _MAX_NAMED else "")


class Registration(SharedExtension):
    """This process's workers. `instance` tells it from any other that ever had the same names."""

    postgres = Postgres()

    def __init__(self) -> None:
        super().__init__()
        self.instance = uuid.uuid4()
        self._started = False
        self._has_lock = Event()
        self._registered = Event()

    def setup(self) -> None:
        self.settings: KitchenSettings = self.container.settings
        self.names = sorted(self.settings.worker_names)

    def start(self) -> None:
        if not self._started:
            self._started = True
            self.container.spawn_managed_thread(self._run)
            self.container.spawn_managed_thread(self._live)

    def stop(self) -> None:
        """The last thing that a stopping process does: by now its workers have nothing in hand."""
        if self._registered.ready():
            self._leave()

    def wait(self) -> None:
        """Until the workers are registered; for as long as PostgreSQL is away."""
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
                f"another worker is online as {exc.names}",
                logging.ERROR,
                worker_name=exc.names,
            )
            if self._registered.ready():
                self._leave()  # of several names the others are still ours
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
                self._execute(_LIVES)
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
        self._has_lock.wait()  # or others would find its names with nobody behind them
        if not self._claim() and not self._inherit():
            if self.container.stopping:
                return
            raise NameTaken([other.name for other in self._execute(_OTHERS)] or self.names)
        first, last = self.settings.worker_names[0], self.settings.worker_names[-1]
        who = f"{first} takes" if first == last else f"{first} to {last} take"
        logs.event(
            "worker_registered",
            f"{who} {', '.join(self.settings.order_types)}",
            worker_name=self.settings.worker_name,
            order_types=self.settings.order_types,
            stations=self.settings.stations,
            prefetch=self.settings.prefetch,
        )
        self._registered.send()

    def _claim(self, gone_since: datetime | None = None) -> bool:
        """Take all names, if each is free, or if whoever has it was not heard of after `gone_since` and is gone;
        else none of them."""
        with self.postgres.sessions.begin_in_background() as session:
            claimed = session.execute(
                _REGISTER,
                {
                    "names": self.names,
                    "instance": str(self.instance),
                    "order_types": list(self.settings.order_types),
                    "interval": self.settings.heartbeat_interval,
                    "speed": self.settings.cooking_speed,
                    "gone_since": gone_since,
                },
            ).all()
            if len(claimed) < len(self.names):
                session.rollback()
                return False
        return True

    def _inherit(self) -> bool:
        """Take the names of processes that are gone, when that is sure. Returns at once if one holds its lock."""
        gone_since = self._unheld_since()
        if gone_since is None:
            return False
        message = "a worker that was online under our name seems to be gone; waiting until that is sure"
        logs.event(
            "worker_registration_waits", message, worker_name=self.settings.worker_name, seconds=_GONE_AFTER
        )
        sure_at = time.monotonic() + _GONE_AFTER
        while time.monotonic() < sure_at and not self.container.stopping:
            eventlet.sleep(_LOOK)
            heard_of = self._unheld_since()
            if self._claim():  # they left properly, or have missed two heartbeats by now
                return True
            if heard_of is None or heard_of > gone_since:
                return False
        return not self.container.stopping and self._claim(gone_since)

    def _unheld_since(self) -> datetime | None:
        """When the last of those that are online under our names was heard of, if none of them holds its lock."""
        others = self._execute(_OTHERS)
        is_held = any(not other.is_unheld for other in others)
        return None if is_held else max((other.last_seen for other in others), default=None)

    def _beat(self) -> None:
        try:
            kept = {row.name for row in self._execute(_BEAT)}
            if len(kept) < len(self.names):
                raise NameTaken([name for name in self.names if name not in kept])
            logs.event("heartbeat_sent", self.settings.worker_name, logging.DEBUG)
        except Exception as exc:  # NameTaken is none
            logs.event("db_query_failed", "heartbeat failed", logging.WARNING, reason=type(exc).__name__)

    def _leave(self) -> None:
        try:
            self._execute(_LEAVE)
        except Unavailable:
            logs.event("db_query_failed", "could not say that this process's workers left", logging.WARNING)

    def _execute(self, statement: Any) -> list[Any]:
        """One of the statements about our names, and its rows, if it has any."""
        with self.postgres.sessions.begin_in_background() as session:
            result = session.execute(statement, {"names": self.names, "instance": str(self.instance)})
            return list(result) if isinstance(result, CursorResult) and result.returns_rows else []
