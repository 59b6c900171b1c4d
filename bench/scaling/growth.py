"""What gives out first when more orders come than one machine could place: rules on measured values.

A house here is what one database and one virtual host serve. Its cores and processes are as many as it needs; what
there is one of in it is what gives out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.scaling import loads
from bench.scaling.loads import Carried
from bench.scaling.model import MOVES, Costs

#: Orders a second.
RATES = (1_000, 10_000, 100_000)
MESSAGES = 1 + MOVES  # of an order that is placed and cooked: its ticket, cooking, ready
#: The parts that orders wait for; the console tells late, and nothing else is late for it.
WAITED_FOR = ("numbering", "commits", "relay", "queue", "log")
_FULL = 0.8  # of what a part can do is what it is given: above it, what comes waits longer and longer
_BUSY = 0.7  # the same of processes
_ORDERS = 1_000  # that are simulated
_SECONDS = 1.0  # at least


@dataclass(frozen=True)
class Step:
    """A rate (orders a second): what one house makes of it, how many houses carry it, and what one of these makes
    of its share; processes and cores are of all houses together."""

    rate: int
    one: Carried
    houses: int
    share: Carried
    order_processes: int
    kitchen_processes: int
    cores: float


def limits(
    costs: Costs, *, numbering: float, relay: float, queue: float, log: float, wal: float
) -> dict[str, float]:
    """Orders a second, placed and cooked, at which a single one of each part is full, the first to be so first.

    `numbering` is orders a second, `relay` messages a second, `queue` the CPU seconds that its own process has for
    an order, `log` bytes a second, of which an order makes `wal`.
    """
    found = {
        "numbering": numbering,
        "commits": 1 / (MOVES * costs.flush),
        "relay": relay / MESSAGES,
        "queue": 1 / queue,
        "notifier": 1 / costs.notifier,
        "log": log / wal,
    }
    return dict(sorted(found.items(), key=lambda each: each[1]))


def grown(costs: Costs, limits: Mapping[str, float], rates: Sequence[int] = RATES) -> list[Step]:
    """What becomes of these rates. Messages go in large batches then, so each costs what it does in such."""
    full = replace(costs, cooked_relay=2 * costs.relay, cooked_relay_session=2 * costs.relay_session)
    most = min(limits[part] for part in WAITED_FOR) * _FULL
    steps = []
    for rate in rates:
        houses = math.ceil(rate / most)
        one, share = (_house(full, each) for each in (rate, rate / houses))
        orders, kitchens = _processes(full, rate / houses)
        steps.append(Step(rate, one, houses, share, houses * orders, houses * kitchens, houses * share.cores))
    return steps


def _house(costs: Costs, rate: float) -> Carried:
    orders, kitchens = _processes(costs, rate)
    seconds = max(_SECONDS, _ORDERS / rate)
    return loads.offered(costs, rate, orders=orders, kitchens=kitchens, seconds=seconds)


def _processes(costs: Costs, rate: float) -> tuple[int, int]:
    """How many processes of order_service and of kitchen_service are busy for _BUSY of their time, each order in a
    transaction of its own."""
    each = costs.request + costs.transaction
    return math.ceil(rate * each / _BUSY), math.ceil(rate * costs.worker / _BUSY)
