"""What full tables cost: intake, tracking, the kitchen and the screens, with few, many and very many orders."""

from bench import drivers, intake, kitchen, screens, tracking
from bench.plan import A_DAY, MIXED, Plan
from bench.report import Figures, table
from bench.site import Site
from bench.stack import Stack
from devstack.processes import say

_CONNECTIONS = 32
_MAX_COPIED = 1_000_000  # orders in a database that every round has a new copy of
_FIGURES = {
    "intake": "orders/s",
    "intake p99": "their p99 ms",
    "tracking": "reads/s",
    "tracking p99": "their p99 ms",
    "pick-up p50": "time to a worker, p50 ms",
    "pick-up p99": "time to a worker, p99 ms",
    **{label: f"{label}: ms" for label in screens.LABELS},
    "sparse p99": f"pgbench, {intake.SPARSE} commits/s at random times: p99 ms",
}
# What a round leaves in a database that is used again: it counts in estimates, and stands on boards.
_TIDY = """
    delete from outbox;
    update orders set status = 'completed', updated_at = now(), completed_at = now() where id > %(last)s
"""
_SIZE = "select pg_database_size(current_database()) / 2.0^20"


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
    is_large = rows > _MAX_COPIED
    with stack.site(_template(rows), in_place=is_large) as site:
        figures.add(f"{rows} size", site.number(_SIZE))
        last = site.newest_order()
        _load(site, plan, figures, rows)
        if is_large:
            site.stop()
            site.query(_TIDY, last=last)
            site.query("vacuum (analyze) orders")


def _load(site: Site, plan: Plan, figures: Figures, rows: int) -> None:
    """Intake comes last: what it leaves waiting would count in the estimates that tracking gives."""
    asked = tracking.numbers(site)
    site.start("order", REGISTER_PER_ADDRESS="", SIGN_IN_PER_ADDRESS="")
    kitchen.pick_up(site, plan, figures, f"{rows} pick-up")

    site.start("tracking")
    screens.look(site, figures, str(rows))
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
    few, *filled = plan.growth
    rows = [
        [
            label,
            *(figures.spread(f"{size} {name}") for size in plan.growth),
            *(figures.ratio(f"{size} {name}", f"{few} {name}") for size in filled),
        ]
        for name, label in _FIGURES.items()
    ]
    heads = ["", *(f"{size:,} orders" for size in plan.growth), *(f"{size:,} / {few:,}" for size in filled)]
    sizes = ", ".join(f"{size:,} orders: {figures.rounds[f'{size} size'][0]:,.0f} MiB" for size in plan.growth)
    return f"""\
Tables filled with {A_DAY:,} orders a day up to now, each of two items and, mostly, four log rows, a third of
them customers', then vacuumed and analyzed. {sizes}. Every round has a new copy, but of more than
{_MAX_COPIED:,}, which are used in place. {MIXED} of the orders, the newest, are received, cooking and ready in
turn; tracking is asked for as many of each, the ready ones from the whole table. One process of order_service and
one of tracking_service, at {_CONNECTIONS} connections; the time to a worker as under Kitchen. The screens, and
moves by hand, are asked for one after another, by one client; each is a median. pgbench's commits, on the same
tables, as under Kitchen: about what the disk did in this round. The last columns are relative to the smallest
table in the same round.

{table(heads, rows)}
"""
