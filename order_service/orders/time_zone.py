"""The house's time zone, by whose midnight orders are numbered, is one that PostgreSQL knows."""

import logging

import psycopg2.errors
from nameko.extensions import SharedExtension
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.observability import logs
from common.postgres.provider import Postgres
from order_service.settings import OrderSettings

_LOOK_UP = text("select now() at time zone :time_zone")


class TimeZoneUnknown(SystemExit):
    """No order could be numbered. Ends the process with exit code 1."""


class TimeZoneCheck(SharedExtension):
    """Ends a process that could place no order: PostgreSQL's time zones may be older than Python's. Asks once, as
    soon as PostgreSQL answers."""

    postgres = Postgres()

    def setup(self) -> None:
        settings: OrderSettings = self.container.settings
        self._name = settings.time_zone.key

    def start(self) -> None:
        self.container.spawn_managed_thread(self._run)

    def _run(self) -> None:
        try:
            self.container.eventually(self._look_up, "the time zone was not looked up", "db_query_failed")
        except TimeZoneUnknown as exc:
            message = f"PostgreSQL knows no time zone {self._name}: set another TIME_ZONE, or renew its time zones"
            logs.event("time_zone_unknown", message, logging.ERROR, time_zone=self._name)
            self.container.fail(exc)

    def _look_up(self) -> None:
        try:
            with self.postgres.sessions.single() as session:
                session.execute(_LOOK_UP, {"time_zone": self._name})
        except DBAPIError as exc:
            if isinstance(exc.orig, psycopg2.errors.InvalidParameterValue):
                raise TimeZoneUnknown(1) from exc
            raise
