"""Rules about tickets: which is next, and what to do with one that comes for an order that is cooking."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class GivenUp(Exception):
    """The ticket's order was given up before, so the ticket belongs among the dead letters."""


class TryLater(Exception):
    """This order cannot be moved at the moment, though PostgreSQL answers: others should not wait for it."""


@dataclass(frozen=True)
class Delivery:
    """How a ticket came: whether the broker had delivered it before, how often it has failed, and whether the
    next failure is the last."""

    redelivered: bool
    attempts: int = 0
    is_last: bool = False


def reason(failure: Exception) -> str:
    """A failure in a line, for headers and for the order's history."""
    lines = str(failure).splitlines() or [""]
    return f"{type(failure).__name__}: {lines[0]}"[:300]


def urgency(priority: int, body: Any) -> tuple[int, str]:
    """Sorts tickets: the highest priority first, then the oldest. One that cannot be read comes first of its
    priority, to be out of the way."""
    placed_at = body.get("placed_at") if isinstance(body, Mapping) else None
    return -priority, placed_at if isinstance(placed_at, str) else ""


def is_lost(held_by_worker: bool, holder_online: bool, redelivered: bool) -> bool:
    """Whether the order that a ticket is for, and that is cooking already, must be taken over.

    A person who has it keeps it. A worker has lost it when the broker took the ticket back from somebody
    (`redelivered`), or when it went offline. Else the ticket is a second copy: whoever cooks has the first one,
    and if they die, that one comes back.
    """
    return held_by_worker and (redelivered or not holder_online)


def cooking_seconds(prep_seconds: float, speed: float) -> float:
    """How long simulated cooking takes; speed 2 is twice as fast, and speed 0 takes no time."""
    return prep_seconds * pace(speed)


def pace(speed: float) -> float:
    """Seconds of cooking for a second of preparation."""
    return 1 / speed if speed else 0.0
