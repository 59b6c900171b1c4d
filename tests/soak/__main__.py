"""`python -m tests.soak --orders 10000`: every fault in turn, under a load of orders, on one stack
(and the clock on another, that lives by a clock of its own).

Prints the balance of each fault and of all together; exits with 1 unless all of them are even and everything
came back by itself within 10 seconds.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from devstack.launcher import migrate
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.soak.books import Balance
from tests.soak.faults import CLOCK_FAULT, FAULTS, Fault, clock_fault
from tests.soak.riding_out import Outcome, ride_out
from tests.support.stack import Stack, stack_with_clock

BACK_WITHIN = 10.0  # seconds from the return of what was away
_PATIENCE = 60.0  # seconds until it counts as not come back at all
_ROW = "{:38} {:>8} {:>6} {:>8} {:>6} {:>6} {:>8}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Every fault in turn under load, and the balance.")
    parser.add_argument("--orders", type=int, default=10_000, help="orders in all")
    parser.add_argument("--only", default="", help="faults with this text in their names")
    parser.add_argument("--logs", type=Path, default=os.devnull, help="where to write what the services said")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is ended
    with tempfile.TemporaryDirectory(prefix="expedite-soak-") as folder:
        return _soak(Path(folder), arguments.orders, arguments.only, arguments.logs)


def _soak(folder: Path, orders: int, only: str, logs: Path) -> int:
    faults = [fault for fault in FAULTS if only in fault.name]
    with_clock = only in CLOCK_FAULT
    report = Report()
    shares = _shares(orders, len(faults) + with_clock)
    postgres, rabbitmq = Postgres(folder / "postgres"), RabbitMQ(folder / "rabbitmq")
    # What the services said is of use to whoever looks for a fault, and to nobody else.
    with logs.open("w") as file, contextlib.redirect_stdout(file):
        try:
            postgres.start()
            rabbitmq.start()
            migrate(postgres.url)
            if faults:
                stack = Stack(postgres, rabbitmq, postgres.url, rabbitmq.add_vhost("soak"))
                try:
                    for fault in faults:
                        report.ride_out(stack, fault, next(shares))
                finally:
                    for process in stack.expedite.processes:
                        file.writelines(f"{process.service} {process.pid} {line}\n" for line in process.lines)
                    stack.close()
            if with_clock:
                with stack_with_clock(folder / "clock", rabbitmq, rabbitmq.add_vhost("clock")) as (stack, clock):
                    report.ride_out(stack, clock_fault(clock), next(shares))
        finally:
            rabbitmq.stop()
            postgres.stop()
    return report.close()


def _shares(orders: int, faults: int) -> Iterator[int]:
    return (orders // faults + (position < orders % faults) for position in range(faults))


class Report:
    """Prints a line for each fault, and the sum at the end."""

    def __init__(self) -> None:
        self._total = Balance()
        self._failures: list[str] = []
        _say(_ROW.format("fault", "accepted", "lost", "doubled", "stuck", "other", "back in"))

    def ride_out(self, stack: Stack, fault: Fault, orders: int) -> None:
        try:
            outcome = ride_out(stack, fault, orders, fault.long, _PATIENCE)
        except (AssertionError, subprocess.TimeoutExpired) as failure:
            self._failures.append(f"{fault.name}: {failure}")
            _say(f"{fault.name:38} FAILED: {failure}")
            stack.heal()
            return
        self._total += outcome.balance
        self._failures += _failures(outcome)
        _say(_line(fault.name, outcome.balance, f"{outcome.recovered:.1f} s"))
        stack.heal()

    def close(self) -> int:
        """The exit code."""
        _say(_line("all together", self._total, ""))
        _say(f"\n{self._total}\n")
        for failure in self._failures:
            _say(failure)
        _say("not even" if self._failures else "even: nothing is lost, doubled or stuck")
        return 1 if self._failures else 0


def _failures(outcome: Outcome) -> list[str]:
    found = [] if outcome.balance.is_even else [f"{outcome.fault}:\n{outcome.balance}"]
    if outcome.recovered > BACK_WITHIN:
        found.append(f"{outcome.fault}: it took {outcome.recovered:.1f} s to come back")
    return [*found, *outcome.wrong]


def _line(name: str, balance: Balance, recovered: str) -> str:
    other = balance.uneven - balance.lost - balance.doubled - balance.stuck
    return _ROW.format(name, balance.accepted, balance.lost, balance.doubled, balance.stuck, other, recovered)


def _say(text: str) -> None:
    assert sys.__stdout__ is not None
    sys.__stdout__.write(f"{text}\n")
    sys.__stdout__.flush()


if __name__ == "__main__":
    sys.exit(main())
