"""From what was measured with one process and with two to what more of them will do."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.scaling import loads
from bench.scaling.costs import CLIENT, POSTGRES, RABBITMQ, RELAYING, WAL_WRITER, WRITING
from bench.scaling.counting import CONNECTIONS, FEW_PROCESSES, PROCESSES, Run
from bench.scaling.limits import Drained
from bench.scaling.model import BATCH, GATHER, Costs


@dataclass(frozen=True)
class Round:
    """What a round measured, by numbers of processes; `alone` and `sent` without, and of, the relay.

    `reads` is what a read costs (CPU seconds), `flush` the seconds of a commit, `numbering` the orders a second
    that are numbered one transaction after the other, `log` the bytes a second that the disk takes, and `queues`
    the part that the kitchen queues have in RabbitMQ's work while orders are cooked.
    """

    cores: int
    reads: Mapping[int, float]
    alone: Sequence[Run]
    sent: Sequence[Drained]
    placed: Mapping[int, Run]
    cooked: Mapping[int, Run]
    flush: float
    numbering: float
    log: float
    queues: float

    @property
    def crowding(self) -> dict[int, float]:
        """How much slower so many processes work than as many as there are cores; 1 where they are fewer."""
        alone = self.reads[max(processes for processes in PROCESSES if processes <= self.cores)]
        return {
            processes: max(1.0, seconds / alone) if processes > self.cores else 1.0
            for processes, seconds in self.reads.items()
        }


def costs_of(measured: Round) -> Costs:
    """What an order costs, by the runs of FEW_PROCESSES.

    An order's cost and a transaction's are told apart by a straight line through the runs without a relay, in
    which orders have shares of a transaction of very different size. What else PostgreSQL and RabbitMQ do is of
    the run with the most of FEW_PROCESSES: the cores of a small machine are then busy.
    """
    placed, cooked = measured.placed[max(FEW_PROCESSES)], measured.cooked[max(FEW_PROCESSES)]
    transaction, request = _line(measured.alone, "order")
    statement, row = _line(measured.alone, WRITING)
    relay = statistics.mean(sent.counted.cpu["order"] / sent.messages for sent in measured.sent)
    relay_session = _of(placed, RELAYING)
    a_message = 1 / max(sent.rate for sent in measured.sent)
    return Costs(
        client=_of(placed, CLIENT),
        request=request,
        transaction=transaction,
        row=row,
        statement=statement,
        relay=relay,
        relay_session=relay_session,
        broker=_of(placed, RABBITMQ),
        background=_of(placed, WAL_WRITER) + _of(placed, POSTGRES),
        worker=_of(cooked, "kitchen"),
        move=_of(cooked, WRITING) / 2,
        cooked_relay=_of(cooked, "order"),
        cooked_relay_session=_of(cooked, RELAYING),
        cooked_broker=_of(cooked, RABBITMQ),
        cooked_background=_of(cooked, WAL_WRITER) + _of(cooked, POSTGRES),
        notifier=_of(cooked, "notifier"),
        flush=measured.flush,
        confirm=max(0.0, a_message - relay - relay_session - GATHER / BATCH),
    )


def placed(costs: Costs, cores: int, crowding: Mapping[int, float]) -> dict[int, float]:
    """Orders placed a second, by the number of processes."""
    return {
        processes: loads.placed(
            costs, cores=cores, processes=processes, connections=CONNECTIONS, crowding=crowding[processes]
        ).orders
        for processes in PROCESSES
    }


def cooked(costs: Costs, cores: int, crowding: Mapping[int, float]) -> dict[int, float]:
    """Orders cooked a second, by the number of workers."""
    return {
        workers: loads.cooked(costs, cores=cores, workers=workers, crowding=crowding[workers]).orders
        for workers in PROCESSES
    }


def _of(run: Run, part: str) -> float:
    return run.counted.cpu[part] / run.orders


def _line(runs: Sequence[Run], part: str) -> tuple[float, float]:
    """CPU seconds for a transaction, and for an order besides."""
    slope, intercept = statistics.linear_regression(
        [run.transactions / run.orders for run in runs], [_of(run, part) for run in runs]
    )
    return max(0.0, slope), max(0.0, intercept)
