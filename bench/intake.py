"""Placing orders over HTTP, beside what PostgreSQL commits and what an empty nameko handler answers."""

from collections.abc import Callable, Sequence
from functools import partial

from bench import drivers
from bench.drivers import BenchError, Load, Times
from bench.plan import Plan
from bench.report import Figures, side_by_side, table
from bench.revisions import NOW, Code
from bench.site import Site
from bench.stack import Stack, refuses_beyond
from devstack.processes import say

CONNECTIONS = (1, 8, 32, 128)
_COMPARED = (32, 128)  # with another revision, so that both are measured in the time of one
_KEYED = (32, 64)  # connections that send an Idempotency-Key with every order
PROCESSES = (1, 2)
CLIENTS = (1, 8, 32)
_BUSY = 32  # the number of connections, and of clients, that ratios are of
PACED = 64  # connections that together make a rate: so many that it hardly depends on how soon they are answered
SPARSE = 100  # commits a second by one client, which leaves PostgreSQL and the disk nearly idle
_WARM = 8  # connections of the load before the first


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    blocks: list[Callable[[Stack, Plan, Figures], None]]
    services = [partial(_order_service, code, each) for each in PROCESSES for code in stack.codes]
    blocks = [_pgbench, _empty_handler, *services, *(partial(_keys, code) for code in stack.codes)]
    for number in range(plan.rounds):
        say(f"intake: round {number + 1} of {plan.rounds}")
        # There and back, so that none is always the one after the same other.
        for block in blocks if number % 2 == 0 else reversed(blocks):
            block(stack, plan, figures)
    return _text(figures, _measured(stack.codes)) + _comparison(figures, stack.codes)


def warm_up(site: Site, plan: Plan, with_: str = "") -> None:
    """A load that is not counted, on every process behind the port."""
    drivers.place_orders(site.url("order"), _BUSY, plan.warm_up, with_=with_)
    site.empty_outbox()


def placed(
    site: Site, connections: int, seconds: float, rate: float | None = None, *, with_: str = ""
) -> tuple[Load, float]:
    """A counted load, and how long after it (s) the outbox was empty.

    Raises BenchError when an order that was answered 201 is not in the table.
    """
    before = site.newest_order()
    load = drivers.place_orders(site.url("order"), connections, seconds, rate, with_=with_)
    emptied = site.empty_outbox()
    written = site.number("select count(*) from orders where id > %(before)s", before=before)
    if written < load.answered:
        raise BenchError(f"{load.answered} orders were answered 201, {written:.0f} are in the table")
    return load, emptied


def sparse_commits(site: Site, plan: Plan) -> Times:
    """What the disk alone makes of a commit that is due at a random time."""
    return drivers.commits(site.database_url, 1, plan.seconds, SPARSE)


def _pgbench(stack: Stack, plan: Plan, figures: Figures) -> None:
    with stack.site() as site:
        drivers.commits(site.database_url, _WARM, plan.warm_up)
        for clients in CLIENTS:
            commits = drivers.commits(site.database_url, clients, plan.seconds)
            figures.add(f"pgbench {clients}", commits.rate)
            figures.add(f"pgbench {clients} p99", commits.p99)
        figures.add("sparse p99", sparse_commits(site, plan).p99)
        # NOTIFY, which wakes the relay, has PostgreSQL commit one transaction after the other.
        site.query("alter table outbox disable trigger wake_relay")
        figures.add("pgbench unheard", drivers.commits(site.database_url, _BUSY, plan.seconds).rate)


def _empty_handler(stack: Stack, plan: Plan, figures: Figures) -> None:
    with stack.site() as site:
        site.start("empty")
        drivers.place_orders(site.url("empty"), _BUSY, plan.warm_up)
        load = drivers.place_orders(site.url("empty"), _BUSY, plan.seconds)
        figures.add("empty", load.rate)
        figures.add("empty p99", load.p99)


def _order_service(code: Code, processes: int, stack: Stack, plan: Plan, figures: Figures) -> None:
    with stack.site(code=code) as site:
        site.start("order", processes)
        warm_up(site, plan)
        if processes == 1:
            alone = drivers.place_one_by_one(site.url("order"), plan.seconds)
            site.empty_outbox()
            figures.add(code.figure("alone p50"), alone.p50)
            figures.add(code.figure("alone p99"), alone.p99)
        for connections in _measured(stack.codes):
            load, emptied = placed(site, connections, plan.seconds)
            name = code.figure(_name(processes, connections))
            _add(figures, name, load)
            figures.add(f"{name} outbox", emptied)
        if processes == max(PROCESSES):
            half = code.figure("half")
            # The same rate for both codes, or their times would not compare: whoever is first in a round sets it.
            if len(figures.rounds["half rate"]) == len(figures.rounds[half]):
                figures.add("half rate", figures.last(code.figure(_name(processes, _BUSY))) / 2)
            load, _ = placed(site, PACED, plan.seconds, figures.last("half rate"))
            _add(figures, half, load)


def _keys(code: Code, stack: Stack, plan: Plan, figures: Figures) -> None:
    with stack.site(code=code) as site:
        site.start("order")
        warm_up(site, plan)
        for connections in _KEYED:
            kinds = ("keyless", "keyed")
            # Whichever comes second finds more rows: now the one, now the other.
            for kind in (
                kinds if len(figures.rounds[code.figure(f"keyed {connections}")]) % 2 == 0 else reversed(kinds)
            ):
                keys = site.number("select count(*) from idempotency_keys")
                load, _ = placed(site, connections, plan.seconds, with_=drivers.KEYED if kind == "keyed" else "")
                _add(figures, code.figure(f"{kind} {connections}"), load)
                kept = site.number("select count(*) from idempotency_keys") - keys
                # What was on its way when the load before ended may come after the count: one for each connection.
                if (kept < load.answered) if kind == "keyed" else kept > max(_KEYED):
                    raise BenchError(f"{load.answered} orders were placed {kind}, {kept:.0f} new keys are kept")


def _add(figures: Figures, name: str, load: Load) -> None:
    figures.add(name, load.rate)
    figures.add(f"{name} p50", load.p50)
    figures.add(f"{name} p99", load.p99)
    figures.add(f"{name} errors", load.errors)


def _measured(codes: Sequence[Code]) -> Sequence[int]:
    return CONNECTIONS if list(codes) == [NOW] else _COMPARED


def _name(processes: int, connections: int) -> str:
    return f"{processes} x {connections}"


def _text(figures: Figures, measured: Sequence[int]) -> str:
    rows = [
        [
            f"{processes} × {connections}",
            *(
                figures.spread(f"{_name(processes, connections)}{what}")
                for what in ("", " p50", " p99", " errors", " outbox")
            ),
        ]
        for processes in PROCESSES
        for connections in measured
    ]
    heads = ["processes × connections", "orders/s", "p50 ms", "p99 ms", "errors", "outbox empty, s"]
    beside = [
        *([f"pgbench, {clients} clients", figures.spread(f"pgbench {clients}")] for clients in CLIENTS),
        [f"pgbench, {_BUSY} clients, without the trigger that wakes the relay", figures.spread("pgbench unheard")],
        [f"an empty nameko handler, {_BUSY} connections", figures.spread("empty")],
    ]
    one, two = (_name(processes, _BUSY) for processes in PROCESSES)
    ratios = [
        [f"two processes at {_BUSY} / pgbench at {_BUSY}", figures.ratio(two, f"pgbench {_BUSY}")],
        ["the same / pgbench without that trigger", figures.ratio(two, "pgbench unheard")],
        ["the same / pgbench at 1, its best", figures.ratio(two, "pgbench 1")],
        [f"one process at {_BUSY} / the empty handler at {_BUSY}", figures.ratio(one, "empty")],
        [f"two processes / one, both at {_BUSY}", figures.ratio(two, one)],
    ]
    times = [
        ["one customer, one process: p50 ms", figures.spread("alone p50")],
        ["one customer, one process: p99 ms", figures.spread("alone p99")],
        ["pgbench, 1 clients: p99 ms", figures.spread("pgbench 1 p99")],
        ["two processes at half of their rate: orders/s", figures.spread("half")],
        ["two processes at half of their rate: p99 ms", figures.spread("half p99")],
        ["two processes at half of their rate: errors", figures.spread("half errors")],
        [f"pgbench, {SPARSE} commits/s at random times: p99 ms", figures.spread("sparse p99")],
        [f"pgbench, {_BUSY} clients: p99 ms", figures.spread(f"pgbench {_BUSY} p99")],
        [f"the empty handler, {_BUSY} connections: p99 ms", figures.spread("empty p99")],
    ]
    return f"""\
Orders of two items, of all three types; no kitchen runs. A rate counts the orders that were answered 201, and
that many are in the table. p50 and p99 are of all answers. Errors are answers of 400 and above and broken
connections, in one load; a process answers 503 to what is beyond {refuses_beyond()} requests at once
(MAX_CONCURRENT), which no load here reaches. Two processes share one port (SO_REUSEPORT): the kernel deals the
connections out, not always evenly. The last column is the time from the end of the load until everything has been
sent to RabbitMQ, looked at every 0.05 s.

{table(heads, rows)}

In the same rounds: pgbench commits the same rows (number, order, two items, log row, outbox row) with one prepared
statement an order on a database of its own; one process of stock nameko answers the same requests with nothing.
pgbench's clients wait for each other: each holds the row that numbers the day's orders until its commit is on
disk, and NOTIFY, which wakes the relay, has PostgreSQL commit one after the other. So one client does best, and
the ratio at {_BUSY} says what grouping spares.

{table(["beside it", "1/s"], beside)}

{table(["", ""], ratios)}

How long an answer takes. One customer orders again when the answer is there (hey counts each once; wrk, wherever
else HTTP is timed, adds to a slow answer those that would have been asked for meanwhile). Half of their rate is
half of what the two processes took at {_BUSY} connections in the same round; {PACED} connections send it, which
pause for a random time before each order (wrk's `delay()`): orders come at random, not in step. pgbench's
{SPARSE} commits a second are one client's, and count from when each was due: about what the disk did in this
round, which all that waits for commits waits for.

{table(["", ""], times)}

Orders with an `Idempotency-Key`, a random one each, beside orders without, in turn on one process.

{_keys_table(figures, NOW)}
"""


def _keys_table(figures: Figures, code: Code) -> str:
    return side_by_side(
        figures,
        "without a key",
        "with a key",
        [
            (
                f"{connections} connections: {what}",
                code.figure(f"keyless {connections}{figure}"),
                code.figure(f"keyed {connections}{figure}"),
            )
            for connections in _KEYED
            for figure, what in (("", "orders/s"), (" p99", "p99 ms"), (" errors", "errors"))
        ],
    )


def _comparison(figures: Figures, codes: Sequence[Code]) -> str:
    """What the other revision does beside today's code; nothing when there is none."""
    if list(codes) == [NOW]:
        return ""
    before = codes[0]
    loads = [
        *((f"{processes} × {each}", _name(processes, each)) for processes in PROCESSES for each in _COMPARED),
        ("two processes at half of the rate", "half"),
        *((f"one process, with a key, {each}", f"keyed {each}") for each in _KEYED),
    ]
    rows = [
        *(("one customer, one process: " + what, f"alone {what.split()[0]}") for what in ("p50 ms", "p99 ms")),
        *(
            (f"{label}: {what}", f"{name}{figure}")
            for label, name in loads
            for figure, what in (("", "orders/s"), (" p50", "p50 ms"), (" p99", "p99 ms"), (" errors", "errors"))
        ),
    ]
    return f"""
All of the above is of `now`. The same in the same rounds of `before`, in turn with it: its own services, settings
and tables, in a folder of their own, on the same servers, libraries and Python; the first line of this section
says which commits they are. Half of the rate is in this section one rate for both, so that their times compare:
half of what the two processes of whichever was measured first in that round took.

{side_by_side(figures, "before", "now", [(label, before.figure(name), name) for label, name in rows])}

Keys, `before`:

{_keys_table(figures, before)}
"""
