"""The stations of a process: each is a worker of its own, with a name and PREFETCH hands."""

from collections import deque
from collections.abc import Sequence


class Stations:
    """Whose hands are free. The hand that has been free for longest is the next, so that all stations get as much
    to do."""

    def __init__(self, names: Sequence[str], prefetch: int) -> None:
        self._free = deque(name for _ in range(prefetch) for name in names)

    @property
    def free_hands(self) -> int:
        """How many orders more can be taken."""
        return len(self._free)

    def take(self) -> str:
        """Use a free hand; returns the name of its station. Raises IndexError when none is free."""
        return self._free.popleft()

    def put_down(self, name: str) -> None:
        """A hand of that station is free again."""
        self._free.append(name)
