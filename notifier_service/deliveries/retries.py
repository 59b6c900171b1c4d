"""When a delivery that failed comes again."""

from collections.abc import Sequence

_JITTER = 0.1  # of a pause, more or less: what failed together does not come again together


def pause_after(attempt: int, pauses: Sequence[float], asked: float, chance: float) -> float | None:
    """Seconds until the next attempt when the `attempt`-th failed, counted from 1, and the other side `asked` for
    so many; None when it was the last. `chance` is from 0 to 1, at random."""
    if attempt > len(pauses):
        return None
    return max(pauses[attempt - 1] * (1 + _JITTER * (2 * chance - 1)), asked)
