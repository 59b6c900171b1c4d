"""Streams as a part of a service: `live = Live()` in the extension that has something to tell."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from nameko.extensions import SharedExtension

from common.http import Stream
from common.live.client import Client
from common.live.seats import Seats
from common.live.topic import Topic
from common.live.wakeups import Wakeups
from common.observability import metrics
from common.pages.extensions import Rendering
from common.postgres.provider import Postgres

_Topic = TypeVar("_Topic", bound=Topic)


class Live(SharedExtension):
    """Topics, their clients, and what wakes them. One for each process."""

    postgres = Postgres()
    rendering = Rendering()

    def __init__(self) -> None:
        self._topics: list[Topic] = []
        self._seats: Seats | None = None
        self._wakeups: Wakeups | None = None

    def setup(self) -> None:
        metrics.MAX_STREAMS.set(self.rendering.settings.max_streams)

    def add(self, topic: _Topic) -> _Topic:
        """Make a topic one that can be listened to. For setup()."""
        self._topics.append(topic)
        for counted in (metrics.OPEN_STREAMS, metrics.DROPPED_STREAMS):
            counted.labels(topic.name)  # it is there with 0, or who watches for its first increase sees none
        topic.connect(self.postgres.sessions, self.container.spawn_managed_thread, self._somebody_listens)
        return topic

    def stream(
        self,
        topic: Topic,
        caller: Mapping[str, Any],
        after: str | None = None,
        check: Callable[[], Any] = lambda: None,
    ) -> Stream:
        """A stream of that topic, for an `@http` or `@page` method to return: `caller` and `after` are the
        arguments that it gets under these names. One for everybody is an `@http`; one for staff is a `@page`,
        which renews the session of a screen that is open all day, and passes `check`.

        `check` is called when there is room, before the stream begins: what it raises is the answer, what it
        returns is what the topic knows of the client. Raises Unavailable and TooManyRequests when there is no
        room.
        """
        settings = self.rendering.settings
        if self._seats is None:
            self._seats = Seats(settings.max_streams, settings.max_streams_per_address)
        seats, address = self._seats, str(caller["address"])
        seats.take(address)
        is_open = metrics.OPEN_STREAMS.labels(topic.name)
        is_open.inc()

        def closed() -> None:
            seats.give_back(address)
            is_open.dec()

        try:
            about = check()
        except BaseException:
            closed()
            raise
        return Stream(Client(topic, self.rendering.version, after=after, about=about, closed=closed))

    def _somebody_listens(self) -> None:
        if self._wakeups is None:
            self._wakeups = Wakeups(
                self.rendering.settings, self.container.spawn_managed_thread, _All(self._topics)
            )
        self._wakeups.start()


class _All:
    """All topics, as one who is woken."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._topics = topics

    @property
    def is_wanted(self) -> bool:
        return any(topic.is_running for topic in self._topics)

    def hear(self, orders: Collection[int]) -> None:
        for topic in self._topics:
            topic.hear(orders)

    def look(self) -> None:
        for topic in self._topics:
            topic.look()
