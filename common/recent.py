"""A look that a process's requests share: taken about once a second, however many they are."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from eventlet.event import Event
from nameko_sqlalchemy.database import Session

from common.database import Sessions

_FRESH = 1.0  # seconds that what was seen is used without a question
_STALE = 2.0  # seconds after which nobody uses it, not even while the next look is under way

_By = TypeVar("_By")
_Seen = TypeVar("_Seen")


def in_session(look: Callable[[Session], _Seen]) -> Callable[[Sessions], _Seen]:
    """A look at the database, in a transaction of its own."""

    def look_by(sessions: Sessions) -> _Seen:
        with sessions.begin() as session:
            return look(session)

    return look_by


class Recent(Generic[_By, _Seen]):
    """What `look` saw, at most two seconds ago. One for each process."""

    def __init__(self, look: Callable[[_By], _Seen]) -> None:
        self._look_at = look
        self._seen: _Seen | None = None
        self._looked_at = float("-inf")
        self._under_way: Event | None = None

    def seen(self, by: _By) -> _Seen:
        """What was seen last, looking again, by means of `by`, if that is too long ago. Raises what `look` raises.

        One looks at a time; whoever cannot use what was seen before waits for that look, and shares its failure.
        """
        age = time.monotonic() - self._looked_at
        is_usable = self._seen is not None and age < (_FRESH if self._under_way is None else _STALE)
        if is_usable and self._seen is not None:
            return self._seen
        if self._under_way is not None:
            return cast(_Seen, self._under_way.wait())
        return self._look(by)

    def forget(self) -> None:
        """This process has changed what there is to see: look again, whatever a look that is under way sees."""
        self._looked_at = float("-inf")
        self._under_way = None

    def _look(self, by: _By) -> _Seen:
        under_way = self._under_way = Event()
        began = time.monotonic()
        try:
            seen = self._look_at(by)
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
