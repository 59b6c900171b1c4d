"""A worker's heartbeats as a line of marks: one for each that came, and one for each that was missed."""

from collections.abc import Sequence
from datetime import datetime

_LATE = 0.5  # intervals after which a heartbeat counts as missed; what is closer to another is none of its own


def marks(heartbeats: Sequence[datetime], interval: float, now: datetime, count: int) -> list[bool]:
    """The last `count` intervals until `now`, oldest first: True is a heartbeat, False one that was missed.

    `heartbeats` are newest first, `interval` is in seconds. There are fewer marks for a worker of which less is
    known: what was before its first heartbeat it has not missed.
    """
    found: list[bool] = []  # newest first
    later = now
    for beat in heartbeats:
        intervals = (later - beat).total_seconds() / interval
        if found and intervals < _LATE:  # it was started again
            continue
        found += [False] * min(count, int(max(0.0, intervals - _LATE)))
        found.append(True)
        later = beat
    return found[:count][::-1]
