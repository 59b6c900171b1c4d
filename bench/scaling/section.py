"""`make bench ONLY=scaling`: measures, lets the model predict, and writes what docs/scaling.md shows."""

import os
import re
from pathlib import Path

from bench.drivers import ROOT
from bench.plan import Plan
from bench.report import table
from bench.scaling import counting, limits, page, plot
from bench.scaling.measured import FILE, Measured, measured
from bench.scaling.prediction import Round
from bench.stack import Stack
from devstack.processes import say

PAGE = ROOT / "docs/scaling.md"
PLOT = ROOT / "docs/scaling.svg"


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text. Unless it was only to be seen whether it works, also writes the page's
    figures, its plot, and the file that both are made of."""
    counting.make_template(stack)
    rounds = []
    for number in range(plan.rounds):
        say(f"scaling: round {number + 1} of {plan.rounds}")
        rounds.append(_round(stack, plan, is_reversed=number % 2 == 1))
    found = measured(_machine(), rounds)
    if plan.writes:
        FILE.write_text(found.as_json())
        kept = Measured.read(FILE.read_text())
        PAGE.write_text(page.filled(PAGE.read_text(), page.parts(kept)))
        PLOT.write_text(plot.drawn(kept))
    return _text(found)


def _round(stack: Stack, plan: Plan, *, is_reversed: bool) -> Round:
    """There and back, so that nothing is always what comes after the same other."""
    numbers = sorted(counting.PROCESSES, reverse=is_reversed)
    with stack.site() as site:
        flush, log = limits.commit_seconds(site), limits.log_bandwidth(stack.folder)
        numbering = limits.numbering(site, plan.seconds)
    reads = counting.read(stack, plan)
    apart = {each: counting.placed_apart(stack, plan, each) for each in numbers if each in counting.FEW_PROCESSES}
    more = {each: counting.placed(stack, plan, each) for each in numbers if each not in apart}
    most = max(counting.FEW_PROCESSES)
    cooked = {each: counting.cooked(stack, plan, each, with_queues=each == most) for each in numbers}
    return Round(
        cores=len(os.sched_getaffinity(0)),
        reads=reads,
        alone=[run for each in apart.values() for run in each.alone],
        sent=[each.sent for each in apart.values()],
        placed={each: apart[each].placed if each in apart else more[each] for each in counting.PROCESSES},
        cooked={each: run for each, (run, _) in cooked.items()},
        flush=flush,
        numbering=numbering,
        log=log,
        queues=cooked[most][1],
    )


def _machine() -> str:
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{models[0] if models else 'unknown'}, {len(os.sched_getaffinity(0))} cores"


def _text(found: Measured) -> str:
    return f"""\
What docs/scaling.md says in full; that page's figures and its plot are of this run. Placed: {counting.CONNECTIONS}
connections order as fast as they are answered, at so many processes of order_service, one of which is the relay,
too. Cooked: so many workers cook in no time what waits in the queues, while one process of order_service sends and
one of notifier_service tells. Crowding: the CPU time of reading a status at so many processes of tracking_service,
in parts of what it is at as many as there are cores. Predicted: by what an order cost in that round's runs with
one process and with two, and that round's crowding.

{page.rates(found)}

What an order costs, with two processes:

{page.costs(found)}

Orders a second, placed and cooked, at which a single one of a part is full:

{table(["part", "orders/s"], [[page.NAMES[part], f"{rate:,.0f}"] for part, rate in found.limits.items()])}
"""
