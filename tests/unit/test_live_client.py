"""One stream: what waits for its client, and when it ends."""

from typing import Any

import eventlet
import pytest

from common.live import client as client_module
from common.live.client import MAX_WAITING, MAX_WAITING_BYTES, Client
from common.live.topic import Topic


class Recorded(Topic):
    """Says who came and went."""

    def __init__(self) -> None:
        super().__init__("recorded")
        self.came: list[Client] = []
        self.left: list[Client] = []

    def join(self, client: Client) -> None:
        self.came.append(client)

    def leave(self, client: Client) -> None:
        self.left.append(client)

    def read(self, sessions: Any) -> None: ...

    def give(self, found: Any) -> None: ...

    def has_clients(self) -> bool:
        return False

    def forget(self) -> None: ...


class Stream:
    """A client of a topic, and whether its end was told."""

    def __init__(self, **options: Any) -> None:
        self.topic = Recorded()
        self.ends = 0
        self.client = Client(self.topic, "v1", after=None, about=None, closed=self.end, **options)

    def end(self) -> None:
        self.ends += 1


def test_it_says_hello_at_once_and_then_what_it_is_told_together() -> None:
    stream = Stream()
    assert stream.topic.came == []
    assert b"event: hello" in next(stream.client)
    assert stream.topic.came == [stream.client]
    assert stream.client.put(b"one")
    assert stream.client.put(b"two")
    assert next(stream.client) == b"onetwo"


def test_who_waits_is_woken() -> None:
    stream = Stream()
    next(stream.client)
    waiting = eventlet.spawn(next, stream.client)
    eventlet.sleep(0)
    stream.client.put(b"news")
    with eventlet.Timeout(5):
        assert waiting.wait() == b"news"


def test_it_pings_also_while_there_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PING_SECONDS", 0.0)
    stream = Stream()
    next(stream.client)
    stream.client.put(b"news")
    piece = next(stream.client)
    assert piece.startswith(b"newsevent: ping")
    assert next(stream.client).startswith(b"event: ping")


def test_it_ends_by_itself_so_that_rights_are_looked_at_again() -> None:
    stream = Stream(lifetime=0.0)
    next(stream.client)
    with pytest.raises(StopIteration):
        next(stream.client)
    assert (stream.ends, stream.topic.left) == (1, [stream.client])


def test_those_that_came_together_do_not_end_together() -> None:
    lives = {round(Stream().client._lifetime) for _ in range(50)}
    assert len(lives) > 10
    assert min(lives) >= 480
    assert max(lives) <= 720


@pytest.mark.parametrize("begins", [True, False])
def test_its_end_is_told_once_also_when_it_never_began(begins: bool) -> None:
    stream = Stream()
    if begins:
        next(stream.client)
    stream.client.close()
    stream.client.close()
    assert (stream.ends, stream.topic.left) == (1, [stream.client])
    assert stream.client.is_closed


@pytest.mark.parametrize(
    ("events", "taken"), [([b"x"] * (MAX_WAITING + 1), MAX_WAITING), ([b"x" * (MAX_WAITING_BYTES // 2)] * 3, 2)]
)
def test_who_does_not_read_is_dropped_and_its_connection_with_it(events: list[bytes], taken: int) -> None:
    stream = Stream()
    never = eventlet.Event()

    def connection() -> None:
        next(stream.client)
        never.wait()  # as for a network that takes nothing

    thread = eventlet.spawn(connection)
    eventlet.sleep(0)
    assert [stream.client.put(each) for each in events] == [True] * taken + [False]
    assert stream.client.is_closed
    assert (stream.ends, stream.topic.left) == (1, [stream.client])
    assert not stream.client._waiting
    assert not thread.dead  # whoever tells the news has not been held up
    eventlet.sleep(0)
    assert thread.dead


def test_for_whom_nothing_waits_a_state_may_be_large() -> None:
    stream = Stream()
    next(stream.client)
    assert stream.client.put(b"x" * MAX_WAITING_BYTES * 3)
    assert len(next(stream.client)) == MAX_WAITING_BYTES * 3
    assert stream.client.put(b"news")
