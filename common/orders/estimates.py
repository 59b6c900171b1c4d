"""When an order will be ready: its own time, plus the queue ahead of it over the workers online."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerOnline:
    """A worker, or several that are alike, that takes orders of `order_types`; `speed` 2 cooks twice as fast, 0
    in no time at all."""

    order_types: tuple[str, ...]
    speed: float
    workers: int = 1


@dataclass(frozen=True)
class KitchenLoad:
    """The kitchen's work at a moment, in seconds at speed 1, and who is there to do it."""

    waiting: Mapping[tuple[str, int], float]  # by order type and priority
    cooking: Mapping[str, float]  # by order type, what is left
    workers: Sequence[WorkerOnline]

    def seconds_for_newest(self, order_type: str, prep_seconds: float, priority: int) -> float:
        """How long an order takes that is placed now, in seconds."""
        ahead = dict(self.cooking)
        for (kind, its_priority), seconds in self.waiting.items():
            if its_priority >= priority:
                ahead[kind] = ahead.get(kind, 0.0) + seconds
        return seconds_until_ready(order_type, prep_seconds, ahead, self.workers)


@dataclass(frozen=True)
class WaitingLine:
    """Orders of one type and priority that wait, oldest first."""

    ids: Sequence[int]
    work: Sequence[float]  # up to and with each of them, in seconds at speed 1

    def place_of(self, order_id: int) -> int:
        """How many are older."""
        return bisect_left(self.ids, order_id)

    def ahead_of(self, order_id: int) -> float:
        """The work of those that are older."""
        older = self.place_of(order_id)
        return self.work[older - 1] if older else 0.0

    def total(self) -> float:
        return self.work[-1]


@dataclass(frozen=True)
class KitchenQueue:
    """Who waits and what is cooked at a moment: the order of things, where KitchenLoad has only sums."""

    waiting: Mapping[tuple[str, int], WaitingLine]  # by order type and priority
    cooking: Mapping[str, float]  # by order type, what is left
    workers: Sequence[WorkerOnline]

    def seconds_for(self, order_type: str, prep_seconds: float, priority: int, order_id: int) -> float:
        """How long an order takes that waits. Ahead of it is what cooks, what has a higher priority, and what
        has the same and is older."""
        ahead = dict(self.cooking)
        for (kind, its_priority), line in self.waiting.items():
            if its_priority >= priority:
                work = line.total() if its_priority > priority else line.ahead_of(order_id)
                ahead[kind] = ahead.get(kind, 0.0) + work
        return seconds_until_ready(order_type, prep_seconds, ahead, self.workers)

    def ahead_of(self, order_type: str, priority: int, order_id: int) -> int:
        """How many of its type wait that come before an order that waits."""
        return sum(
            line.place_of(order_id) if its_priority == priority else len(line.ids)
            for (kind, its_priority), line in self.waiting.items()
            if kind == order_type and its_priority >= priority
        )

    def takes(self, order_type: str) -> bool:
        """True when a worker is online that takes orders of that type."""
        return any(order_type in worker.order_types for worker in self.workers)


def seconds_until_ready(
    order_type: str, prep_seconds: float, ahead: Mapping[str, float], workers: Sequence[WorkerOnline]
) -> float:
    """How long an order that waits will take, in seconds.

    `ahead` is the work that comes before it, in seconds at speed 1, by order type. What counts is the work
    that competes for the same hands: the types that the workers who take this order take. With nobody online
    it is reckoned as if one worker at speed 1 came now.
    """
    able = [worker for worker in workers if order_type in worker.order_types]
    competing = {kind for worker in able for kind in worker.order_types} or {order_type}
    hands = sum(worker.workers for worker in able)
    speed = sum(worker.speed * worker.workers for worker in able) / hands if able else 1.0
    if able and speed == 0:
        return 0.0
    queue = sum(seconds for kind, seconds in ahead.items() if kind in competing)
    return (prep_seconds + queue / max(1, hands)) / speed
