"""Deliveries, as the service's methods see them: `deliveries = Deliveries()`, then `self.deliveries.hear(…)`."""

import logging
from collections.abc import Callable, Sequence

import eventlet
from nameko.extensions import DependencyProvider

from common.errors import Unavailable
from common.observability import logs
from common.postgres.provider import Postgres
from common.postgres.sessions import Sessions
from notifier_service.deliveries.channel import Channel
from notifier_service.deliveries.channels import channels_of
from notifier_service.deliveries.deliverer import Deliverer
from notifier_service.deliveries.hearing import Hearing
from notifier_service.settings import NotifierSettings

_MIN_PAUSE, _MAX_PAUSE = 0.5, 5.0  # seconds between two attempts while PostgreSQL is away


class Deliveries(DependencyProvider):
    """Hears events, and sends them on by `channels`."""

    postgres = Postgres()

    def __init__(self, channels: Callable[[NotifierSettings, Sessions], Sequence[Channel]] = channels_of) -> None:
        super().__init__()
        self._channels_of = channels

    def setup(self) -> None:
        self.settings: NotifierSettings = self.container.settings
        sessions = self.postgres.sessions
        self.channels = self._channels_of(self.settings, sessions)
        self._hearing = Hearing(self.settings, self.postgres.breaker, self.channels)
        self._deliverers = [
            Deliverer(channel, sessions, self.settings.delivery_pauses, self.container.spawn_managed_thread)
            for channel in self.channels
        ]

    def start(self) -> None:
        for deliverer in self._deliverers:
            deliverer.start()

    def stop(self) -> None:
        stopping = [eventlet.spawn(deliverer.stop) for deliverer in self._deliverers]
        for each in stopping:
            each.wait()
        self._hearing.close()

    def get_dependency(self, worker_ctx: object) -> "Deliveries":
        return self

    def wants(self, event: object) -> bool:
        """False when no channel has anybody to tell: then an event costs nothing but its way here."""
        return any(channel.is_on for channel in self.channels)

    def hear(self, event: dict[str, object]) -> None:
        """Write down who is to be told of an event. While PostgreSQL is away it is tried again, with pauses, until
        the process stops: then it raises Unavailable, and the event is another's."""
        pause = _MIN_PAUSE
        while True:
            try:
                if self._hearing.hear(event):
                    self._wake()
                return
            except Unavailable:
                if self.container.stopping:
                    raise
            except Exception as exc:  # it never will: neither a second time nor anywhere else
                logs.event("message_processing_failed", "an event cannot be told", logging.ERROR, error=exc)
                return
            eventlet.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE)

    def _wake(self) -> None:
        for deliverer in self._deliverers:
            deliverer.wake()
