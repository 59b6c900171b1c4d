"""docs/scaling.svg: what was measured and predicted for more processes, and what each part can do of which there
is one. It is drawn for light and for dark, whichever its reader has."""

import math
import statistics
from collections.abc import Sequence
from html import escape

from bench.scaling.counting import PROCESSES
from bench.scaling.growth import RATES
from bench.scaling.measured import Measured
from bench.scaling.page import NAMES

_WIDTH, _HEIGHT = 860, 530
_STYLE = """
  svg { font: 13px system-ui, sans-serif; }
  .ground { fill: #ffffff; } .ink { fill: #1f2328; } .soft { fill: #59636e; }
  .line { stroke: #d1d9e0; } .mark { stroke: #59636e; stroke-dasharray: 3 3; }
  .found { fill: #1f6f8b; stroke: #1f6f8b; } .said { fill: none; stroke: #b3470f; stroke-width: 2; }
  .bar { fill: #1f6f8b; }
  .halo { stroke: #ffffff; stroke-width: 5; paint-order: stroke; stroke-linejoin: round; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; } .ink { fill: #f0f6fc; } .soft { fill: #9198a1; }
    .line { stroke: #3d444d; } .mark { stroke: #9198a1; }
    .found { fill: #58b5d3; stroke: #58b5d3; } .said { stroke: #f0883e; }
    .bar { fill: #58b5d3; } .halo { stroke: #0d1117; }
  }
"""
_TITLE = "Orders a second by the number of processes, measured and predicted, and at how many each part is full"
_FIRST, _LAST = 100, 200_000  # orders a second, of the lower chart's axis


def drawn(measured: Measured) -> str:
    """The picture, as SVG."""
    parts = [
        *_rates("Placed, orders a second", measured, "placed", 30),
        *_rates("Cooked, orders a second", measured, "cooked", 450),
        *_limits(measured, 322),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(_TITLE)}">\n<style>{_STYLE}</style>\n'
        f'<rect class="ground" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _rates(title: str, measured: Measured, phase: str, left: float) -> list[str]:
    """Of each number of processes the range and the median that were measured, and what was predicted."""
    found, said = getattr(measured, phase), getattr(measured, f"{phase}_predicted")
    top, bottom, width, axis = 70.0, 240.0, 380.0, left + 45
    ticks = _ticks(max(max(values) for each in (found, said) for values in each.values()))

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / ticks[-1]

    drawn = [_text(left, 34, title, "ink", weight="600")]
    for tick in ticks:
        drawn.append(_line(axis, y(tick), left + width, y(tick)))
        drawn.append(_text(axis - 8, y(tick) + 4, f"{tick:,.0f}", "soft", anchor="end"))
    slot = (left + width - axis) / len(PROCESSES)
    for place, number in enumerate(PROCESSES):
        x = axis + slot * (place + 0.5)
        low, high, median = min(found[number]), max(found[number]), statistics.median(found[number])
        drawn.append(
            f'<line class="found" stroke-width="2" x1="{x - 9:.1f}" x2="{x - 9:.1f}" y1="{y(low):.1f}" '
            f'y2="{y(high):.1f}"/>'
        )
        drawn.append(f'<circle class="found" cx="{x - 9:.1f}" cy="{y(median):.1f}" r="5"/>')
        drawn.append(_diamond(x + 9, y(statistics.median(said[number]))))
        drawn.append(_text(x, bottom + 20, str(number), "soft", anchor="middle"))
    drawn.append(_text((axis + left + width) / 2, bottom + 38, _who(phase), "soft", anchor="middle"))
    drawn += [
        f'<circle class="found" cx="{left + 5}" cy="52" r="5"/>',
        _text(left + 16, 56, "measured", "soft"),
        _diamond(left + 95, 52),
        _text(left + 107, 56, "predicted", "soft"),
    ]
    return drawn


def _who(phase: str) -> str:
    return "processes of order_service" if phase == "placed" else "kitchen workers that cook in no time"


def _limits(measured: Measured, top: float) -> list[str]:
    """A bar for each part, as long as the orders a second at which a single one is full."""
    left, right, step = 240.0, _WIDTH - 70.0, 27.0
    bottom = top + 46 + step * len(measured.limits)

    def x(rate: float) -> float:
        return left + (right - left) * math.log(rate / _FIRST) / math.log(_LAST / _FIRST)

    drawn = [_text(30, top, "Full at orders a second, placed and cooked, where there is one", "ink", weight="600")]
    for rate in RATES:
        drawn.append(f'<line class="mark" x1="{x(rate):.1f}" x2="{x(rate):.1f}" y1="{top + 30}" y2="{bottom}"/>')
        drawn.append(_text(x(rate), top + 24, f"{rate:,}", "soft", anchor="middle"))
    for place, (name, limit) in enumerate(measured.limits.items()):
        y, end = top + 46 + step * place, x(min(_LAST, limit))
        drawn.append(_text(left - 12, y + 12, NAMES[name], "ink", anchor="end"))
        drawn.append(
            f'<rect class="bar" x="{left}" y="{y:.1f}" width="{max(2, end - left):.1f}" height="15" rx="3"/>'
        )
        drawn.append(_text(end + 8, y + 12, f"{float(f'{limit:.2g}'):,.0f}", "soft halo"))
    return drawn


def _ticks(most: float) -> Sequence[float]:
    """Round numbers from 0 to above the most, four steps or five."""
    size = 10.0 ** math.floor(math.log10(most / 4))
    step = next(size * each for each in (1, 2, 2.5, 5, 10) if size * each * 5 >= most)
    return [step * each for each in range(math.ceil(most / step) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="line" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def _diamond(x: float, y: float) -> str:
    return f'<path class="said" d="M{x:.1f} {y - 6:.1f}l6 6-6 6-6-6z"/>'


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start", weight: str = "400") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )
