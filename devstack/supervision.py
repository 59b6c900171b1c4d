"""Starts again what ends by itself, with growing pauses, and gives up on what never stays up."""

import time
from typing import NoReturn, Protocol

from devstack.processes import DevstackError, say

FIRST_PAUSE = 0.5  # seconds until it is started again; twice as long each time
MAX_PAUSE = 10.0
MAX_TRIES = 8  # in a row; about half a minute of pauses
STAYED_UP = 60.0  # seconds after which an end is a new one, and no sign of what was before


class Part(Protocol):
    """A server or a service that is to run."""

    name: str

    def start(self) -> None:
        """Start it, for the first time or again. Raises DevstackError or OSError when it does not come up."""

    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""

    def last_lines(self) -> str:
        """What it said last."""


class Supervisor:
    """Keeps parts running. All of it happens in the thread that calls `start()` and `check()`: the parts end with
    that thread."""

    def __init__(self) -> None:
        self._watched: list[_Watched] = []

    def start(self, part: Part) -> None:
        """Start it, and keep it running from now on. Raises DevstackError."""
        part.start()
        self._watched.append(_Watched(part))

    def check(self) -> None:
        """To be called several times a second. Raises DevstackError for a part that does not stay up."""
        for watched in self._watched:
            watched.check()

    def check_first_start(self) -> None:
        """As long as not all have been ready once: raises DevstackError for a part that has ended."""
        for watched in self._watched:
            watched.check_first_start()


class _Watched:
    def __init__(self, part: Part) -> None:
        self._part = part
        self._tries = 0
        self._started_at = time.monotonic()
        self._start_at: float | None = None  # when it is to be started again

    def check(self) -> None:
        if self._start_at is not None:
            if time.monotonic() >= self._start_at:
                self._start_again()
        elif (how := self._part.ended()) is not None:
            if time.monotonic() - self._started_at > STAYED_UP:
                self._tries = 0
            self._plan(f"ended by itself, {how}")

    def check_first_start(self) -> None:
        # Nobody has killed what ends before it was ready: it is set up wrongly, and would only end again.
        if (how := self._part.ended()) is not None:
            self._give_up(f"ended by itself, {how}")

    def _start_again(self) -> None:
        self._start_at = None
        self._started_at = time.monotonic()
        try:
            self._part.start()
        except (DevstackError, OSError) as error:  # OSError: a full disk, no process to be had
            self._plan(f"did not start: {error}")
        else:
            say(f"{self._part.name} is started again")

    def _plan(self, what: str) -> None:
        if self._tries == MAX_TRIES:
            self._give_up(f"{what}, for the {MAX_TRIES + 1}th time in a row")
        pause = min(FIRST_PAUSE * 2**self._tries, MAX_PAUSE)
        self._tries += 1
        self._start_at = time.monotonic() + pause
        say(f"{self._part.name} {what}; starting it again in {pause:g} s")

    def _give_up(self, what: str) -> NoReturn:
        raise DevstackError(
            f"{self._part.name} {what}. Its last lines:\n{self._part.last_lines()}\n"
            "Mend what they say, and run it again."
        )
