"""From figures to places in a picture: rules on plain values.

Places are parts of the picture's width or height, written as SVG wants them ("12.5%"): so it fills what room there
is, and its words keep their size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tracking_service.dashboard import scales, steps
from tracking_service.dashboard.hours import Hour, Hours, Tally
from tracking_service.dashboard.scales import Scale
from tracking_service.dashboard.steps import Line, Passage

_MIN_SLOTS = 8  # a day of two hours has bars of the same width as a short day
_BAR, _STROKE = Decimal("0.7"), Decimal("0.88")  # of an hour's width
_MINUTE = 60
_THOUSANDS = 10_000  # from here on an axis counts in them


@dataclass(frozen=True)
class Tick:
    """A number on an axis, and where it stands."""

    label: str
    at: str


@dataclass(frozen=True)
class Bar:
    """An hour's bar: `x`, `width`, and `y`, its upper edge; none in an hour without. The stroke from `x1` to `x2`
    at `before` is the day before's, if there is one."""

    hour: int
    is_now: bool
    x: str
    width: str
    y: str | None
    middle: str
    x1: str
    x2: str
    before: str | None


@dataclass(frozen=True)
class Bars:
    """A chart by the hour."""

    ticks: Sequence[Tick]
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Range:
    """From a median to a p95; without one there were too few orders. `is_beyond`: it is longer than the axis."""

    median: str
    p95: str | None
    is_beyond: bool


@dataclass(frozen=True)
class Row:
    """A line of the chart of steps."""

    line: Line
    day: Range | None
    before: Range | None


@dataclass(frozen=True)
class Ranges:
    """The chart of steps. `in_minutes` is what its axis counts in; seconds otherwise."""

    ticks: Sequence[Tick]
    in_minutes: bool
    rows: Sequence[Row]


def orders_by_hour(hours: Hours) -> Bars:
    """How many orders came in each hour."""
    return _bars(hours.hours, lambda tally: Decimal(tally.orders))


def sales_by_hour(hours: Hours) -> Bars:
    """What they sold for."""
    return _bars(hours.hours, lambda tally: tally.sales)


def time_in_steps(lines: Sequence[Line]) -> Ranges:
    """How long orders stay in each step."""
    scale = scales.of_times(steps.longest(list(lines)))
    in_minutes = scale.ticks[1] >= _MINUTE
    ticks = [
        Tick(f"{tick / _MINUTE if in_minutes else tick:f}", _percent(scale.part(tick))) for tick in scale.ticks
    ]
    rows = [Row(line, _range(line.day, scale), _range(line.before, scale)) for line in lines]
    return Ranges(ticks, in_minutes, rows)


def _bars(hours: Sequence[Hour], amount: Callable[[Tally], Decimal]) -> Bars:
    scale = scales.of_amounts(
        max((amount(tally) for hour in hours for tally in (hour.day, hour.before)), default=Decimal(0))
    )
    ticks = [Tick(_amount(tick, scale), _percent(1 - scale.part(tick))) for tick in scale.ticks]
    slot = Decimal(1) / max(_MIN_SLOTS, len(hours))

    def height(value: Decimal) -> str | None:
        return _percent(1 - scale.part(value)) if value else None

    bars = []
    for position, hour in enumerate(hours):
        left, middle = slot * position, slot * (position + Decimal("0.5"))
        bars.append(
            Bar(
                hour.hour,
                hour.is_now,
                x=_percent(left + slot * (1 - _BAR) / 2),
                width=_percent(slot * _BAR),
                y=height(amount(hour.day)),
                middle=_percent(middle),
                x1=_percent(left + slot * (1 - _STROKE) / 2),
                x2=_percent(left + slot * (1 + _STROKE) / 2),
                before=height(amount(hour.before)),
            )
        )
    return Bars(ticks, bars)


def _range(passage: Passage | None, scale: Scale) -> Range | None:
    if passage is None:
        return None
    p95 = None if passage.p95 is None else _percent(scale.part(passage.p95))
    return Range(_percent(scale.part(passage.median)), p95, (passage.p95 or passage.median) > scale.top)


def _amount(tick: Decimal, scale: Scale) -> str:
    if scale.top >= _THOUSANDS and tick:
        return f"{tick / 1000:,f}k"
    return f"{tick:,f}"


def _percent(part: Decimal) -> str:
    return f"{100 * part:.2f}%"
