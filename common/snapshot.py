"""A snapshot that a process's requests share: taken once in a while, however many they are."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from eventlet.event import Event

_FRESH = 1.0  # seconds for which a snapshot is given out without a question
_MARGIN = 1.0  # seconds for which it is given out besides, while the next one is being taken

_Source = TypeVar("_Source")
_Value = TypeVar("_Value")


class Snapshot(Generic[_Source, _Value]):
    """What `take` found at its source, at most two seconds ago, or `fresh` and one more. One for each process."""

    def __init__(self, take: Callable[[_Source], _Value], fresh: float = _FRESH) -> None:
        self._take = take
        self._fresh = fresh
        self._value: _Value | None = None
        self._taken_at = float("-inf")
        self._under_way: Event | None = None

    def get(self, source: _Source) -> _Value:
        """The last value, or one that is taken now from `source` if that is too old. Raises what `take` raises.

        One is taken at a time; whoever cannot use the value of before waits for it, and shares its failure.
        """
        age = time.monotonic() - self._taken_at
        is_usable = self._value is not None and age < self._fresh + (0 if self._under_way is None else _MARGIN)
        if is_usable and self._value is not None:
            return self._value
        if self._under_way is not None:
            return cast(_Value, self._under_way.wait())
        return self._refresh(source)

    def forget(self) -> None:
        """This process has changed what the snapshot is of: take another, whatever one that is under way finds."""
        self._taken_at = float("-inf")
        self._under_way = None

    def _refresh(self, source: _Source) -> _Value:
        under_way = self._under_way = Event()
        began = time.monotonic()
        try:
            value = self._take(source)
        except BaseException as exc:
            self._end(under_way)
            under_way.send_exception(exc)
            raise
        if self._end(under_way):
            self._value, self._taken_at = value, began
        under_way.send(value)
        return value

    def _end(self, under_way: Event) -> bool:
        """False when a change came in between."""
        if self._under_way is not under_way:
            return False
        self._under_way = None
        return True
