"""Scales of the charts' axes, with ticks at round numbers: rules on plain values."""

from dataclasses import dataclass
from decimal import Decimal

_ROUND = (1, 2, 3, 4, 5, 6, 8, 10)
#: Seconds between two ticks of an axis of times.
_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900)
_MAX_TIME_TICKS = 5  # besides 0
#: Seconds at which an axis of times ends at the latest: an order that was forgotten shall not squeeze all others.
MAX_TIME = 3600.0
_NOTHING = 600.0


@dataclass(frozen=True)
class Scale:
    """An axis from 0 to `top`."""

    top: Decimal
    ticks: tuple[Decimal, ...]

    def part(self, value: Decimal | float) -> Decimal:
        """Where a value stands: 0 is the beginning of the axis, 1 its end, where what is beyond stands, too."""
        return min(Decimal(1), max(Decimal(0), Decimal(value) / self.top))


def of_amounts(largest: Decimal) -> Scale:
    """An axis of counts or of money in two equal parts, for values up to `largest`."""
    half = max(largest / 2, Decimal(1))
    power = Decimal(10) ** half.adjusted()
    tick = next(power * digit for digit in _ROUND if power * digit >= half)
    return Scale(2 * tick, (Decimal(0), tick, 2 * tick))


def of_times(longest: float) -> Scale:
    """An axis of durations in seconds, for values up to `longest`, or an hour if that is less; of ten minutes
    where nothing took any time."""
    top = Decimal(min(max(longest or _NOTHING, _TIMES[0]), MAX_TIME))
    tick = next(seconds for seconds in _TIMES if top / seconds <= _MAX_TIME_TICKS)
    return Scale(top, tuple(Decimal(seconds) for seconds in range(0, int(top) + 1, tick)))
