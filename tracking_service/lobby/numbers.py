"""Which numbers the lobby shows, in which order, and how large: rules on plain values."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from common.orders import numbers
from common.orders.lifecycle import COOKING

NEW = timedelta(seconds=20)  # for which the one that became ready last stands out
#: Up to how many numbers share a size; lobby.css says which.
SIZES = (1, 3, 4, 9, 11, 12, 15, 25, 60)


@dataclass(frozen=True)
class Open:
    """An order that is not with its customer yet."""

    number: str
    status: str
    since: datetime  # when it got that status (UTC)
    was_ready: bool = False  # and is not any more


@dataclass(frozen=True)
class Shown:
    """A number on the wall, as people call it; with its day, where a later one is called the same."""

    called: str
    day: date | None


@dataclass(frozen=True)
class Wall:
    """All that is shown."""

    cooking: list[Shown]
    waiting: list[Shown]
    newest: Shown | None  # it has become ready just now
    ready: list[Shown]  # the others
    back: list[Shown]  # those of the cooking that were ready before
    are_there_more: bool  # that are being made, and find no place

    @property
    def made_size(self) -> int:
        """Of those that are being made: up to how many share it."""
        return _size(len(self.cooking) + len(self.waiting))

    @property
    def ready_size(self) -> int:
        return _size(len(self.ready) + (self.newest is not None))

    @property
    def digits(self) -> int:
        """The longest number's."""
        newest = [self.newest] if self.newest else []
        every = [*self.cooking, *self.waiting, *self.ready, *newest]
        return max((len(shown.called) for shown in every), default=3)


def wall(made: Sequence[Open], ready: Sequence[Open], now: datetime, *, are_there_more: bool) -> Wall:
    """What is shown at `now` (UTC) of the orders that are being made and those that are ready."""
    ambiguous = numbers.ambiguous([order.number for order in (*made, *ready)])

    def shown(orders: Iterable[Open]) -> list[Shown]:
        return [
            Shown(
                numbers.called(order.number), numbers.day_of(order.number) if order.number in ambiguous else None
            )
            for order in sorted(orders, key=lambda order: numbers.in_turn(order.number))
        ]

    latest = max(ready, key=lambda order: (order.since, numbers.in_turn(order.number)), default=None)
    newest = latest if latest is not None and now - latest.since < NEW else None
    return Wall(
        cooking=shown(order for order in made if order.status == COOKING),
        waiting=shown(order for order in made if order.status != COOKING),
        newest=shown([newest])[0] if newest else None,
        ready=shown(order for order in ready if order is not newest),
        back=shown(order for order in made if order.status == COOKING and order.was_ready),
        are_there_more=are_there_more,
    )


def shown_since(start_of_day: datetime, now: datetime) -> datetime:
    """Orders that were placed before are not shown: nobody has cleared them away. The day's are, however old, and
    in the night, when a service goes on into a new day, those of the last hours."""
    return min(start_of_day, now - timedelta(hours=12))


def _size(count: int) -> int:
    return SIZES[min(bisect_left(SIZES, count), len(SIZES) - 1)]
