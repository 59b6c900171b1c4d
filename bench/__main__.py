"""`python -m bench`: measures, prints tables, and writes bench/RESULTS.md."""

import argparse
import datetime
import importlib.metadata
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench import growth, intake, kitchen, live, memory, operating, standby, stations, tracking
from bench.drivers import ROOT, BenchError, wrk_version
from bench.plan import QUICK, Plan
from bench.report import updated
from bench.revisions import commit_of, described_checkout
from bench.scaling import section as scaling
from bench.stack import RESTING, Stack, running
from devstack.processes import DevstackError, say

RESULTS = ROOT / "bench/RESULTS.md"
_MIN_ROUNDS = 5
_PARTS: dict[str, Callable[[Stack, Plan], str]] = {
    "intake": intake.run,
    "tracking": tracking.run,
    "live": live.run,
    "kitchen": kitchen.run,
    "stations": stations.run,
    "operating": operating.run,
    "growth": growth.run,
    "standby": standby.run,
    "memory": memory.run,
    "scaling": scaling.run,
}
_COMPARED = ("intake", "tracking")  # what --against measures twice
_TITLES = [part.capitalize() for part in _PARTS]


def main() -> int:
    """Runs the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description="Measures Expedite on this machine.")
    parser.add_argument("--only", help=f"parts of: {', '.join(_PARTS)}")
    parser.add_argument("--against", help=f"a git revision to measure beside this code: {', '.join(_COMPARED)}")
    parser.add_argument("--rounds", type=int, help=f"at least {_MIN_ROUNDS}")
    parser.add_argument("--orders", type=int, help="of growth: how many a full table has, in place of its sizes")
    parser.add_argument("--minutes", type=float, help="how long memory is watched")
    parser.add_argument("--quick", action="store_true", help="only see whether it works; writes nothing")
    given = parser.parse_args()
    possible = _PARTS if given.against is None else _COMPARED
    parts = given.only.split(",") if given.only else list(possible)
    if unknown := set(parts) - set(_PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if apart := set(parts) - set(possible):
        parser.error(
            f"only {' and '.join(_COMPARED)} can be measured against a revision: {', '.join(sorted(apart))}"
        )
    if given.rounds is not None and given.rounds < _MIN_ROUNDS and not given.quick:
        parser.error(f"the range of less than {_MIN_ROUNDS} rounds says little")
    plan = QUICK if given.quick else Plan()
    plan = replace(plan, rounds=given.rounds or plan.rounds, memory_minutes=given.minutes or plan.memory_minutes)
    plan = replace(plan, scaling_rounds=given.rounds or plan.scaling_rounds)
    if given.orders:
        plan = replace(plan, growth=(plan.growth[0], given.orders))
    # Whatever asks us to end, what we started is ended first.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        before = None if given.against is None else commit_of(given.against)
        with running(before) as stack:
            chosen = [part for part in _PARTS if part in parts]
            _measure(stack, plan, chosen, before, RESULTS if not given.quick else None)
    except KeyboardInterrupt:
        return 130
    except (BenchError, DevstackError, subprocess.TimeoutExpired) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(stack: Stack, plan: Plan, parts: list[str], before: str | None, results: Path | None) -> None:
    """Measures part by part; a part that is done is kept when a later one fails."""
    head = _head(stack)
    say(head)
    for part in parts:
        began, restless = time.monotonic(), stack.restless
        own = plan.of(part)
        body = _PARTS[part](stack, own)
        circumstances = _circumstances(own, part, before, time.monotonic() - began, stack.restless - restless)
        section = f"{circumstances}\n\n{body}"
        say(f"\n## {part.capitalize()}\n\n{section}")
        if results is not None:
            old = results.read_text() if results.exists() else ""
            results.write_text(updated(old, head, _TITLES, {part.capitalize(): section}))


def _head(stack: Stack) -> str:
    """What the figures are of. With another head, older sections are not comparable."""
    libraries = {name: importlib.metadata.version(name) for name in ("nameko", "eventlet", "SQLAlchemy")}
    versions = {
        "Python": platform.python_version(),
        **libraries,
        **stack.versions(),
        "wrk": wrk_version(),
        "Linux": platform.release(),
    }
    return f"""\
# What it does in a second

Written by `make bench`. Everything runs on one machine, and shares its cores: PostgreSQL (durable: fsync and
full_page_writes on, 300 connections, all else its default), RabbitMQ, the services, and what makes the load. A
figure is the median of its rounds, with the range in brackets. Variants take turns within each round, but
connections and clients come in ascending order; a ratio is of figures of the same round. Settings are the defaults
of config.yml where nothing else is said; log lines are written to memory. Every database is a new copy, and is
used when the disk has come to rest, for which there is a minute: {RESTING}.

{_machine()}.
{", ".join(f"{name} {version}" for name, version in versions.items())}.
"""


def _machine() -> str:
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    [memory_kib] = re.findall(r"^MemTotal:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    cores = len(os.sched_getaffinity(0))
    model = models[0] if models else platform.machine()
    return f"{model}, {cores} cores, {int(memory_kib) / 2**20:.0f} GiB of memory"


def _circumstances(plan: Plan, part: str, before: str | None, seconds: float, restless: int) -> str:
    times = f"{plan.rounds} rounds, loads of {plan.seconds:g} s" if part != "memory" else "One run"
    day = datetime.datetime.now(datetime.UTC).date()
    noise = f"; {restless} times the disk did not come to rest" if restless else ""
    now = described_checkout(RESULTS)
    code = f"commit {now}" if before is None else f"`before` is commit {before}, `now` is commit {now}"
    return f"{times}, in {seconds / 60:.0f} minutes{noise}; {day}, {code}{_changed_settings()}."


def _changed_settings() -> str:
    """The settings of config.yml that this environment changes: services inherit it."""
    names = re.findall(r"\$\{(\w+):", (ROOT / "config.yml").read_text())
    ours = re.compile(r"DATABASE_URL|AMQP_URI|SECRET_KEY|(PUBLIC|KITCHEN|TRACKING)_URL|\w+_ADDRESS")
    changed = sorted({name for name in names if name in os.environ and not ours.fullmatch(name)})
    return "".join(f", {name}={os.environ[name]}" for name in changed)


if __name__ == "__main__":
    sys.exit(main())
