"""What a topic of streams is: its clients, and when it reads for them.

It reads once for all of them when something has happened, paced, so that a busy evening costs the database a part
of its time at most. It reads nothing while nobody listens.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any

import eventlet

from common.errors import Unavailable
from common.live.bell import Bell
from common.live.client import Client
from common.observability import logs, metrics
from common.postgres.sessions import Sessions

MIN_PAUSE = 0.025  # seconds from one reading to the next
MAX_PAUSE = 2.0  # seconds; so that one that was held up holds up no more than the next
_LOOK_AROUND = 5.0  # seconds after which it looks whether anybody is there, if nothing else wakes it


class Topic(ABC):
    """One for each process. A subclass says what is read, and who gets it."""

    #: How many times as long as a reading took it rests after it.
    pause_by_reading = 10

    def __init__(self, name: str) -> None:
        self.name = name
        self.joining: list[Client] = []  # they have begun, and know nothing yet
        self._news = Bell()
        #: True while it has clients, and needs to be woken.
        self.is_running = False
        self.sessions: Sessions
        self.spawn: Callable[[Callable[[], None]], Any]
        self._has_woken: Callable[[], None]

    def connect(
        self, sessions: Sessions, spawn: Callable[[Callable[[], None]], Any], has_woken: Callable[[], None]
    ) -> None:
        """To where it reads, and what gives it a thread; `has_woken` is called when it has clients again."""
        self.sessions, self.spawn, self._has_woken = sessions, spawn, has_woken

    @abstractmethod
    def read(self, sessions: Sessions) -> Any:
        """What is new. When it raises, the same is tried again after the next wake-up."""

    @abstractmethod
    def give(self, found: Any) -> None:
        """Tell it to whom it concerns."""

    @abstractmethod
    def has_clients(self) -> bool:
        """True while anybody listens, those that are joining included."""

    @abstractmethod
    def leave(self, client: Client) -> None:
        """That client has ended, also if it never joined."""

    @abstractmethod
    def forget(self) -> None:
        """Nobody listens any more, and what is remembered grows old."""

    def join(self, client: Client) -> None:
        """That client has begun: it is told where things stand with the next reading."""
        self.joining.append(client)
        self.wake()

    def hear(self, orders: Collection[int]) -> None:
        """Something has happened: to these orders, by their ids, or to something that is none."""
        self.wake()

    def look(self) -> None:
        """Anything may have happened."""
        self.wake()

    def wake(self) -> None:
        """Read, as soon as that may be."""
        if not self.is_running and self.has_clients():
            self.is_running = True
            self.spawn(self._run)
            self._has_woken()
        self._news.ring()

    def _run(self) -> None:
        pause_until = 0.0
        while self.has_clients():
            if not self._news.wait(_LOOK_AROUND):
                continue
            eventlet.sleep(max(0.0, pause_until - monotonic()))
            began = monotonic()
            took = 0.0
            metrics.STREAM_READS.labels(self.name).inc()
            try:
                found = self.read(self.sessions)
                took = monotonic() - began
                self.give(found)
            except Unavailable:
                pass  # it is logged; the next wake-up is no further away than the next poll
            except Exception:
                logs.event("live_failed", f"the topic {self.name} could not be read", logging.ERROR)
            pause_until = monotonic() + min(max(MIN_PAUSE, self.pause_by_reading * took), MAX_PAUSE)
        self.is_running = False
        self.forget()
