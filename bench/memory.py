"""Whether the processes grow under a steady load."""

import signal
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from bench import drivers
from bench.drivers import Load
from bench.intake import PACED
from bench.plan import MIXED, Plan
from bench.report import table
from bench.stack import Stack
from bench.tracking import numbers
from devstack.processes import end, say

_RATE = 100  # orders a second, and as many reads
_WORKERS = 2
_TEMPLATE = "remembered"
# What counts as flat: the mean of the last quarter is no more than this above that of the second.
_SHARE, _MEBIBYTES = 0.02, 1.0


def run(stack: Stack, plan: Plan) -> str:
    """Measures, once, for plan.memory_minutes; gives the section's text."""
    say(f"memory: {plan.memory_minutes:g} minutes")
    seconds = plan.memory_minutes * 60
    stack.make_template(_TEMPLATE, MIXED, MIXED)
    with stack.site(_TEMPLATE) as site:
        pids = {"order_service": site.start("order")[0], "tracking_service": site.start("tracking")[0]}
        pids["notifier_service"] = site.start("notifier")[0]
        for place, pid in enumerate(site.start_workers(_WORKERS), 1):
            pids[f"kitchen_service, worker {place}"] = pid
        site.wait_for_workers(_WORKERS)
        pids["RabbitMQ"] = stack.rabbitmq.pid
        asked = numbers(site)
        seen: dict[str, list[float]] = {name: [resident(pid)] for name, pid in pids.items()}
        logs = {script: site.folder / f"{script}.log" for script in ("orders.lua", "statuses.lua")}
        running = [
            drivers.in_background(
                script,
                url,
                argument,
                connections=PACED,
                seconds=seconds,
                rate=_RATE,
                log=logs[script],
            )
            for script, url, argument in (
                ("orders.lua", site.url("order"), "0"),
                ("statuses.lua", site.url("tracking"), str(asked)),
            )
        ]
        try:
            ends = time.monotonic() + seconds
            while (left := ends - time.monotonic()) > 0:
                time.sleep(min(plan.memory_sample, left))
                site.check()
                for name, pid in pids.items():
                    seen[name].append(resident(pid))
            for load in running:
                load.wait(30)
        finally:
            for load in running:
                if load.poll() is None:
                    end(load, signal.SIGKILL, 10)
        orders, reads = (drivers.read_wrk(log.read_text()) for log in logs.values())
    stack.drop_template(_TEMPLATE)
    return _text(seen, orders, reads, plan)


def resident(pid: int) -> float:
    """A process's resident memory, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def is_flat(samples: Sequence[float]) -> bool:
    """Whether memory (MiB, equally spaced in time) has stopped growing. The first quarter is warming up."""
    quarter = max(1, len(samples) // 4)
    second, last = statistics.mean(samples[quarter : 2 * quarter]), statistics.mean(samples[-quarter:])
    return last - second <= max(_MEBIBYTES, second * _SHARE)


def _text(seen: dict[str, list[float]], orders: Load, reads: Load, plan: Plan) -> str:
    rows = [
        [
            name,
            *(f"{value:.1f}" for value in (samples[0], samples[len(samples) // 2], samples[-1], max(samples))),
            "yes" if is_flat(samples) else "no",
        ]
        for name, samples in seen.items()
    ]
    return f"""\
Resident memory (VmRSS) in MiB, under {orders.rate:.0f} orders/s (COOKING_SPEED=0) and {reads.rate:.0f} reads/s,
sampled every {plan.memory_sample:g} s. {orders.answered:,} orders were taken and {reads.answered:,} statuses
read, with {orders.errors + reads.errors} errors. Flat: the mean of the last quarter of the time is at most
{_SHARE:.0%} or {_MEBIBYTES:g} MiB above that of the second. What grows more slowly is not seen in
{plan.memory_minutes:g} minutes.

{table(["process", "at the start", "half-way", f"after {plan.memory_minutes:g} min", "highest", "flat"], rows)}
"""
