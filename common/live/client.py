"""One open stream: what waits to be sent to its client, within bounds, and when it ends."""

import random
from collections import deque
from collections.abc import Callable, Generator
from time import monotonic
from typing import TYPE_CHECKING, Any

import eventlet
from eventlet import hubs

from common.live import framing
from common.live.bell import Bell
from common.observability import metrics

if TYPE_CHECKING:
    from common.live.topic import Topic

PING_SECONDS = 10.0  # between two; a page that misses two of them takes the connection for lost
LIFETIME = 600.0  # seconds, about: then the client comes back, and its rights are looked at again
JITTER = 0.2  # of LIFETIME, more or less, so that those who came together do not come back together
MAX_WAITING = 64  # events that wait for a client which does not read
MAX_WAITING_BYTES = 256 * 1024


class Client(Generator[bytes, None, None]):
    """The pieces of a stream, for common.http.Stream: they are taken by the thread of the client's connection.

    `after` is the id of the event that it came back with, `about` what else its topic must know of it. One that
    does not read fast enough is dropped. `closed` is called once, at the end, also of a stream that never began.
    """

    def __init__(
        self,
        topic: "Topic",
        version: str,
        *,
        after: str | None,
        about: Any,
        closed: Callable[[], None],
        lifetime: float = LIFETIME,
    ) -> None:
        self.after = after
        self.about = about
        self._topic = topic
        self._version = version
        self._closed = closed
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._news = Bell()
        self._thread: Any = None  # of the connection, once the stream has begun
        self._ping_at = 0.0
        self._lifetime = lifetime * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
        self._ends_at = 0.0
        #: It has ended, and is told nothing any more.
        self.is_closed = False

    def put(self, events: bytes) -> bool:
        """Have events sent, some that came together as one. False for a client that was dropped: what waits for it
        already is too much. What is for a client for whom nothing waits may be of any size. Switches to no other
        thread."""
        if self._waiting and (
            len(self._waiting) >= MAX_WAITING or self._waiting_bytes + len(events) > MAX_WAITING_BYTES
        ):
            self._drop()
            return False
        self._waiting.append(events)
        self._waiting_bytes += len(events)
        self._news.ring()
        return True

    def send(self, _value: None) -> bytes:
        """The next piece, as soon as there is one."""
        if self._thread is None:
            return self._begin()
        while not self.is_closed:
            now = monotonic()
            if now >= self._ends_at:
                break
            if now >= self._ping_at:
                self._ping_at = now + PING_SECONDS
                self._waiting.append(framing.ping())
            if self._waiting:
                return self._take()
            self._news.wait(min(self._ping_at, self._ends_at) - now)
        self.close()
        raise StopIteration

    def throw(self, *exc: Any) -> bytes:
        """As a generator does whose caller has failed."""
        self.close()
        return super().throw(*exc)

    def close(self) -> None:
        """The connection has ended."""
        if not self.is_closed:
            self.is_closed = True
            self._waiting.clear()
            self._topic.leave(self)
            self._closed()

    def _begin(self) -> bytes:
        now = monotonic()
        self._thread = eventlet.getcurrent()
        self._ping_at, self._ends_at = now + PING_SECONDS, now + self._lifetime
        self._topic.join(self)
        return framing.hello(self._version)

    def _take(self) -> bytes:
        events = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        return events

    def _drop(self) -> None:
        """End, and with it the connection, whose thread waits for a network that takes nothing. Not from here:
        whoever has something to tell goes on first."""
        metrics.DROPPED_STREAMS.labels(self._topic.name).inc()
        self.close()
        hubs.get_hub().schedule_call_global(0, eventlet.kill, self._thread)
