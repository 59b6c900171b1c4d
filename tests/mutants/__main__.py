"""`make mutants`: takes each mechanism of `table` out of a copy of the code, and sees whether its test notices.

A mechanism whose test passes without it holds nothing: it is named, and the exit code is 1.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devstack.launcher import CHECKOUT
from tests.mutants.table import MUTANTS, Mutant

_SECONDS = 300  # that one mutant's test may take
_TIMEOUT = "timeout=180"  # so that one which hangs has failed by then
_FAILED = 1  # pytest's exit code for tests that failed; others mean that none was run
_say = threading.Lock()


def caught(mutant: Mutant) -> str | None:
    """None when the mutant's test fails, as it must; else what happened."""
    with tempfile.TemporaryDirectory(prefix="expedite.mutant.") as folder:
        copy = Path(folder) / "expedite"
        files = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60,
        ).stdout.splitlines()  # fmt: skip
        for name in files:
            if (CHECKOUT / name).exists():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(CHECKOUT / name, copy / name)
        source = copy / mutant.file
        text = source.read_text()
        if text.count(mutant.code) != 1:
            return f"{mutant.file} does not hold the mechanism once: is the table out of date?"
        source.write_text(text.replace(mutant.code, mutant.without))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-o", _TIMEOUT, mutant.test],
            cwd=copy, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PATIENCE": "1", "TMPDIR": folder},
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    if done.returncode == _FAILED:
        return None
    return "its test passes" if done.returncode == 0 else f"its test did not run:\n{done.stdout[-1500:]}"


def judge(mutant: Mutant) -> bool:
    """Says what became of a mutant; true when it was caught."""
    try:
        trouble = caught(mutant)
    except subprocess.TimeoutExpired:
        trouble = f"its test did not end within {_SECONDS} s"
    with _say:
        verdict = "caught " if trouble is None else "MISSED "
        print(f"{verdict} {mutant.name}\n          {mutant.test}", flush=True)  # noqa: T201
        if trouble is not None:
            print(f"          {trouble}\n          nothing holds: {mutant.guarantee}", flush=True)  # noqa: T201
    return trouble is None


def main() -> int:
    """Runs the command line; gives the exit code."""
    parser = argparse.ArgumentParser(prog="mutants", description="Takes out each mechanism, one at a time.")
    parser.add_argument("--only", default="", help="only those whose name contains this")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    arguments = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if arguments.only in mutant.name]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        verdicts = list(pool.map(judge, chosen))
    print(f"{sum(verdicts)} of {len(chosen)} were caught")  # noqa: T201
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
