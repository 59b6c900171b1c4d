"""What the dashboard shows, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tracking_service.dashboard.days import Days
from tracking_service.dashboard.hours import Hours
from tracking_service.dashboard.staffing import Worker
from tracking_service.dashboard.steps import Line
from tracking_service.dashboard.stuck import Group, Unsent


@dataclass(frozen=True)
class State:
    """How things stand at `now` (UTC)."""

    now: datetime
    counts: Mapping[str, int]  # by status
    stuck: list[Group]
    unsent: Unsent | None  # if messages wait for the broker for too long
    workers: list[Worker]
    in_hand: Mapping[str, list[str]]  # numbers of the orders that cook, by who has them

    @property
    def stuck_orders(self) -> int:
        return sum(group.orders for group in self.stuck)


@dataclass(frozen=True)
class Day:
    """A day and the one before it, as far as they went at `at` (UTC), when they were read."""

    at: datetime
    days: Days
    hours: Hours
    lines: list[Line]
    done: Mapping[str, int]  # orders of the day that were made ready, by who did it
