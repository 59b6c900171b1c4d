"""Loads on a model of Expedite: customers and workers who never rest, and orders that come at a rate."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import simpy

from bench.scaling.model import MOVES, Costs, House, Steps, Thread

_RUN_IN = 0.25  # of the counted time: that long it runs before


@dataclass(frozen=True)
class Rate:
    """What came of a load: orders a second, transactions for each, and how many cores were used."""

    orders: float
    transactions: float
    cores: float


def placed(
    costs: Costs, *, cores: float, processes: int, connections: int, crowding: float = 1.0, seconds: float = 2.0
) -> Rate:
    """Orders a second that `processes` of order_service place for customers who order again when they are
    answered, one on each of `connections`. The client is one thread."""
    env = simpy.Environment()
    house = House(env, costs, cores=cores, orders=processes, crowding=crowding)
    client = Thread(env, house.cores)

    def customer(number: int) -> Steps:
        while True:
            yield client.work(costs.client)
            yield from house.place(number % processes)

    for number in range(connections):
        env.process(customer(number))
    return _counted(env, house, seconds, lambda: house.placed)


def cooked(costs: Costs, *, cores: float, workers: int, crowding: float = 1.0, seconds: float = 2.0) -> Rate:
    """Orders a second that so many workers, each a process with one station, cook in no time, of orders that
    wait in their queues."""
    env = simpy.Environment()
    house = House(env, costs, cores=cores, kitchens=workers, crowding=crowding)

    def worker(number: int) -> Steps:
        while True:
            yield from house.cook(number)

    for number in range(workers):
        env.process(worker(number))
    return _counted(env, house, seconds, lambda: house.cooked)


def _counted(env: simpy.Environment, house: House, seconds: float, orders: Callable[[], int]) -> Rate:
    """Lets it run in, and counts."""
    env.run(until=_RUN_IN * seconds)
    before, transactions, used = orders(), house.transactions, house.cores.used
    env.run(until=(1 + _RUN_IN) * seconds)
    done = orders() - before
    return Rate(
        done / seconds, (house.transactions - transactions) / max(1, done), (house.cores.used - used) / seconds
    )


@dataclass(frozen=True)
class Carried:
    """What one house makes of orders that come at a rate: how many a second were placed, ready and told of by
    the notifier, how many messages more wait for the relay after a second, how many cores were used, and which
    share of the time each part was busy of which there is one."""

    placed: float
    ready: float
    told: float
    outbox: float
    cores: float
    busy: dict[str, float]


def offered(costs: Costs, rate: float, *, orders: int, kitchens: int, seconds: float) -> Carried:
    """Orders that come at `rate` a second and in equal steps, whether those before are done or not, and are
    cooked in no time. There are cores for whatever wants to run."""
    env = simpy.Environment()
    house = House(env, costs, cores=math.inf, orders=orders, kitchens=kitchens)

    def customer(number: int) -> Steps:
        sent = yield from house.place(number % orders)
        yield sent
        yield from house.cook(number % kitchens)

    def street() -> Steps:
        number = 0
        while True:
            env.process(customer(number))
            number += 1
            yield env.timeout(1 / rate)

    env.process(street())
    env.run(until=seconds * _RUN_IN)
    parts = {
        "numbering": house.numbering,
        "commits": house.commits,
        "relay": house.relay,
        "notifier": house.notifier,
    }
    busy = {name: part.busy for name, part in parts.items()}
    before = house.placed, house.cooked, house.told / MOVES, house.outbox, house.cores.used
    env.run(until=seconds * (1 + _RUN_IN))
    after = house.placed, house.cooked, house.told / MOVES, house.outbox, house.cores.used
    placed, ready, told, outbox, cores = ((now - was) / seconds for now, was in zip(after, before, strict=True))
    shares = {name: (part.busy - busy[name]) / seconds for name, part in parts.items()}
    return Carried(placed, ready, told, outbox, cores, shares)
