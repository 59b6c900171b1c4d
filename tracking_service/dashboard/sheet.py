"""A day's figures as CSV (RFC 4180), for spreadsheets: rules on plain values."""

import csv
import io
from collections.abc import Iterable

from common.pages import words
from tracking_service.dashboard.figures import Day

HEADER = (
    "day",
    "time_zone",
    "figure",
    "of",
    "order_type",
    "orders",
    "sales",
    "median_seconds",
    "p95_seconds",
)
# A spreadsheet takes what begins with one of these for a formula, and may do what it says.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def of(day: Day, time_zone: str) -> bytes:
    """One row for each hour, for each step of each type, and for each who made orders ready. Sales are in the
    house's currency."""
    rows: list[tuple[object, ...]] = [
        ("hour", f"{hour.hour:02}:00", "", hour.day.orders, f"{hour.day.sales:.2f}", "", "")
        for hour in day.hours.hours
    ]
    for line in day.lines:
        passage = line.day
        figures: tuple[object, ...] = (0, "", "", "")
        if passage is not None:
            p95 = "" if passage.p95 is None else f"{passage.p95:.0f}"
            figures = (passage.orders, "", f"{passage.median:.0f}", p95)
        rows.append(("step", line.step.name, words.TYPES[line.order_type], *figures))
    rows += (("made ready by", name, "", orders, "", "", "") for name, orders in sorted(day.done.items()))
    return _written(HEADER, ((day.days.day.isoformat(), time_zone, *row) for row in rows))


def _written(header: Iterable[object], rows: Iterable[Iterable[object]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    for row in (header, *rows):
        writer.writerow([safe(str(cell)) for cell in row])
    return file.getvalue().encode()


def safe(cell: str) -> str:
    """The cell as text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
