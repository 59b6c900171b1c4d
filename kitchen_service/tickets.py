"""Rules about tickets: which is next, and whether an order that is cooking already was lost by whoever has it."""

from collections.abc import Mapping
from dataclasses import dataclass


def urgency(priority: int, body: object) -> tuple[int, str]:
    """Sorts tickets: the highest priority first, then the oldest. One that cannot be read comes first of its
    priority, to be out of the way."""
    placed_at = body.get("placed_at") if isinstance(body, Mapping) else None
    return -priority, placed_at if isinstance(placed_at, str) else ""


@dataclass(frozen=True)
class Holder:
    """Who has an order that is cooking. `is_alive`: that worker's process has a session in PostgreSQL.
    `is_overdue`: it should have been ready for a while. `failed_since`: its ticket failed after that worker had
    begun, as far as is known."""

    is_worker: bool
    is_me: bool
    is_alive: bool
    is_overdue: bool
    failed_since: bool


def is_lost(holder: Holder, attempts: int) -> bool:
    """Whether the order that a ticket is for, and that is cooking already, must be taken over.

    A person who has it keeps it. A worker has lost it when its process is gone, when it failed with it
    (`attempts`, unless those were before it began), or when it is long overdue. This process's own it has lost
    too: what it cooks and knows of never comes here, so it took the order and the answer to that commit was lost.
    """
    has_failed = attempts > 0 and holder.failed_since
    return holder.is_worker and (holder.is_me or not holder.is_alive or holder.is_overdue or has_failed)


def cooking_seconds(prep_seconds: float, speed: float) -> float:
    """How long simulated cooking takes; speed 2 is twice as fast, and speed 0 takes no time."""
    return prep_seconds * pace(speed)


def pace(speed: float) -> float:
    """Seconds of cooking for a second of preparation."""
    return 1 / speed if speed else 0.0
