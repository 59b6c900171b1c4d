"""What a full table costs: intake, tracking and the kitchen with few, many and very many orders."""

from bench import drivers, intake, kitchen, tracking
from bench.plan import MIXED, Plan
from bench.report import Figures, table
from bench.stack import Stack
from devstack.processes import say

_CONNECTIONS = 32
_FIGURES = {
    "intake": "orders/s",
    "intake p99": "their p99 ms",
    "tracking": "reads/s",
    "tracking p99": "their p99 ms",
    "pick-up p50": "time to a worker, p50 ms",
    "pick-up p99": "time to a worker, p99 ms",
    "sparse p99": f"pgbench, {intake.SPARSE} commits/s at random times: p99 ms",
}


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    for rows in plan.growth:
        say(f"growth: filling {rows:,} orders")
        stack.make_template(_template(rows), max(rows, MIXED), MIXED)
    for number in range(plan.rounds):
        say(f"growth: round {number + 1} of {plan.rounds}")
        for rows in plan.growth if number % 2 == 0 else reversed(plan.growth):
            _measure(stack, plan, figures, rows)
    for rows in plan.growth:
        stack.drop_template(_template(rows))
    return _text(figures, plan)


def _template(rows: int) -> str:
    return f"orders_{rows}"


def _measure(stack: Stack, plan: Plan, figures: Figures, rows: int) -> None:
    """Intake comes last: what it leaves waiting would count in the estimates that tracking gives."""
    with stack.site(_template(rows)) as site:
        asked = tracking.numbers(site)
        site.start("order")
        kitchen.pick_up(site, plan, figures, f"{rows} pick-up")

        site.start("tracking")
        drivers.read_statuses(site.url("tracking"), asked, _CONNECTIONS, plan.warm_up)
        load = drivers.read_statuses(site.url("tracking"), asked, _CONNECTIONS, plan.seconds)
        figures.add(f"{rows} tracking", load.rate)
        figures.add(f"{rows} tracking p99", load.p99)
        site.stop("tracking")

        intake.warm_up(site, plan)
        load, _ = intake.placed(site, _CONNECTIONS, plan.seconds)
        figures.add(f"{rows} intake", load.rate)
        figures.add(f"{rows} intake p99", load.p99)
        figures.add(f"{rows} sparse p99", intake.sparse_commits(site, plan).p99)


def _text(figures: Figures, plan: Plan) -> str:
    empty, *filled = plan.growth
    rows = [
        [
            label,
            *(figures.spread(f"{size} {name}") for size in plan.growth),
            *(figures.ratio(f"{size} {name}", f"{empty} {name}") for size in filled),
        ]
        for name, label in _FIGURES.items()
    ]
    heads = ["", *(f"{size:,} orders" for size in plan.growth), *(f"{size:,} / {empty}" for size in filled)]
    return f"""\
Tables filled with a thousand orders a day, each of two items and three log rows, then vacuumed and analyzed;
every round has a new copy. {MIXED} of the orders, which stand in the empty table too, are received, cooking and
ready in turn; tracking is asked for as many of each, the ready ones from the whole table. One process of
order_service and one of tracking_service, at {_CONNECTIONS} connections; the time to a worker as under Kitchen.
pgbench's commits, on the same tables, as under Kitchen: about what the disk did in this round. The last columns
are relative to the empty table in the same round.

{table(heads, rows)}
"""
