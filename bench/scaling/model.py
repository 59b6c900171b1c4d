"""A model of Expedite in discrete events: plain values in, plain values out.

What it knows. Cores are a few servers for whatever wants to run, in turns of some milliseconds. A process is one
thread, as eventlet has it. A process of order_service writes what waits, up to MAX_ROWS orders, in one
transaction at a time: so transactions become larger with the load, and how many there are is the model's result.
Transactions that place orders follow each other, each holding the row that numbers the day until its commit is
on disk; commits that tell somebody (NOTIFY) follow each other, those of moves too. One relay leads, and sends
what waits in the outbox, up to BATCH messages at a time. A kitchen process moves an order twice, waiting for its
ticket before; moves that come at once share a transaction.

What it assumes. Connections are dealt out evenly over processes, and so are tickets. Each part's work for an
order is always the same. Half of what RabbitMQ does for an order that is cooked the worker waits for, the rest
is done meanwhile. Processes that crowd the cores, and their sessions, work slower by a factor (`crowding`) that
is measured with another load. The disk takes each commit in the same time, and the relay waits for RabbitMQ for
the same time for each message.

What it does not know: networks, memory, vacuum and checkpoints, tables that grow, queues so long that RabbitMQ
pages them, requests that only read, letters and webhooks.
"""

import math
import sys
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]

MAX_ROWS = 100  # orders in one transaction: common/postgres/group_commit.py
BATCH = 500  # messages that the relay sends before it waits for their confirmations: common/outbox/relay.py
GATHER, BUSY = 0.01, 10  # seconds that it then lets messages gather, when there were so many
SENT_AT_ONCE = 50  # messages after which it lets its process do something else: common/outbox/publisher.py
MOVES = 2  # of an order that is cooked: cooking, ready
_TICKET, _MOVE = "ticket", "move"
_TURN = 0.003  # seconds, about, that Linux lets one run while others wait
_SHARE_WAITED_FOR = 0.5  # of RabbitMQ's work for an order that is cooked: what the worker waits for


@dataclass(frozen=True)
class Costs:
    """CPU seconds, but for `flush` and `confirm`, in which no core is used.

    Placing and cooking have costs of their own for what does something for both, since messages go in batches of
    other sizes.
    """

    # for each order that is placed
    client: float = 0.0  # what makes the load
    request: float = 0.0  # order_service: the request and its answer
    transaction: float = 0.0  # order_service, for each transaction
    row: float = 0.0  # PostgreSQL's session that writes, for each order
    statement: float = 0.0  # for each transaction
    relay: float = 0.0  # the relay, for its message
    relay_session: float = 0.0  # its session of PostgreSQL
    broker: float = 0.0  # RabbitMQ
    background: float = 0.0  # WAL writer and the rest of PostgreSQL
    # for each order that is cooked
    worker: float = 0.0  # kitchen_service
    move: float = 0.0  # PostgreSQL's session, for each of its two moves
    cooked_relay: float = 0.0  # for both messages
    cooked_relay_session: float = 0.0
    cooked_broker: float = 0.0
    cooked_background: float = 0.0
    notifier: float = 0.0
    # for each commit, and for each message
    flush: float = 0.0
    confirm: float = 0.0


class Cores:
    """So many cores, and for how many seconds they were used in all. An infinite number: nobody waits for one."""

    def __init__(self, env: simpy.Environment, cores: float) -> None:
        self._env = env
        self._cores = simpy.Resource(env, sys.maxsize if math.isinf(cores) else int(cores))
        self.used = 0.0

    def work(self, seconds: float) -> Steps:
        """Uses a core for so long, in turns when others want it."""
        while seconds > 0:
            turn = min(seconds, _TURN)
            seconds -= turn
            with self._cores.request() as core:
                yield core
                yield self._env.timeout(turn)
                self.used += turn

    def turn(self, waiting: deque[tuple[float, simpy.Event]]) -> Steps:
        """Uses a core for what waits, one thing after the other, for one turn or until nothing is left."""
        left = _TURN
        with self._cores.request() as core:
            yield core
            while waiting and left > 0:
                seconds, event = waiting.popleft()
                now = min(seconds, left)
                yield self._env.timeout(now)
                left -= now
                self.used += now
                if now < seconds:
                    waiting.appendleft((seconds - now, event))
                else:
                    event.succeed()


class Thread:
    """A process that is one thread: it does one thing after the other, and gives its core away when its turn is
    over or nothing is left."""

    def __init__(self, env: simpy.Environment, cores: Cores) -> None:
        self._env = env
        self._cores = cores
        self._waiting: deque[tuple[float, simpy.Event]] = deque()
        self._is_at_it = False

    def work(self, seconds: float) -> simpy.Event:
        """Has it do something; the event comes when that is done."""
        event = self._env.event()
        self._waiting.append((seconds, event))
        if not self._is_at_it:
            self._is_at_it = True
            self._env.process(self._run())
        return event

    def _run(self) -> Steps:
        while self._waiting:
            yield from self._cores.turn(self._waiting)
        self._is_at_it = False


class Single:
    """A part of which there is one, for one at a time: a lock, the lead. `busy` is for how many seconds somebody
    had it."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._resource = simpy.Resource(env, 1)
        self.busy = 0.0

    def held(self, steps: Steps) -> Steps:
        """Waits for its turn, does the steps, and lets the next one have it."""
        with self._resource.request() as turn:
            yield turn
            began = self._env.now
            yield from steps
            self.busy += self._env.now - began


@dataclass
class _Batcher:
    """What waits to be done together, and is, up to `most` at a time. Things are told apart by a word."""

    env: simpy.Environment
    most: int
    do: Callable[[Sequence[str]], Steps]
    waiting: deque[tuple[str, simpy.Event]] = field(default_factory=deque)
    batches: int = 0
    _is_at_it: bool = False

    def add(self, what: str) -> simpy.Event:
        """One more; the event comes when it is done."""
        event = self.env.event()
        self.waiting.append((what, event))
        if not self._is_at_it:
            self._is_at_it = True
            self.env.process(self._work())
        return event

    def _work(self) -> Steps:
        while self.waiting:
            batch = [self.waiting.popleft() for _ in range(min(len(self.waiting), self.most))]
            self.batches += 1
            yield from self.do([what for what, _ in batch])
            for _, event in batch:
                event.succeed()
        self._is_at_it = False


class House:
    """One database and one virtual host, with so many processes of order_service and of kitchen_service on so many
    cores."""

    def __init__(
        self,
        env: simpy.Environment,
        costs: Costs,
        *,
        cores: float,
        orders: int = 0,
        kitchens: int = 0,
        crowding: float = 1.0,
    ) -> None:
        self.env, self.costs, self.crowding = env, costs, crowding
        self.cores = Cores(env, cores)
        self.threads = [Thread(env, self.cores) for _ in range(orders)]
        self.kitchens = [Thread(env, self.cores) for _ in range(kitchens)]
        self.numbering, self.commits, self.relay, self.notifier = (Single(env) for _ in range(4))
        # The relay stands in a process of order_service, and shares its thread with the customers of that one.
        self._relay_thread = self.threads[0] if self.threads else Thread(env, self.cores)
        self._writers = [_Batcher(env, MAX_ROWS, self._writes(thread)) for thread in self.threads]
        self._movers = [_Batcher(env, MAX_ROWS, self._move) for _ in self.kitchens]
        self._outbox = _Batcher(env, BATCH, self._send)
        self.placed = self.cooked = self.told = 0

    @property
    def transactions(self) -> int:
        """Those that placed orders."""
        return sum(writer.batches for writer in self._writers)

    @property
    def outbox(self) -> int:
        """Messages that wait for the relay."""
        return len(self._outbox.waiting)

    def place(self, process: int) -> Generator[simpy.Event, Any, simpy.Event]:
        """An order, from its request to its answer by one of the processes. Gives when its message was sent."""
        half = self.costs.request * self.crowding / 2
        thread = self.threads[process]
        yield thread.work(half)
        yield self._writers[process].add(_TICKET)
        sent = self._outbox.add(_TICKET)
        yield thread.work(half)
        self.placed += 1
        return sent

    def cook(self, kitchen: int) -> Steps:
        """An order, from its ticket until it is ready, by one of the kitchen's processes."""
        costs, thread = self.costs, self.kitchens[kitchen]
        third = costs.worker * self.crowding / 3
        yield from self.cores.work(costs.cooked_broker * _SHARE_WAITED_FOR)
        yield thread.work(third)
        for _ in range(MOVES):
            yield self._movers[kitchen].add(_MOVE)
            self._outbox.add(_MOVE)
            yield thread.work(third)
        meanwhile = costs.cooked_broker * (1 - _SHARE_WAITED_FOR) + costs.cooked_background
        self.env.process(self.cores.work(meanwhile))
        self.cooked += 1

    def _writes(self, thread: Thread) -> Callable[[Sequence[str]], Steps]:
        def write(orders: Sequence[str]) -> Steps:
            costs = self.costs
            yield thread.work(costs.transaction * self.crowding)
            yield from self.numbering.held(self._insert(len(orders)))

        return write

    def _insert(self, orders: int) -> Steps:
        yield from self.cores.work((self.costs.statement + self.costs.row * orders) * self.crowding)
        yield from self._commit()

    def _move(self, moves: Sequence[str]) -> Steps:
        yield from self.cores.work(self.costs.move * len(moves) * self.crowding)
        yield from self._commit()

    def _commit(self) -> Steps:
        yield from self.commits.held(_wait(self.env, self.costs.flush))

    def _send(self, messages: Sequence[str]) -> Steps:
        costs, tickets = self.costs, messages.count(_TICKET)
        yield from self.relay.held(self._publish(len(messages), tickets))
        self.env.process(self.cores.work(tickets * (costs.broker + costs.background)))
        self.env.process(self._tell(len(messages) - tickets))
        if len(messages) >= BUSY:
            yield self.env.timeout(GATHER)

    def _publish(self, messages: int, tickets: int) -> Steps:
        costs, moves = self.costs, (messages - tickets) / MOVES
        yield from self.cores.work(tickets * costs.relay_session + moves * costs.cooked_relay_session)
        each = (tickets * costs.relay + moves * costs.cooked_relay) / messages
        for sent in range(0, messages, SENT_AT_ONCE):
            some = min(SENT_AT_ONCE, messages - sent)
            yield self._relay_thread.work(some * each)
        yield self.env.timeout(messages * costs.confirm)

    def _tell(self, messages: int) -> Steps:
        yield from self.notifier.held(self.cores.work(messages * self.costs.notifier / MOVES))
        self.told += messages


def _wait(env: simpy.Environment, seconds: float) -> Steps:
    yield env.timeout(seconds)
