"""What this machine's cores do with one process and with several: orders placed, orders cooked, statuses read.

All three are loads that take whatever the cores give, and the cores are shared with PostgreSQL, RabbitMQ and what
makes the load.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench import drivers, intake, tracking
from bench.drivers import BenchError
from bench.plan import MIXED, Plan
from bench.scaling.costs import Counted, Meter
from bench.scaling.limits import Drained, drained, no_relay, reductions, share
from bench.site import Site
from bench.stack import Stack

#: Processes of order_service, kitchen workers, processes of tracking_service.
PROCESSES = (1, 2, 4, 8)
#: What an order costs is taken from runs with so few of them; what more do is predicted.
FEW_PROCESSES = (1, 2)
#: Connections of all customers together, and how few they are for one more measure of what a transaction costs.
CONNECTIONS, FEW_CONNECTIONS = 64, 8
TEMPLATE = "crowded"

_COOKED_A_SECOND = 900  # orders that are put in the queues for each second of cooking; more than can be cooked
_EVALUATED = 3  # seconds, about, in which RabbitMQ is asked what its queues have done
_TRANSACTIONS = "select count(distinct changed_in) from orders where id > %(since)s"
_MOVES = """
    select count(*) filter (where status = 'ready'), count(distinct xmin::text)
    from order_status_log where sequence > 1 and changed_at > %(since)s and changed_at <= %(until)s
"""
_AT_WORK = "select count(*) from workers where orders_processed > 0"
_NOW = "select clock_timestamp()"


@dataclass(frozen=True)
class Run:
    """A load: how many orders it took, in how many seconds and transactions of theirs, and what was used."""

    orders: float
    seconds: float
    transactions: float
    counted: Counted

    @property
    def rate(self) -> float:
        """Orders a second."""
        return self.orders / self.seconds


def placed(stack: Stack, plan: Plan, processes: int) -> Run:
    """Places orders at so many processes, one of which is the relay, too, on CONNECTIONS."""
    with stack.site() as site:
        pids = site.start("order", processes)
        intake.warm_up(site, plan)
        return _placed(stack, site, plan, pids, CONNECTIONS, is_sent=True)


@dataclass(frozen=True)
class Apart:
    """What placing and sending cost apart: `alone` are loads while no relay led, in which orders had a small share
    of a transaction and a large one; `sent` is how a relay sent them then; `placed` is what `placed()` gives."""

    alone: Sequence[Run]
    sent: Drained
    placed: Run


def placed_apart(stack: Stack, plan: Plan, processes: int) -> Apart:
    """Places orders at so many processes, on CONNECTIONS and on FEW_CONNECTIONS while no relay leads, and again
    when one has sent those."""
    with stack.site() as site, contextlib.ExitStack() as kept_away:
        kept_away.enter_context(no_relay(site))
        pids = site.start("order", processes)
        drivers.place_orders(site.url("order"), CONNECTIONS, plan.warm_up)
        alone = [
            _placed(stack, site, plan, pids, connections, is_sent=False)
            for connections in (CONNECTIONS, FEW_CONNECTIONS)
        ]
        sent = drained(stack, site, pids, kept_away.close)
        return Apart(alone, sent, _placed(stack, site, plan, pids, CONNECTIONS, is_sent=True))


def _placed(stack: Stack, site: Site, plan: Plan, pids: list[int], connections: int, *, is_sent: bool) -> Run:
    since = site.newest_order()
    meter = Meter(stack, site, {"order": pids})
    load = drivers.place_orders(site.url("order"), connections, plan.seconds)
    if is_sent:  # what still waits is a part of what these orders cost
        site.empty_outbox()
    counted = meter.counted()
    if load.errors:
        raise BenchError(f"{load.errors} of {load.answered} orders were not taken")
    orders = site.newest_order() - since
    return Run(orders, orders / load.rate, site.number(_TRANSACTIONS, since=since), counted)


def cooked(stack: Stack, plan: Plan, workers: int, *, with_queues: bool = False) -> tuple[Run, float]:
    """Has so many workers cook in no time what waits in the queues, a notifier telling of it. One process of
    order_service is the relay, and does nothing else. `with_queues` gives also which part of what RabbitMQ did the
    kitchen queues had, else 0."""
    with stack.site() as site:
        order = site.start("order")
        notifier = site.start("notifier")
        # The first begins while the others still start.
        seconds = workers / 2 + plan.warm_up + plan.seconds + (_EVALUATED if with_queues else 0)
        drivers.place_exactly(site.url("order"), int(_COOKED_A_SECOND * seconds))
        site.empty_outbox()
        kitchen = site.start_workers(workers)
        site.wait("all workers to work", lambda: site.number(_AT_WORK) == workers)
        before = reductions(stack, site) if with_queues else (0, 0)
        time.sleep(plan.warm_up)
        meter = Meter(stack, site, {"order": order, "kitchen": kitchen, "notifier": notifier})
        [[since]] = site.query(_NOW)
        time.sleep(plan.seconds)
        [[until]] = site.query(_NOW)
        counted = meter.counted()
        queues = share(before, reductions(stack, site)) if with_queues else 0.0
        [[orders, transactions]] = site.query(_MOVES, since=since, until=until)
        if not site.query("select 1 from orders where status = 'received' limit 1"):
            raise BenchError(f"{workers} workers had cooked all that waited: give them more orders")
        return Run(orders, (until - since).total_seconds(), transactions, counted), queues


def read(stack: Stack, plan: Plan) -> dict[int, float]:
    """CPU seconds of tracking_service for reading where one order stands, by how many processes read.

    They share nothing but the cores: each has its sessions and what it remembers, and no read waits for another.
    So what a read costs more with many of them is what it costs to share the cores."""
    found = {}
    with stack.site(TEMPLATE) as site:
        numbers = tracking.numbers(site)
        for before, processes in zip((0, *PROCESSES), PROCESSES, strict=False):
            site.start("tracking", processes - before)
            drivers.read_statuses(site.url("tracking"), numbers, CONNECTIONS, plan.warm_up)
            meter = Meter(stack, site, {"tracking": site.pids("tracking")})
            load = drivers.read_statuses(site.url("tracking"), numbers, CONNECTIONS, plan.seconds)
            found[processes] = meter.counted().cpu["tracking"] / load.answered
    return found


def make_template(stack: Stack) -> None:
    """What `read()` reads."""
    stack.make_template(TEMPLATE, MIXED, MIXED)
