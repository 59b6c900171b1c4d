"""How many streams a process holds open, in all and for one address."""

from common.errors import TooManyRequests, Unavailable

_RETRY_SECONDS = 10  # until one who was refused may try again


class Seats:
    """One for each process."""

    def __init__(self, at_most: int, per_address: int) -> None:
        self._at_most = at_most
        self._per_address = per_address
        self._taken: dict[str, int] = {}  # by address
        self.open = 0

    def take(self, address: str) -> None:
        """Raises Unavailable when the process is full, TooManyRequests when the address has its share."""
        if self.open >= self._at_most:
            raise Unavailable("Too many streams are open at this process; try again in a moment.")
        if self._taken.get(address, 0) >= self._per_address:
            raise TooManyRequests(
                f"Your network has {self._per_address} streams open here already; close one, or try again later.",
                {"retry_after": _RETRY_SECONDS},
            )
        self._taken[address] = self._taken.get(address, 0) + 1
        self.open += 1

    def give_back(self, address: str) -> None:
        """One of that address has ended."""
        self.open -= 1
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]
