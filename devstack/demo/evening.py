"""What happens when: whatever is due is done, one after the other, in the thread that asks."""

import heapq
import itertools
import time
from collections.abc import Callable
from random import Random

from devstack.processes import say

_SHORTEST = 120.0  # seconds of the play that there is something in for everybody


class Evening:
    """A list of what is due, in seconds of the play. `random` decides everything that is left to chance, so that
    one seed makes much the same evening again.

    One that is to be over in less than two minutes is played faster: `pace` is how many seconds of the play there
    are in one.
    """

    def __init__(self, seed: int, seconds: float) -> None:
        self.random = Random(seed)  # noqa: S311 - a play
        self.seconds = max(seconds, _SHORTEST)  # that it lasts
        self.pace = self.seconds / seconds
        self._began = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()

    def begin(self) -> None:
        """Now."""
        self._began = time.monotonic()

    def age(self) -> float:
        """Seconds since it began."""
        return (time.monotonic() - self._began) * self.pace

    def is_over(self) -> bool:
        """Tells whether it has lasted as long as it should."""
        return self.age() >= self.seconds

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        """Have that done in so many seconds."""
        heapq.heappush(self._due, (self.age() + seconds, next(self._count), what))

    def every(self, seconds: float, what: Callable[[], object]) -> None:
        """Have that done now and again and again, with so many seconds between."""

        def again() -> None:
            self.later(seconds, again)
            what()

        self.later(0, again)

    def do_what_is_due(self) -> None:
        """Does it."""
        while self._due and self._due[0][0] <= self.age():
            heapq.heappop(self._due)[2]()

    def tell(self, sentence: str) -> None:
        """Says what has just happened, and when."""
        minutes, seconds = divmod(int(self.age()), 60)
        say(f"  {minutes}:{seconds:02}  {sentence}")
