"""`python -m tests.faults.soak --orders 10000`: every fault in turn, under a load of orders, on one stack.

Prints the balance of each fault and of all together; exits with 1 unless all of them are even and everything
came back by itself within 10 seconds.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from unittest import mock

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.conftest import migrate
from tests.faults.books import Balance
from tests.faults.clock import Clock
from tests.faults.faults import FAULTS, Fault, clock_fault
from tests.faults.riding_out import Outcome, ride_out
from tests.faults.stack import Stack

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
    clock = Clock(folder)
    postgres, rabbitmq = Postgres(folder / "postgres"), RabbitMQ(folder / "rabbitmq")
    with mock.patch.dict(os.environ, clock.environment):
        postgres.start()
    try:
        rabbitmq.start()
        migrate(postgres.url)
        stack = Stack(postgres, rabbitmq, postgres.url, rabbitmq.add_vhost("soak"), **clock.environment)
        try:
            faults = [fault for fault in (*FAULTS, clock_fault(clock)) if only in fault.name]
            return _ride_out_all(stack, faults, orders)
        finally:
            with logs.open("w") as file, contextlib.redirect_stdout(file):
                for process in stack.expedite.processes:
                    sys.stdout.writelines(f"{process.service} {process.pid} {line}\n" for line in process.lines)
                stack.close()
    finally:
        rabbitmq.stop()
        postgres.stop()


def _ride_out_all(stack: Stack, faults: list[Fault], orders: int) -> int:
    _say(_ROW.format("fault", "accepted", "lost", "doubled", "stuck", "other", "back in"))
    total, failures = Balance(), []
    for position, fault in enumerate(faults):
        share = orders // len(faults) + (position < orders % len(faults))
        try:
            outcome = ride_out(stack, fault, share, fault.long, _PATIENCE)
        except AssertionError as failure:
            failures.append(f"{fault.name}: {failure}")
            _say(f"{fault.name:38} FAILED: {failure}")
            stack.heal()
            continue
        total += outcome.balance
        _say(_line(fault.name, outcome.balance, f"{outcome.recovered:.1f} s"))
        failures += _failures(outcome)
    _say(_line("all together", total, ""))
    _say(f"\n{total}\n")
    for failure in failures:
        _say(failure)
    _say("not even" if failures else "even: nothing is lost, doubled or stuck")
    return 1 if failures else 0


def _failures(outcome: Outcome) -> list[str]:
    found = [] if outcome.balance.is_even else [f"{outcome.fault}:\n{outcome.balance}"]
    if outcome.recovered > BACK_WITHIN:
        found.append(f"{outcome.fault}: it took {outcome.recovered:.1f} s to come back")
    return [*found, *outcome.wrong]


def _line(name: str, balance: Balance, recovered: str) -> str:
    other = balance.uneven - balance.lost - balance.doubled - balance.stuck
    return _ROW.format(name, balance.accepted, balance.lost, balance.doubled, balance.stuck, other, recovered)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
