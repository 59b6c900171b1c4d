"""A page that listens: takes the events of a stream as a browser does, and comes back when it is cut off."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy import event as sql_event

from common.live import Topic
from common.live.client import Client
from common.postgres.sessions import Sessions
from tests.support.eventually import eventually


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    id: str | None


def event_of(lines: list[str]) -> Event | None:
    """The event that these lines are; None for what is none, as the first block of a stream."""
    fields = [line.partition(": ")[::2] for line in lines]
    data = "\n".join(value for name, value in fields if name == "data")
    named = dict(fields)
    return Event(named["event"], json.loads(data), named.get("id")) if data else None


@dataclass
class Listener:
    """Listens to `url` in a thread of its own, once; `events` are all that came. `last_id` is what a browser would
    come back with."""

    url: str
    last_id: str | None = None
    events: list[Event] = field(default_factory=list)
    is_over: bool = False

    def start(self, **headers: str) -> "Listener":
        """Open the stream; returns when it says hello. Raises AssertionError when it is refused."""
        at = urlsplit(self.url)
        self._connection = http.client.HTTPConnection(at.netloc, timeout=30)
        given = {**headers, **({} if self.last_id is None else {"Last-Event-ID": self.last_id})}
        self._connection.request("GET", f"{at.path}?{at.query}" if at.query else at.path, headers=given)
        self._sock = self._connection.sock  # which getresponse() gives away
        answer = self._connection.getresponse()
        assert answer.status == 200, answer.read()
        threading.Thread(target=self._listen, args=(answer,), daemon=True).start()
        eventually(lambda: self.of("hello"))
        return self

    def stop(self) -> None:
        """Go away, without a word to the server."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        eventually(lambda: self.is_over)
        self._connection.close()

    def of(self, *names: str) -> list[Event]:
        """The events with these names."""
        return [event for event in self.events if event.name in names]

    def wait(self, condition: Callable[[], object], within: float = 10.0) -> None:
        """Until what came fulfils the condition."""
        eventually(condition, within)

    def _listen(self, answer: http.client.HTTPResponse) -> None:
        lines: list[str] = []
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while line := answer.readline():
                if line != b"\n":
                    lines.append(line.decode().removesuffix("\n"))
                    continue
                self._take(lines)
                lines = []
        answer.close()
        self.is_over = True

    def _take(self, lines: list[str]) -> None:
        event = event_of(lines)
        if event is not None:
            self.last_id = event.id or self.last_id
            self.events.append(event)


@contextlib.contextmanager
def listening(url: str, after: str | None = None, **headers: str) -> Iterator[Listener]:
    """A listener, for the length of a block."""
    listener = Listener(url, after).start(**headers)
    try:
        yield listener
    finally:
        listener.stop()


@dataclass
class Tab:
    """As a Listener, for a client of a topic in the test's own process, which reads when the test says so."""

    topic: Topic
    after: str | None = None
    about: Any = None
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._opened: list[bool] = []
        self.client = Client(
            self.topic, "v1", after=self.after, about=self.about, closed=lambda: self._opened.append(False)
        )
        assert b"event: hello" in next(self.client)

    def hear(self) -> list[Event]:
        """What it was told since the last time."""
        piece = self.client._take()
        heard = [event_of(block.split("\n")) for block in piece.decode().split("\n\n")]
        new = [event for event in heard if event is not None]
        self.events += new
        return new

    @property
    def last_id(self) -> str | None:
        return ([self.after] + [event.id for event in self.events if event.id])[-1]

    def leave(self) -> str | None:
        """Go away; returns what it would come back with."""
        self.hear()
        self.client.close()
        return self.last_id


class Readings:
    """Reads a topic when the test says so, and counts the statements that it takes."""

    def __init__(self, topic: Topic, sessions: Sessions) -> None:
        self.topic = topic
        self.statements: list[str] = []
        self._sessions = sessions
        topic.connect(sessions, spawn=lambda run: None, has_woken=lambda: None)
        sql_event.listen(Engine, "before_cursor_execute", self._count)

    def read(self) -> None:
        """One reading, and all that comes of it."""
        self.topic.give(self.topic.read(self._sessions))

    def close(self) -> None:
        sql_event.remove(Engine, "before_cursor_execute", self._count)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)
