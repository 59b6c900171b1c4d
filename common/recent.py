"""A look at the database that a process's requests share: taken at most once a second, however many they are."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from nameko_sqlalchemy.database import Session

from common.database import Sessions

_FRESH = 1.0  # seconds

_Seen = TypeVar("_Seen")


class Recent(Generic[_Seen]):
    """What `look` saw, at most a second ago. One for each process."""

    def __init__(self, look: Callable[[Session], _Seen]) -> None:
        self._look_at = look
        self._seen: _Seen | None = None
        self._looked_at = 0.0
        self._first_look = threading.Lock()

    def seen(self, sessions: Sessions) -> _Seen:
        """What was seen last, looking again if that is too long ago. Raises Unavailable."""
        if self._seen is None:
            # Requests that come at once when the process starts would all look, and keep each other waiting.
            with self._first_look:
                return self._seen or self._look(sessions)
        if time.monotonic() - self._looked_at > _FRESH:
            return self._look(sessions)
        return self._seen

    def forget(self) -> None:
        """This process has changed what there is to see: look again."""
        self._looked_at = 0.0

    def _look(self, sessions: Sessions) -> _Seen:
        self._looked_at = time.monotonic()  # before the look: whoever comes meanwhile uses the last one
        with sessions.begin() as session:
            seen = self._look_at(session)
        self._seen = seen
        return seen
