"""Waiting, in the only way that tests here wait."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")

#: How many times as long as something should take is waited for it: machines on which tests run do much else.
#: Only a test that fails takes longer by that, so `make mutants`, whose tests do, sets it to 1.
PATIENCE = float(os.environ.get("PATIENCE", "3"))


def eventually(probe: Callable[[], _Result], within: float = 10.0, every: float = 0.05) -> _Result:
    """Call `probe` until it returns something true, and return that.

    An AssertionError, OSError or KeyError inside counts as not yet. Fails after PATIENCE times `within` seconds,
    with the last reason.
    """
    within *= PATIENCE
    deadline = time.monotonic() + within
    while True:
        reason: object = "it was never true"
        try:
            result = probe()
            if result:
                return result
            reason = f"last it was {result!r}"
        except (AssertionError, OSError, KeyError) as exc:
            reason = f"{type(exc).__name__}: {exc}"
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s; {reason}")
        time.sleep(every)
