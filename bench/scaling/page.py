"""The figures of docs/scaling.md: what stands there between two marks, and nothing else of the page."""

from collections.abc import Mapping

from bench.report import spread, table
from bench.scaling.counting import PROCESSES
from bench.scaling.growth import RATES
from bench.scaling.measured import Measured

#: What the parts are called of which there is one.
NAMES = {
    "numbering": "the row that numbers the day",
    "commits": "commits, one after the other",
    "relay": "the relay",
    "queue": "a kitchen queue",
    "notifier": "a notifier's console",
    "log": "the disk of PostgreSQL's log",
}
_PROCESSES = {"order": "order_service", "kitchen": "kitchen_service", "notifier": "notifier_service"}
# The part's name, and what an operator does when one is full.
_REMEDIES = {
    "notifier": "Orders do not wait for it. Each process prints every change, so a second one does not help; what one "
    "cannot print within five minutes, or of more than 10,000 changes, is left out. Letters and webhooks are shared: "
    "`docker compose up --detach --scale notifier=2`. Else other houses",
    "relay": "One leads for a database, and nothing divides its outbox. Other houses",
    "commits": "Each tells somebody (`NOTIFY`), and PostgreSQL makes one such commit after the other. Fewer and larger "
    "ones: many stations in one process (`STATIONS`), whose moves share transactions; and a faster disk. Then other "
    "houses",
    "numbering": "Larger transactions: few processes of `order_service`, all busy. Then other houses",
    "queue": "There is one for each type of order, so this is of one type. A cluster of three (`QUEUE_TYPE=quorum`) is "
    "for one node that dies, and makes no queue faster. Other houses",
    "log": "A faster disk. Other houses",
}


def parts(measured: Measured) -> dict[str, str]:
    """What stands in each of the page's marked parts."""
    return {
        "rates": rates(measured),
        "costs": costs(measured),
        "limits": limits(measured),
        "growth": growth(measured),
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
    return f"{measured.machine}; {measured.rounds} rounds.\n\n{table(heads, rows)}"


def costs(measured: Measured) -> str:
    """What an order costs each part."""
    names = [*dict.fromkeys([*measured.parts["placed"], *measured.parts["cooked"]])]
    rows = [
        [
            f"{_PROCESSES.get(name, name)}: CPU ms",
            *(_ms(measured.parts[phase].get(name)) for phase in measured.parts),
        ]
        for name in names
    ]
    together = [sum(measured.parts[phase].values()) for phase in measured.parts]
    rows.append(["together: CPU ms", *map(_ms, together)])
    rows += [
        [name, *(_number(measured.made[phase][name]) for phase in measured.made)]
        for name in measured.made["placed"]
    ]
    each = measured.costs
    return f"""\
{table(["for an order", "that is placed", "that is cooked"], rows)}

Of `order_service`'s time a request costs {_ms(each.request)} ms, and each transaction {_ms(each.transaction)} ms; of
PostgreSQL's an order {_ms(each.row)} ms, and each transaction {_ms(each.statement)} ms. A commit is on disk after
{_ms(each.flush)} ms."""


def limits(measured: Measured) -> str:
    """What is full when, and what is done then."""
    rows = [
        [NAMES[name], f"{_round(rate)}", _too_little(rate), _REMEDIES[name]]
        for name, rate in measured.limits.items()
    ]
    return table(["part", "full at orders/s", "too little for", "what is done then"], rows)


def growth(measured: Measured) -> str:
    """What one house makes of each rate, and what houses there must be."""
    rows = []
    for step in measured.grown:
        name, share = max(step.share.busy.items(), key=lambda each: each[1])
        rows.append(
            [
                f"{step.rate:,}",
                f"{_round(step.one.placed)}, {_round(step.one.ready)}, {_round(step.one.told)}",
                f"{step.houses:,}",
                f"{_round(step.share.ready)}",
                f"{NAMES[name]}, {share:.0%}",
                f"{step.order_processes:,}",
                f"{step.kitchen_processes:,}",
                f"{_round(step.cores)}",
            ]
        )
    heads = [
        "orders/s",
        "one house: placed, ready, told a second",
        "houses",
        "each: orders/s",
        "busiest there",
        "`order_service`",
        "`kitchen_service`",
        "cores",
    ]
    return table(heads, rows)


def _too_little(rate: float) -> str:
    return ", ".join(f"{each:,}" for each in RATES if each > rate) or "–"


def _round(value: float) -> str:
    """To two digits: the model knows no more."""
    return f"{float(f'{value:.2g}'):,.0f}"


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1e3:.3f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
