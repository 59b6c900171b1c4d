"""What was sent to whom is forgotten after KEEP_DELIVERIES days, and so are addresses that never said yes."""

import logging

import eventlet
from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.observability import logs
from common.postgres.provider import Postgres
from notifier_service.settings import NotifierSettings

_EVERY = 600.0  # seconds
_BITE = 1000  # rows that one transaction forgets
_MAX_BITES = 50  # of one round; the next one goes on

_DELIVERIES = text(f"""
    delete from notification_deliveries where id = any(array(
        select id from notification_deliveries where ended_at < now() - make_interval(hours => :hours)
        order by ended_at limit {_BITE} for update skip locked
    )) returning 1
""")
# Who wants nothing is remembered: they shall not be asked again.
_ADDRESSES = text(f"""
    delete from mail_addresses where id = any(array(
        select id from mail_addresses
        where confirmed_at is null and wants <> 'nothing' and asked_at < now() - make_interval(hours => :hours)
        order by asked_at limit {_BITE} for update skip locked
    )) returning 1
""")


class Forgetting(DependencyProvider):
    """Forgets what is old, some at a time: nothing waits for it, and it holds nothing up."""

    postgres = Postgres()

    def setup(self) -> None:
        settings: NotifierSettings = self.container.settings
        self._hours = int(settings.keep_deliveries * 24)

    def start(self) -> None:
        self.container.spawn_managed_thread(self._run)

    def _run(self) -> None:
        while True:
            try:
                self._forget()
            except Exception as exc:
                logs.event("forgetting_failed", "old deliveries are forgotten later", logging.WARNING, error=exc)
            eventlet.sleep(_EVERY)

    def _forget(self) -> None:
        for _ in range(_MAX_BITES):
            with self.postgres.sessions.begin_in_background() as session:
                if not bite(session, self._hours):
                    return


def bite(session: Session, hours: int) -> bool:
    """Forget some of what is older; true when there may be more."""
    gone = [len(session.execute(each, {"hours": hours}).all()) for each in (_DELIVERIES, _ADDRESSES)]
    return max(gone) == _BITE
