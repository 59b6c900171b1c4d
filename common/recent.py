"""What is looked up at most once a second, however many ask: one look serves all of a process."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from nameko_sqlalchemy.database import Session

from common.database import Sessions

_FRESH = 1.0  # seconds

_Seen = TypeVar("_Seen")


class Recent(Generic[_Seen]):
    """The result of `look`, as it was a second ago at most. One for each process."""

    def __init__(self, look: Callable[[Session], _Seen]) -> None:
        self._look = look
        self._seen: _Seen | None = None
        self._looked_at = 0.0
        self._first_look = threading.Lock()

    def get(self, sessions: Sessions) -> _Seen:
        """Raises Unavailable."""
        if self._seen is None:
            # Requests that come at once when the process starts would all look, and keep each other waiting.
            with self._first_look:
                return self._seen or self._look_again(sessions)
        if time.monotonic() - self._looked_at > _FRESH:
            return self._look_again(sessions)
        return self._seen

    def _look_again(self, sessions: Sessions) -> _Seen:
        self._looked_at = time.monotonic()  # before the look: whoever comes meanwhile uses the last one
        with sessions.begin() as session:
            self._seen = self._look(session)
        return self._seen
