"""Asking where orders stand, beside what an empty nameko handler answers."""

from pathlib import Path

from bench import drivers
from bench.plan import MIXED, Plan
from bench.report import Figures, table
from bench.stack import Site, Stack, refuses_beyond
from devstack.processes import say

CONNECTIONS = (32, 128)
_TEMPLATE = "tracked"


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    stack.make_template(_TEMPLATE, MIXED, MIXED)
    for number in range(plan.rounds):
        say(f"tracking: round {number + 1} of {plan.rounds}")
        with stack.site(_TEMPLATE) as site:
            site.start("tracking")
            site.start("empty")
            asked = numbers(site)
            services = ("tracking", "empty") if number % 2 == 0 else ("empty", "tracking")
            for service in services:
                drivers.read_statuses(site.url(service), asked, CONNECTIONS[0], plan.warm_up)
            for connections in CONNECTIONS:
                for service in services:
                    _measure(site, plan, figures, asked, service=service, connections=connections)
    stack.drop_template(_TEMPLATE)
    return _text(figures)


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


def _measure(site: Site, plan: Plan, figures: Figures, asked: Path, *, service: str, connections: int) -> None:
    load = drivers.read_statuses(site.url(service), asked, connections, plan.seconds)
    name = f"{service} {connections}"
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

Live streams are not measured: there are none yet.
"""
