"""Streams of single orders: each has clients of its own, and all are read together."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple

import eventlet

from common.accounts.access import Person, Visibility
from common.errors import Unavailable
from common.live import Topic
from common.live.client import Client
from common.observability import logs, metrics, traces
from common.orders import lifecycle
from common.orders.board import Board
from common.orders.lifecycle import RECEIVED
from common.orders.queries import Standing
from common.postgres.sessions import Sessions
from tracking_service.order_pages import OrderPages, Rendered
from tracking_service.order_steps import Asked, Found, StepReader
from tracking_service.visitors import Visitors
from tracking_service.watched_order import LOOK_SECONDS, WatchedOrder

MAX_JOINING = 25  # clients that one reading tells where their order stands; the others wait for the next

_OVER = frozenset(filter(lifecycle.is_final, lifecycle.STATUSES))
_SEQUENCE = re.compile(r"[0-9]{1,9}", re.ASCII)


class Viewer(NamedTuple):
    """Who watches which order."""

    order_id: int
    person: Person


@dataclass
class _Reading:
    """What one reading found, and for whom."""

    joining: list[Client]
    orders: list[Found]
    loaded: Mapping[int, Any]


class OrderStreams(Topic):
    """The topic. Events: `status` for each step, whose id is its sequence, and once more when something about it
    has changed, as when another worker takes it over; `estimate` when that of an order that waits has changed by a
    minute or more, or what was told is over; `page` with each of them, and whenever a stream begins, if there are
    `pages`.

    It reads those that are said to have changed, by their keys, and now and then all: so a step is told soon,
    however many orders are watched."""

    pause_by_reading = 3

    def __init__(self, board: Board, visitors: Visitors, pages: OrderPages | None = None) -> None:
        super().__init__("order")
        self._board = board
        self._visitors = visitors
        self._pages = pages
        self._watched: dict[int, WatchedOrder] = {}  # by the order's id
        self._reader = StepReader()
        self._look_at = 0.0
        self._changed: set[int] = set()  # what is said to have changed, by its id
        self._is_all_due = True

    def has_clients(self) -> bool:
        return bool(self._watched or self.joining)

    def forget(self) -> None:
        self._look_at = 0.0
        self._reader.close()

    def hear(self, orders: Collection[int]) -> None:
        joining = {client.about.order_id for client in self.joining} if orders else set()
        concerned = {order_id for order_id in orders if order_id in self._watched or order_id in joining}
        if concerned:
            self._changed |= concerned
            self.wake()

    def look(self) -> None:
        self._is_all_due = True
        self.wake()

    def leave(self, client: Client) -> None:
        if client in self.joining:
            self.joining.remove(client)
        watched = self._watched.get(client.about.order_id)
        if watched is not None:
            watched.clients.pop(client, None)
            if not watched.clients:
                del self._watched[client.about.order_id]
        if not self.has_clients():
            self.wake()

    def read(self, sessions: Sessions) -> _Reading:
        joining = self.joining[:MAX_JOINING]
        asked = self._asked(self._due(joining), joining)
        try:
            orders = self._reader.read(sessions.settings, asked)
            loaded = self._loaded([order.standing.id for order in orders])
        except BaseException:
            self._is_all_due = True
            raise
        return _Reading(joining, orders, loaded)

    def give(self, found: _Reading) -> None:
        joining: dict[int, list[Client]] = {}
        for client in found.joining:
            joining.setdefault(client.about.order_id, []).append(client)
        estimates = {order.standing.id: self._estimated(order.standing) for order in found.orders}
        for order in found.orders:
            order_id = order.standing.id
            with self._traced(order):
                self._tell(order, estimates[order_id], joining.get(order_id, []), found.loaded.get(order_id))
            eventlet.sleep(0)  # pages take a while to render, and requests wait
        for client in found.joining:
            if client in self.joining:  # its order is there no more
                client.close()
        if self.joining:
            self.wake()
        if monotonic() >= self._look_at:
            self._look_at = float("inf")
            self.spawn(self._look)

    def _look(self) -> None:
        """Beside the readings: many may have slipped at once, and a step is not to wait for their pages."""
        try:
            self.look_at_estimates()
        except Unavailable:
            pass  # it is logged, and looked at again
        except Exception:
            logs.event("live_failed", "the estimates of orders could not be looked at", logging.ERROR)
        self._look_at = monotonic() + LOOK_SECONDS

    def _due(self, joining: Sequence[Client]) -> Collection[int]:
        """The orders that are watched and to be read now, besides those of who joins."""
        changed, self._changed = self._changed, set()
        is_all_due, self._is_all_due = self._is_all_due, False
        if is_all_due or not (changed or joining):
            return self._watched.keys()
        return changed & self._watched.keys()

    def _asked(self, ids: Collection[int], joining: Sequence[Client]) -> list[Asked]:
        watched = ((order_id, self._watched[order_id]) for order_id in ids)
        asked = {
            order_id: Asked(order_id, each.sequence, each.changed_in, False)
            for order_id, each in watched
            if each.standing.status not in _OVER  # of what is over there is no more to tell
        }
        for client in joining:
            order_id, after = client.about.order_id, _sequence(client.after)
            before = asked.get(order_id)
            known = [each for each in (after, before and before.known) if each is not None]
            asked[order_id] = Asked(order_id, min(known, default=None), None, True)
        return list(asked.values())

    def _traced(self, order: Found) -> traces.Step:
        """A step is told in the trace of what made it."""
        watched = self._watched.get(order.standing.id)
        is_news = watched is not None and watched.sequence != order.sequence
        return traces.continued(
            "tell screens", order.traceparent if is_news else None, {"expedite.topic": self.name}
        )

    def _tell(self, order: Found, estimate: datetime | None, joining: Sequence[Client], loaded: Any) -> None:
        """One order's news, for those who watch it and those who join. Nobody comes or goes until it is noted who
        knows what."""
        joining = [client for client in joining if client in self.joining]  # and has not gone meanwhile
        watched = self._watched.get(order.standing.id)
        if watched is None:
            if not joining:
                return
            watched = self._watched[order.standing.id] = WatchedOrder(
                order.standing, order.sequence, order.changed_in
            )
        known, was, was_changed_in = watched.sequence, watched.standing, watched.changed_in
        watched.standing, watched.sequence, watched.changed_in = order.standing, order.sequence, order.changed_in
        has_slipped = known == order.sequence and watched.slips_to(estimate, datetime.now(UTC))
        # Another worker may have taken it over, which is no step.
        is_otherwise = known == order.sequence and was != order.standing
        if known != order.sequence or is_otherwise or has_slipped or watched.estimate is None:
            watched.estimate = estimate
        present = list(watched.clients.items())
        joined = [(client, self._seen(client, order)) for client in joining]
        watched.clients.update(joined)
        self.joining = [client for client in self.joining if client not in watched.clients]
        pages = Rendered(self._pages, watched.present(), loaded)
        steps = watched.steps(order, known)
        if is_otherwise:
            steps.append(watched.status_event())
        elif has_slipped:
            steps.append(watched.estimate_event())
        if steps or was_changed_in != order.changed_in:
            self._give(present, steps, pages)
        for client, seen in joined:
            self._give([(client, seen)], self._missed(watched, order, client), pages)
        if pages.is_missing:
            watched.changed_in = None  # so that the next reading finds it again

    def _missed(self, watched: WatchedOrder, order: Found, client: Client) -> list[bytes]:
        after = _sequence(client.after)
        if after is None or after > order.sequence:
            return [watched.status_event()]
        if after < order.sequence:
            return watched.steps(order, after)
        return [watched.estimate_event()] if watched.standing.status == RECEIVED else []

    def _estimated(self, standing: Standing) -> datetime | None:
        """When it will be ready, or was; None when that is not known now."""
        try:
            return self._board.estimated(standing).estimated_completion
        except Unavailable:
            return None

    def look_at_estimates(self) -> None:
        """Tell those who wait of estimates that have slipped."""
        waiting = [(id_, each) for id_, each in self._watched.items() if each.standing.status == RECEIVED]
        estimates = {order_id: self._estimated(watched.standing) for order_id, watched in waiting}
        slipped = [
            order_id
            for order_id, estimate in estimates.items()
            if (watched := self._watched.get(order_id)) and watched.slips_to(estimate, datetime.now(UTC))
        ]
        changed_in = {order_id: self._watched[order_id].changed_in for order_id in slipped}
        loaded = self._loaded(slipped)
        for order_id in slipped:
            watched = self._watched.get(order_id)
            # What has changed meanwhile was told with an estimate of its own.
            if watched is not None and watched.changed_in == changed_in[order_id]:
                watched.estimate = estimates[order_id]
                pages = Rendered(self._pages, watched.present(), loaded.get(order_id))
                self._give(list(watched.clients.items()), [watched.estimate_event()], pages)
                if pages.is_missing:
                    watched.changed_in = None  # so that the next reading finds it again
                eventlet.sleep(0)

    def _loaded(self, order_ids: Sequence[int]) -> Mapping[int, Any]:
        """What the pages of these orders show besides."""
        if self._pages is None or not order_ids:
            return {}
        with self.sessions.begin() as session:
            return self._pages.load(session, order_ids)

    def _seen(self, client: Client, order: Found) -> Visibility:
        person = client.about.person
        return self._visitors.seen(
            person, order.standing.number, order.customer_id, order.link_nonce, order.placed_at
        )

    def _give(
        self, clients: Sequence[tuple[Client, Visibility]], events: Sequence[bytes], pages: Rendered
    ) -> None:
        given = 0
        for client, seen in clients:
            told = [*events, *pages.of(seen)]
            if told and client.put(b"".join(told)):
                given += len(told)
        metrics.STREAM_EVENTS.labels(self.name).inc(given)


def _sequence(after: str | None) -> int | None:
    """The sequence that a client has come to; None for no id, or one that is none."""
    return int(after) if after is not None and _SEQUENCE.fullmatch(after) else None
