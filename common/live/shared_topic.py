"""A topic that tells all its clients the same."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nameko_sqlalchemy.database import Session

from common.live import framing, snapshots
from common.live.client import Client
from common.live.topic import Topic
from common.observability import metrics
from common.postgres.sessions import Sessions

MAX_REMEMBERED = 200  # events, for clients that come back
MAX_REMEMBERED_BYTES = 1024 * 1024
MAX_IDS = 10  # ids of clients that come back which one reading looks up

#: What has changed since the snapshot `after`, by members; with None everything. See the package.
Read = Callable[[Session, str | None], Mapping[str, Any]]

_NOTHING = object()


class _Found(NamedTuple):
    """What one reading found."""

    at: str
    changed: Mapping[str, Any]  # since the last one
    joining: list[Client]
    caught_up: Mapping[str | None, Mapping[str, Any]]  # since the ids that these came with


class SharedTopic(Topic):
    """`read` is called for all clients at once: once for those that are up to date, and once for each id that
    others come back with and that is not remembered, all in one transaction, so that afterwards all are up to
    date."""

    def __init__(self, name: str, read: Read) -> None:
        super().__init__(name)
        self._read = read
        self._clients: set[Client] = set()  # up to date
        self.forget()

    def forget(self) -> None:
        self._at: str | None = None  # the id of the state that all clients know
        self._said: dict[str, Any] = {}  # what each member said the last time
        self._remembered: deque[tuple[str, bytes]] = deque()  # the latest events, with their ids
        self._remembered_bytes = 0

    def has_clients(self) -> bool:
        return bool(self._clients or self.joining)

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        if client in self.joining:
            self.joining.remove(client)
        if not self.has_clients():
            self.wake()

    def join(self, client: Client) -> None:
        missed = self._missed_since(client.after)
        if missed is None:
            super().join(client)
            return
        self._clients.add(client)
        if missed:
            self._give([client], missed)

    def read(self, sessions: Sessions) -> "_Found":
        with snapshots.one_moment(sessions) as session:
            at = snapshots.current(session)
            changed = self._read(session, self._at) if self._at is not None else {}
            return _Found(at, changed, *self._caught_up(session, at))

    def give(self, found: "_Found") -> None:
        at, changed, joining, caught_up = found
        news = {name: said for name, said in changed.items() if self._said.get(name, _NOTHING) != said}
        for said in (changed, *caught_up.values()):
            self._said.update(said)
        events = framing.event("change", news, at) if news else b""
        if events:
            self._give(list(self._clients), events)
        self._welcome(joining, caught_up, at)
        if events or any(caught_up.values()):
            self._remember(at, events)
        self._at = at
        if self.joining:
            self.wake()

    def _caught_up(self, session: Session, at: str) -> tuple[list[Client], dict[str | None, Mapping[str, Any]]]:
        """The clients that join now, as many as one reading can look up, and what those with each id have
        missed."""
        found: dict[str | None, Mapping[str, Any]] = {}
        joining = []
        for client in self.joining:
            if not snapshots.is_snapshot(client.after) or snapshots.is_later(str(client.after), at):
                client.after = None
            if client.after not in found:
                if len(found) == MAX_IDS:
                    break
                found[client.after] = {}
            joining.append(client)
        for after in found:
            found[after] = self._read(session, after)
        return joining, found

    def _welcome(self, joining: list[Client], caught_up: Mapping[str | None, Mapping[str, Any]], at: str) -> None:
        """Those who have gone meanwhile are in `joining` no more."""
        events = {
            after: framing.event("reset" if after is None else "change", said, at) if said else b""
            for after, said in caught_up.items()
        }
        for client in joining:
            if client not in self.joining:
                continue
            self.joining.remove(client)
            self._clients.add(client)
            if events[client.after]:
                self._give([client], events[client.after])

    def _give(self, clients: list[Client], events: bytes) -> None:
        taken = sum(client.put(events) for client in clients)
        metrics.STREAM_EVENTS.labels(self.name).inc(taken)

    def _remember(self, event_id: str, events: bytes) -> None:
        self._remembered.append((event_id, events))
        self._remembered_bytes += len(events)
        while len(self._remembered) > MAX_REMEMBERED or (
            self._remembered_bytes > MAX_REMEMBERED_BYTES and len(self._remembered) > 1
        ):
            self._remembered_bytes -= len(self._remembered.popleft()[1])

    def _missed_since(self, event_id: str | None) -> bytes | None:
        """What came after the event with that id; None when it is not remembered."""
        if self._at is None or event_id is None:
            return None
        ids = [remembered for remembered, _ in self._remembered]
        if event_id not in ids:
            return None
        later = list(self._remembered)[ids.index(event_id) + 1 :]
        return b"".join(events for _, events in later)
