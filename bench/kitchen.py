"""From the queue to ready: workers that cook in no time."""

from bench import drivers, intake
from bench.drivers import BenchError, Times
from bench.plan import Plan
from bench.report import Figures, table
from bench.site import Site
from bench.stack import Stack
from devstack.processes import say

WORKERS = (1, 2, 4)
_RATE = 100  # orders a second, when the time until a worker begins is measured
_HANDS = 2  # workers that this and the backlog are measured with

# From when the last of the workers began: they do not start at the same moment.
_THROUGHPUT = """
    with began as (
        select count(*) as workers, max(first) as at from (
            select min(changed_at) as first from order_status_log where status = 'cooking' group by changed_by
        ) as worker
    )
    select max(workers), count(changed_at), extract(epoch from max(changed_at) - max(at))
    from began left join order_status_log on status = 'ready' and changed_at > at
"""
_DRAINED = """
    select extract(epoch from max(changed_at) filter (where status = 'ready')
        - min(changed_at) filter (where status = 'cooking'))
    from order_status_log
"""
_BEGUN = """
    select o.number, l.changed_at from order_status_log l join orders o on o.id = l.order_id
    where o.id > %(since)s and l.status = 'cooking'
"""


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    for number in range(plan.rounds):
        say(f"kitchen: round {number + 1} of {plan.rounds}")
        for workers in WORKERS if number % 2 == 0 else reversed(WORKERS):
            figures.add(f"{workers} workers", _throughput(stack, plan, workers))
        figures.add("drain", _drain(stack, plan))
        with stack.site() as site:
            site.start("order")
            pick_up(site, plan, figures, "pick-up")
            figures.add("sparse p99", intake.sparse_commits(site, plan).p99)
    return _text(figures, plan)


def pick_up(site: Site, plan: Plan, figures: Figures, name: str) -> None:
    """Starts workers, measures how long placed orders wait for them, and kills them. order_service runs."""
    site.start_workers(_HANDS)
    site.wait_for_workers(_HANDS)
    since = site.newest_order()
    drivers.place_orders(site.url("order"), intake.PACED, plan.warm_up, _RATE)
    site.all_ready(since)
    since = site.newest_order()
    load, _ = intake.placed(site, intake.PACED, 2 * plan.seconds, _RATE)
    site.all_ready(since)
    answered = site.answered()
    begun = site.query(_BEGUN, since=since)
    waited = Times.of(load.rate, [(at - answered[number]).total_seconds() for number, at in begun])
    site.stop("kitchen")
    figures.add(f"{name} rate", waited.rate)
    figures.add(f"{name} p50", waited.p50)
    figures.add(f"{name} p99", waited.p99)


def _throughput(stack: Stack, plan: Plan, workers: int) -> float:
    """Orders a second of so many workers together."""
    with stack.site() as site:
        _cook_backlog(site, plan.kitchen_orders, workers)
        [[took_part, orders, seconds]] = site.query(_THROUGHPUT)
        if took_part < workers or not orders:
            raise BenchError(
                f"{took_part} of {workers} workers cooked before nothing was left: give them more orders"
            )
        return float(orders) / float(seconds)


def _drain(stack: Stack, plan: Plan) -> float:
    """Seconds from when the first of the waiting orders is taken until the last is ready."""
    with stack.site() as site:
        _cook_backlog(site, plan.waiting_orders, _HANDS)
        return site.number(_DRAINED)


def _cook_backlog(site: Site, orders: int, workers: int) -> None:
    site.start("order")
    drivers.place_exactly(site.url("order"), orders)
    site.empty_outbox()
    site.start_workers(workers)
    site.all_ready()


def _text(figures: Figures, plan: Plan) -> str:
    rows = [
        *(
            [f"{workers} worker{'s' if workers > 1 else ''}: orders/s", figures.spread(f"{workers} workers")]
            for workers in WORKERS
        ),
        *(
            [f"{workers} workers / 1 worker", figures.ratio(f"{workers} workers", "1 workers")]
            for workers in WORKERS[1:]
        ),
        [f"{plan.waiting_orders:,} waiting orders, {_HANDS} workers: s", figures.spread("drain")],
        [f"time to a worker at {_RATE} orders/s, {_HANDS} workers: p50 ms", figures.spread("pick-up p50")],
        [f"time to a worker at {_RATE} orders/s, {_HANDS} workers: p99 ms", figures.spread("pick-up p99")],
        [f"orders/s that were placed meanwhile, for {_RATE} wanted", figures.spread("pick-up rate")],
        [f"pgbench, {intake.SPARSE} commits/s at random times: p99 ms", figures.spread("sparse p99")],
    ]
    return f"""\
One process is one worker; COOKING_SPEED=0, so what takes time is everything but cooking. One order_service,
whose relay sends all messages, runs beside them. When an order was in which status is what `changed_at` in
`order_status_log` says, which is when that status's transaction began.

- Orders/s: {plan.kitchen_orders:,} orders wait in the three queues, and then the workers start; counted from when
  the last of them has taken its first order to when the last order is ready.
- Waiting orders: from when the first is taken to when the last is ready. Their number is of those answered; up to
  31 more were on their way.
- Time to a worker: from the log line of the answer 201 to when the transaction of `cooking` began, of orders that
  come at random times for {2 * plan.seconds:g} s. pgbench's commits are as under Intake, but order_service sends
  what they place: about what the disk did in this round.

{table(["", ""], rows)}
"""
