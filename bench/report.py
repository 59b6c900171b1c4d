"""Tables of medians and ranges, and the file that keeps them."""

import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

_TITLE = re.compile(r"^## ", re.MULTILINE)


@dataclass
class Figures:
    """What was measured, by name: one value for each round."""

    rounds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, value: float) -> None:
        """Keeps a round's value."""
        self.rounds[name].append(value)

    def last(self, name: str) -> float:
        """This round's value."""
        return self.rounds[name][-1]

    def spread(self, name: str) -> str:
        """The figure as `spread()` writes it."""
        return spread(self.rounds[name])

    def ratio(self, name: str, to: str) -> str:
        """One figure over another of the same round, for all rounds."""
        return spread([one / other for one, other in zip(self.rounds[name], self.rounds[to], strict=True)])


def spread(values: Sequence[float]) -> str:
    """Median and range, `2.10 (1.95–2.31)`; one value stands alone."""
    median = _digits(statistics.median(values))
    low, high = _digits(min(values)), _digits(max(values))
    return median if low == high == median else f"{median} ({low}–{high})"


def side_by_side(figures: Figures, one: str, other: str, rows: Sequence[tuple[str, str, str]]) -> str:
    """A table of figures in pairs, with the ratio of the second to the first in the same round.

    A row is what it is called, and the names of its two figures. Without a ratio where the first was ever 0.
    """
    return table(
        ["", one, other, f"{other} / {one}"],
        [
            [
                label,
                figures.spread(first),
                figures.spread(second),
                figures.ratio(second, first) if all(figures.rounds[first]) else "–",
            ]
            for label, first, second in rows
        ],
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that also reads well as text; all columns but the first are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    rule = [f":{'-' * (widths[0] - 1)}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    lines = [" | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in (heads, *rows)]
    return "\n".join(f"| {line} |" for line in (lines[0], " | ".join(rule), *lines[1:]))


def sections(document: str) -> tuple[str, dict[str, str]]:
    """Takes a document apart: what stands before its first section, and each section by its title."""
    head, *bodies = _TITLE.split(document)
    return head, {body.partition("\n")[0].strip(): body.partition("\n")[2].strip() for body in bodies}


def document(head: str, parts: dict[str, str]) -> str:
    """Puts together what `sections()` takes apart."""
    return "\n\n".join([head.strip(), *(f"## {title}\n\n{body.strip()}" for title, body in parts.items())]) + "\n"


def updated(old: str, head: str, titles: Sequence[str], measured: dict[str, str]) -> str:
    """The document with the sections that were `measured` now, in the order of `titles`.

    Sections that were not measured stay, each with its own date and commit; all go when the head, that is the
    machine or a version, is another.
    """
    old_head, kept = sections(old)
    if old_head.strip() != head.strip():
        kept = {}
    kept |= measured
    return document(head, {title: kept[title] for title in titles if title in kept})


def _digits(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
