"""A load, a fault in the middle of it, and the balance."""

import time
from dataclasses import dataclass

from tests.soak.books import Balance, balance, opening
from tests.soak.faults import Fault
from tests.soak.load import Load
from tests.support.eventually import eventually
from tests.support.stack import NOTIFIER, ORDER, TRACKING, Stack

_MARGIN = 3.0  # seconds of load around the fault
_RATE = 30.0  # orders a second at most; what two cores can cook beside the load


@dataclass(frozen=True)
class Outcome:
    """`recovered` is the time from the mending until an order that was placed then had gone all its way."""

    fault: str
    balance: Balance
    recovered: float
    wrong: list[str]


def ride_out(stack: Stack, fault: Fault, orders: int, seconds: float, back_within: float) -> Outcome:
    """Break something for `seconds` in the middle of a load of `orders`, and mend it.

    Fails when the stack has not recovered within `back_within` seconds of the mending.
    """
    rate = min(_RATE, orders / (seconds + _MARGIN))
    load = Load(stack.addresses(ORDER), stack.addresses(TRACKING), orders, rate)
    notifiers, books = stack.of(NOTIFIER), opening(stack.expedite)
    load.start()
    try:
        eventually(lambda: len(load.placed) >= orders / 5, 60)
        with fault.strike(stack):
            time.sleep(seconds)
        recovered = stack.seconds_to_recover(back_within)
        load.wait(within=150 + orders / rate)
    finally:
        load.stop()
    lived = [each for each in notifiers if each in stack.of(NOTIFIER)]
    result = balance(stack.expedite, load, lived, books)
    ended = stack.ended()
    result.ended = len(ended)
    said = [line for process in ended for line in process.lines[-10:]]
    return Outcome(fault.name, result, recovered, [*load.wrong, *said])
