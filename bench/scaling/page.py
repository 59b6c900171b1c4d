"""The figures of docs/scaling.md: what stands there between two marks, and nothing else of the page."""

import statistics
import textwrap
from collections.abc import Mapping

from bench.report import spread, table
from bench.scaling.costs import CLIENT, POSTGRES, RABBITMQ, RELAYING, WAL_WRITER, WRITING
from bench.scaling.counting import PROCESSES
from bench.scaling.growth import RATES, WAITED_FOR
from bench.scaling.measured import Measured
from bench.scaling.model import MAX_ROWS

#: What the parts are called of which there is one.
NAMES = {
    "numbering": "the row that numbers the day",
    "commits": "commits, one after the other",
    "relay": "the relay",
    "queue": "a kitchen queue",
    "notifier": "a notifier's console",
    "log": "the disk of PostgreSQL's log",
}
# What an operator does when one is full.
_REMEDIES = {
    "notifier": """\
Orders do not wait for it. Every process prints every change, so a second one does not help; what it could not
print within five minutes, and of more than 10,000 changes the oldest, is left out. Letters and webhooks are shared
by all: `docker compose up --detach --scale notifier=2`. For the console there is only another house.""",
    "relay": """\
One leads for each database, and nothing divides its outbox: several relays, each for some of the orders, do not
exist. What waits stays in the outbox and is sent later, in order. Then another house.""",
    "commits": """\
A commit that tells somebody (`NOTIFY`) waits for the one before, and this counts one for each move. Fewer and
larger ones: stations that share a process (`STATIONS`) share transactions. A disk that is sooner done. Then
another house.""",
    "numbering": """\
With a hundred orders in each transaction, which is the most; it is less when many processes of `order_service`
each write a few: so as few processes as are busy. Then another house.""",
    "queue": """\
If all orders are of one type: each type has a queue, and a queue is one process in RabbitMQ. `QUEUE_TYPE=quorum`
on a cluster of three outlives a node, and makes no queue faster; nothing divides a type. Then another house.""",
    "log": "A faster disk for `pg_wal`. Then another house.",
}
_WIDTH = 120
_POSTGRES = (WRITING, RELAYING, WAL_WRITER, POSTGRES)
_PARTS = {
    "order": "`order_service`",
    "kitchen": "`kitchen_service`",
    "notifier": "`notifier_service`",
    CLIENT: "what makes the load",
    RABBITMQ: "RabbitMQ",
    WRITING: "PostgreSQL: sessions that write",
    RELAYING: "PostgreSQL: the relay's session",
    WAL_WRITER: "PostgreSQL: the WAL writer",
    POSTGRES: "PostgreSQL: the rest",
}


def parts(measured: Measured) -> dict[str, str]:
    """What stands in each of the page's marked parts."""
    return {
        "rates": rates(measured),
        "costs": costs(measured),
        "limits": limits(measured),
        "growth": growth(measured),
        "check": check(measured),
    }


def filled(page: str, parts: Mapping[str, str]) -> str:
    """The page with `parts` between the marks of their names, `<!-- rates -->` and `<!-- end of rates -->`. Raises
    ValueError when one has no place in it."""
    for name, text in parts.items():
        before, begin, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->\n")
        if not begin or not end:
            raise ValueError(f"there is no place for {name}")
        page = f"{before}{begin}\n{text}\n\n{end}{after}"
    return page


def rates(measured: Measured) -> str:
    """What so many processes did, and what was predicted."""
    medians = {number: statistics.median(values) for number, values in measured.placed.items()}
    best, most = max(medians, key=lambda number: medians[number]), max(medians)
    said = f"{measured.machine}; {measured.rounds} rounds, medians and ranges. {best} process"
    said += "es placed most" if best > 1 else " placed most"
    said += f"; {most} placed {medians[most] / medians[best]:.0%} of that." if most != best else "."
    heads = ["", *(f"{number} process{'es' if number > 1 else ''}" for number in PROCESSES)]
    rows = [["crowding", *(spread(measured.crowding[number]) for number in PROCESSES)]]
    for phase, found, predicted in (
        ("placed", measured.placed, measured.placed_predicted),
        ("cooked", measured.cooked, measured.cooked_predicted),
    ):
        rows += [
            [f"{phase}: orders/s", *(spread(found[number]) for number in PROCESSES)],
            [f"{phase}: predicted", *(spread(predicted[number]) for number in PROCESSES)],
            ["predicted / measured", *(spread(measured.ratios(phase, number)) for number in PROCESSES)],
        ]
    return f"{_wrapped(said)}\n\n{table(heads, rows)}"


def costs(measured: Measured) -> str:
    """What an order costs each part."""
    rows = [
        [f"{called}, ms", *(_ms(each.get(part)) for each in measured.parts.values())]
        for part, called in _PARTS.items()
    ]
    rows.append(["together, ms of CPU", *(_ms(sum(each.values())) for each in measured.parts.values())])
    rows += [[name, *(_number(each[name]) for each in measured.made.values())] for name in measured.made["placed"]]
    each = measured.costs
    full = 1 / (each.request + each.transaction / MAX_ROWS), 1 / each.worker
    said = (
        f"A request costs `order_service` {_ms(each.request)} ms, and each transaction {_ms(each.transaction)} ms "
        f"more; PostgreSQL's session {_ms(each.row)} ms for each order, and {_ms(each.statement)} ms for each "
        f"transaction. A commit is on disk after {_ms(each.flush)} ms. A process of `order_service` is full at "
        f"{_round(full[0])} orders/s at most, when its transactions are as large as they can be, and one of "
        f"`kitchen_service` with {_round(full[1])}. Each thousand orders a second, placed and cooked, keep "
        f"{_cores(measured, *_POSTGRES)} cores busy with PostgreSQL, {_cores(measured, RABBITMQ)} with RabbitMQ."
    )
    return f"{table(['an order', 'that is placed', 'that is cooked'], rows)}\n\n{_wrapped(said)}"


def limits(measured: Measured) -> str:
    """What is full when, and what is done then."""
    return "\n".join(
        _wrapped(
            f"- **{NAMES[name][0].upper()}{NAMES[name][1:]}**: {_round(rate)} orders/s{_too_little(rate)}. "
            f"{_REMEDIES[name]}",
            "  ",
        )
        for name, rate in measured.limits.items()
    )


def growth(measured: Measured) -> str:
    """What one house makes of each rate, and how many houses carry it."""
    heads = [
        "orders/s",
        "one house: ready, told",
        "houses",
        "each: orders/s",
        "busiest there",
        "`order_service`",
        "`kitchen_service`",
        "cores",
    ]
    rows = []
    for step in measured.grown:
        busiest = max(step.share.busy, key=lambda name: step.share.busy[name] if name in WAITED_FOR else 0)
        rows.append(
            [
                f"{step.rate:,}",
                f"{_round(step.one.ready)}, {_round(step.one.told)}",
                f"{step.houses:,}",
                _round(step.share.ready),
                f"{NAMES[busiest]}, {step.share.busy[busiest]:.0%}",
                f"{step.order_processes:,}",
                f"{step.kitchen_processes:,}",
                _round(step.cores),
            ]
        )
    return table(heads, rows)


def check(measured: Measured) -> str:
    """How far what was predicted for more processes than the costs are from is away from what was measured."""
    said = [
        f"{what} by {number} processes {_ratio(measured, phase, number)}"
        for phase, what in (("placed", "placed"), ("cooked", "cooked"))
        for number in PROCESSES[2:]
    ]
    return _wrapped(f"Predicted over measured, medians of the rounds: {'; '.join(said)}.")


def _ratio(measured: Measured, phase: str, number: int) -> str:
    return f"{statistics.median(measured.ratios(phase, number)):.2f}"


def _cores(measured: Measured, *parts: str) -> str:
    """How many cores these parts use for a thousand orders a second."""
    return f"{1_000 * sum(each[part] for each in measured.parts.values() for part in parts):.1f}"


def _too_little(rate: float) -> str:
    more = [f"{each:,}" for each in RATES if each > rate]
    return f", too little for {', '.join(more)}" if more else ""


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _round(value: float) -> str:
    """To two digits: the model knows no more."""
    return f"{float(f'{value:.2g}'):,.0f}"


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1e3:.3f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
