"""Who works in the kitchen, and whether their heartbeats come: rules on plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.orders.lifecycle import ORDER_TYPES
from tracking_service import heartbeats

MARKS = 12  # of a worker: the last intervals in which a heartbeat was due; as many are kept
#: A worker that has been away for longer is not shown.
REMEMBERED = timedelta(days=1)


@dataclass(frozen=True)
class Worker:
    """A row of `workers`, and whether it counts as online. `has_left` is one that said so; one that is neither is
    gone. `heartbeats` are the latest, newest first."""

    name: str
    order_types: tuple[str, ...]
    is_online: bool
    has_left: bool
    last_seen: datetime
    interval: float  # seconds between two heartbeats
    heartbeats: tuple[datetime, ...]

    def takes(self, order_type: str) -> bool:
        return order_type in self.order_types

    @property
    def types(self) -> list[str]:
        """In the order in which types are named everywhere."""
        return [order_type for order_type in ORDER_TYPES if order_type in self.order_types]

    def marks(self, now: datetime) -> list[bool]:
        """For each of the last intervals, the oldest first, whether a heartbeat came in it."""
        return heartbeats.marks(self.heartbeats, self.interval, now, MARKS)


def shown(workers: Sequence[Worker], now: datetime) -> list[Worker]:
    """Who works, by name; then who is gone, and who has left, the latest first."""
    recent = [worker for worker in workers if worker.is_online or now - worker.last_seen < REMEMBERED]
    return sorted(
        recent,
        key=lambda worker: (
            (not worker.is_online) + worker.has_left,
            0.0 if worker.is_online else -worker.last_seen.timestamp(),
            worker.name,
        ),
    )


def interval_of_all(workers: Sequence[Worker]) -> float | None:
    """The seconds between two heartbeats, if they are the same for all."""
    intervals = {worker.interval for worker in workers}
    return intervals.pop() if len(intervals) == 1 else None
