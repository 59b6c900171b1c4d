"""A look at the database that a process's requests share: taken about once a second, however many they are."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from eventlet.event import Event
from nameko_sqlalchemy.database import Session

from common.database import Sessions

_FRESH = 1.0  # seconds that what was seen is used without a question
_STALE = 2.0  # seconds after which nobody uses it, not even while the next look is under way

_Seen = TypeVar("_Seen")


class Recent(Generic[_Seen]):
    """What `look` saw, at most two seconds ago. One for each process."""

    def __init__(self, look: Callable[[Session], _Seen]) -> None:
        self._look_at = look
        self._seen: _Seen | None = None
        self._looked_at = float("-inf")
        self._under_way: Event | None = None

    def seen(self, sessions: Sessions) -> _Seen:
        """What was seen last, looking again if that is too long ago. Raises Unavailable.

        One looks at a time; whoever cannot use what was seen before waits for that look, and shares its failure.
        """
        age = time.monotonic() - self._looked_at
        is_usable = self._seen is not None and age < (_FRESH if self._under_way is None else _STALE)
        if is_usable and self._seen is not None:
            return self._seen
        if self._under_way is not None:
            seen: _Seen = self._under_way.wait()
            return seen
        return self._look(sessions)

    def forget(self) -> None:
        """This process has changed what there is to see: look again, whatever a look that is under way sees."""
        self._looked_at = float("-inf")
        self._under_way = None

    def _look(self, sessions: Sessions) -> _Seen:
        under_way = self._under_way = Event()
        began = time.monotonic()
        try:
            with sessions.begin() as session:
                seen = self._look_at(session)
        except BaseException as exc:
            self._end(under_way)
            under_way.send_exception(exc)
            raise
        if self._end(under_way):
            self._seen, self._looked_at = seen, began
        under_way.send(seen)
        return seen

    def _end(self, under_way: Event) -> bool:
        """False when the look was overtaken by a change."""
        if self._under_way is not under_way:
            return False
        self._under_way = None
        return True
