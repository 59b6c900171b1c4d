"""How long orders stay in each step: rules on plain values. Durations are seconds.

An order counts once in a step, when it has left it for the next one: with all the time that it spent there, so
that one which was called back to the kitchen counts with both cookings. One that was cancelled, or failed, in a
step does not count there. It counts on the day on which it was placed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from common.orders.lifecycle import (
    COMPLETED,
    COOKING,
    DELIVERY,
    ORDER_TYPES,
    OUT_FOR_DELIVERY,
    READY,
    RECEIVED,
)

#: With fewer orders than this there is no p95: it would be the slowest of them, and say nothing of the others.
MIN_ORDERS = 5
#: A p95 that is longer than the day before's by a quarter is worth a look.
WORSE_BY = 1.25


@dataclass(frozen=True)
class Step:
    """A part of an order's way: it is in `status` until it goes on to one of `following`."""

    name: str
    status: str
    following: tuple[str, ...]
    order_types: tuple[str, ...] = ORDER_TYPES


STEPS = (
    Step("Waiting", RECEIVED, (COOKING,)),
    Step("Cooking", COOKING, (READY,)),
    Step("Handing over", READY, (OUT_FOR_DELIVERY, COMPLETED)),
    Step("On the way", OUT_FOR_DELIVERY, (COMPLETED,), (DELIVERY,)),
)


@dataclass(frozen=True)
class Passage:
    """How long `orders` orders took: half of them at most `median`, 95 in 100 at most `p95`."""

    orders: int
    median: float
    p95: float | None

    @classmethod
    def of(cls, orders: int, median: float, p95: float) -> "Passage":
        """Without a p95 if there are too few."""
        return cls(orders, median, p95 if orders >= MIN_ORDERS else None)


@dataclass(frozen=True)
class Line:
    """One step of one type of order, on the day and the day before; None where no order has passed it."""

    step: Step
    order_type: str
    day: Passage | None
    before: Passage | None

    @property
    def is_worse(self) -> bool:
        """The p95 is longer than the day before's by a quarter or more."""
        if self.day is None or self.before is None or self.day.p95 is None or self.before.p95 is None:
            return False
        return self.day.p95 >= self.before.p95 * WORSE_BY and self.day.p95 > self.before.p95


#: By the status and the type.
Passages = Mapping[tuple[str, str], Passage]


def lines(day: Passages, before: Passages) -> list[Line]:
    """All steps, in an order's way, each for all types that have it."""
    return [
        Line(step, order_type, day.get((step.status, order_type)), before.get((step.status, order_type)))
        for step in STEPS
        for order_type in step.order_types
    ]


def longest(shown: list[Line]) -> float:
    """The longest time among them; 0 when there is none."""
    passages = [passage for line in shown for passage in (line.day, line.before) if passage is not None]
    return max((passage.p95 or passage.median for passage in passages), default=0.0)
