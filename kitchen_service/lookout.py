"""Whether the orders that this process cooks are still its own: looked at together, however many they are.

What was moved at the front door it hears at once. Kitchen processes do not send each other their moves, and people
move orders too; of those it learns within two seconds.
"""

import contextlib
import time
from collections.abc import Collection
from dataclasses import dataclass, field

import eventlet
from eventlet.event import Event
from sqlalchemy import text

from common.errors import Unavailable
from common.observability import logs
from common.orders.lifecycle import COOKING
from common.postgres.sessions import Sessions

_LOOK_AFTER = 2.0  # seconds between two looks at everything that is cooked here
_STILL_OURS = text(f"""
    select o.number
    from unnest(cast(:numbers as text[]), cast(:fences as int[])) as ours (number, fence)
    join orders o on o.number = ours.number and o.fence = ours.fence and o.status = '{COOKING}'
""")


@dataclass(eq=False)
class _Watched:
    fence: int
    heard: bool = False  # that it was moved; what counts is what PostgreSQL says
    lost: Event = field(default_factory=Event)


class Lookout:
    """Watches what is cooked here. One for each process."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._watched: dict[str, _Watched] = {}  # by order number
        self._news = Event()
        self._is_looking = False

    def spend(self, number: str, fence: int, seconds: float) -> bool:
        """Wait for so long; False as soon as the order is found moved, or taken in hand by somebody else."""
        watched = self._watched[number] = _Watched(fence)
        try:
            self._begin()
            with eventlet.Timeout(seconds, False):
                watched.lost.wait()
            if watched.lost.ready():
                message = f"{number} was taken off the stove"
                logs.event("order_interrupted", message, order_number=number, heard=watched.heard)
            return not watched.lost.ready()
        finally:
            if self._watched.get(number) is watched:
                del self._watched[number]

    def has(self, number: str) -> bool:
        """Whether it is cooked here."""
        return number in self._watched

    def hear(self, number: str) -> None:
        """The order was moved, as somebody says: if it is cooked here, look at once."""
        watched = self._watched.get(number)
        if watched is not None and not watched.heard:
            watched.heard = True
            if not self._news.ready():
                self._news.send()

    def _begin(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            eventlet.spawn_n(self._look_on)

    def _look_on(self) -> None:
        try:
            due = time.monotonic() + _LOOK_AFTER
            while self._watched:
                with eventlet.Timeout(max(0.0, due - time.monotonic()), False):
                    self._news.wait()
                self._news = Event()
                looked_at = list(self._watched.items())
                if time.monotonic() < due:
                    looked_at = [each for each in looked_at if each[1].heard]
                else:
                    due = time.monotonic() + _LOOK_AFTER
                # Nobody can have taken them without PostgreSQL either.
                with contextlib.suppress(Unavailable):
                    self._look(looked_at)
        finally:
            self._is_looking = False

    def _look(self, orders: Collection[tuple[str, _Watched]]) -> None:
        parameters = {
            "numbers": [number for number, _ in orders],
            "fences": [watched.fence for _, watched in orders],
        }
        with self._sessions.begin() as session:
            ours = set(session.execute(_STILL_OURS, parameters).scalars())
        for number, watched in orders:
            if number in ours:
                watched.heard = False  # that was old news
            elif not watched.lost.ready():
                watched.lost.send()
