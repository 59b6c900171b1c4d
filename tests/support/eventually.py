"""Waiting, in the only way that tests here wait."""

import time
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")


def eventually(probe: Callable[[], _Result], within: float = 10.0, every: float = 0.05) -> _Result:
    """Call `probe` until it returns something true, and return that.

    An AssertionError, OSError or KeyError inside counts as not yet. Fails after `within` seconds, with the last
    reason.
    """
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
            raise AssertionError(f"not within {within} s; {reason}")
        time.sleep(every)
