"""`python -m devstack run`: all of Expedite on one machine, until Ctrl-C. `python -m devstack demo`: an evening in
fast motion."""

import argparse
import subprocess
import sys
import time
from contextlib import suppress
from typing import NoReturn

from devstack import launcher
from devstack.demo.performance import perform
from devstack.greeting import greet
from devstack.processes import DevstackError
from devstack.running import running
from devstack.stopping import StopRequestedError, StopSignals


def run(signals: StopSignals) -> NoReturn:
    """Starts everything, says how to use it, and stays until it is told to stop. Raises as `running` does."""
    with running(launcher.CHECKOUT, signals, {}) as expedite:
        greet(expedite)
        while True:
            expedite.supervisor.check()
            time.sleep(0.2)


def _minutes(text: str) -> float:
    with suppress(ValueError):
        if 0.5 <= (minutes := float(text)) <= 120:
            return minutes
    raise argparse.ArgumentTypeError("has to be 0.5 to 120")


def main() -> int:
    """Runs the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="devstack", description="Expedite on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start everything, until Ctrl-C")
    demo = commands.add_parser("demo", help="start everything, and play an evening in fast motion")
    demo.add_argument("--minutes", type=_minutes, default=10.0, help="that it lasts, 0.5 to 120; 10")
    demo.add_argument("--seed", type=int, help="that decides what is left to chance; random")
    arguments = parser.parse_args()
    signals = StopSignals()
    try:
        if arguments.command == "run":
            run(signals)
        perform(launcher.CHECKOUT, signals, arguments.minutes, arguments.seed)
        return 0
    except StopRequestedError:
        return 0
    except (DevstackError, OSError, subprocess.TimeoutExpired) as error:
        print(f"devstack: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
