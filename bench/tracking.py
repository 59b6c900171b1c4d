"""Asking where orders stand, beside what an empty nameko handler answers."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench import drivers
from bench.plan import MIXED, Plan
from bench.report import Figures, side_by_side, table
from bench.revisions import NOW, Code
from bench.site import Site
from bench.stack import Stack, refuses_beyond
from devstack.processes import say

CONNECTIONS = (32, 128)


class _Asked(NamedTuple):
    """A process that is asked, and a file of the orders it is asked for."""

    name: str
    url: str
    numbers: Path


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    for code in stack.codes:
        stack.make_template(_template(code), MIXED, MIXED, code)
    for number in range(plan.rounds):
        say(f"tracking: round {number + 1} of {plan.rounds}")
        with contextlib.ExitStack() as open_sites:
            asked = []
            for code in stack.codes:
                site = open_sites.enter_context(stack.site(_template(code), code))
                site.start("tracking")
                asked.append(_Asked(code.figure("tracking"), site.url("tracking"), numbers(site)))
            # The last site is today's.
            site.start("empty")
            asked.append(_Asked("empty", site.url("empty"), asked[-1].numbers))
            if number % 2:
                asked.reverse()
            for each in asked:
                drivers.read_statuses(each.url, each.numbers, CONNECTIONS[0], plan.warm_up)
            for connections in CONNECTIONS:
                for each in asked:
                    _measure(each, plan, figures, connections)
    for code in stack.codes:
        stack.drop_template(_template(code))
    return _text(figures) + _comparison(figures, stack.codes)


def numbers(site: Site) -> Path:
    """A file of the numbers of orders, as many that are received and cooking as that are ready, in no order."""
    rows = site.query(
        """
        select number from (
            select number, row_number() over (partition by status order by md5(number)) as place from orders
            where status in ('received', 'cooking', 'ready')
        ) as dealt
        where place <= %(each)s order by md5(number)
        """,
        each=MIXED // 3,
    )
    file = site.folder / "numbers"
    file.write_text("".join(f"{number}\n" for (number,) in rows))
    return file


def _template(code: Code) -> str:
    return f"tracked_{code.name}"


def _measure(asked: _Asked, plan: Plan, figures: Figures, connections: int) -> None:
    load = drivers.read_statuses(asked.url, asked.numbers, connections, plan.seconds)
    name = f"{asked.name} {connections}"
    figures.add(name, load.rate)
    figures.add(f"{name} p99", load.p99)
    figures.add(f"{name} errors", load.errors)


def _text(figures: Figures) -> str:
    rows = [
        [
            str(connections),
            *(figures.spread(f"tracking {connections}{what}") for what in ("", " p99", " errors")),
            figures.spread(f"empty {connections}"),
            figures.spread(f"empty {connections} p99"),
            figures.ratio(f"tracking {connections}", f"empty {connections}"),
        ]
        for connections in CONNECTIONS
    ]
    heads = ["connections", "reads/s", "p99 ms", "errors", "empty handler 1/s", "empty p99 ms", "reads / empty"]
    return f"""\
`GET /orders/<number>/status` of {MIXED} orders in turn, a third each received, cooking and ready: so
{MIXED * 2 // 3} are open, and count in the estimates of those that wait. One process of tracking_service, and one
of stock nameko that answers the same requests with nothing; each is idle while the other is asked. A rate counts
the good answers; errors are those of 400 and above (503 beyond {refuses_beyond()} requests at once, which
no load here reaches) and broken connections, in one load.

{table(heads, rows)}
"""


def _comparison(figures: Figures, codes: Sequence[Code]) -> str:
    """What the other revision does beside today's code; nothing when there is none."""
    if list(codes) == [NOW]:
        return ""
    rows = [
        (f"{connections} connections: {what}", codes[0].figure(name), name)
        for connections in CONNECTIONS
        for name, what in (
            (f"tracking {connections}", "reads/s"),
            (f"tracking {connections} p99", "p99 ms"),
            (f"tracking {connections} errors", "errors"),
        )
    ]
    return f"""
All of the above is of `now`. The same in the same rounds of `before`, in turn with it: its own services, settings
and tables, in a folder of their own, on the same servers, libraries and Python.

{side_by_side(figures, "before", "now", rows)}
"""
