"""What a single one does of what Expedite has one of: the row that numbers the day, the relay, commits, the log's
disk, a kitchen queue.
"""

import contextlib
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from nameko_sqlalchemy.database import Session
from sqlalchemy import create_engine

from bench.drivers import BenchError
from bench.scaling.costs import Counted, Meter
from bench.scaling.model import MAX_ROWS
from bench.site import Site
from bench.stack import Stack
from common.orders.lifecycle import TAKEOUT
from common.outbox import relay
from common.postgres.sessions import DIALECT
from order_service.orders.order_form import Item, OrderRequest
from order_service.orders.placing import NewOrder, place

_WRITERS = 2  # while one's transaction runs, the other's statement is put together
_COMMITS = 300
_PIECE = bytes(1 << 20)  # as much as PostgreSQL has in its buffers of the log under load, about
_PIECES = 256
_DRAIN_SECONDS = 60.0
_ORDER = OrderRequest(
    customer_name="Ada Lovelace",
    order_type=TAKEOUT,
    items=(Item("Margherita Pizza", 1, Decimal("15.99")), Item("Caesar Salad", 2, Decimal("8.99"))),
    table_number=None,
    delivery_address=None,
)
# Reductions are how Erlang counts what a process has done; a queue is one process.
_REDUCTIONS = """
    Of = fun(P) -> case erlang:process_info(P, reductions) of {{_, R}} -> R; _ -> 0 end end,
    Queues = [amqqueue:get_pid(Q) || Q <- rabbit_amqqueue:list(<<"{vhost}">>),
        binary:match(element(4, amqqueue:get_name(Q)), <<"kitchen.">>) =:= {{0, 8}}],
    {{All, _}} = erlang:statistics(reductions),
    {{lists:sum([Of(P) || P <- Queues]), All}}.
"""


def numbering(site: Site, seconds: float) -> float:
    """Orders a second of transactions of MAX_ROWS orders that follow each other, as they do at whatever number of
    processes, since one row numbers the day: the statement, prepared by nobody, of order_service."""
    placed = [0] * _WRITERS
    end = time.monotonic() + seconds
    engine = create_engine(
        DIALECT,
        creator=lambda: psycopg2.connect(site.database_url, options="-c enable_seqscan=off"),
        pool_size=_WRITERS,
    )
    orders = [NewOrder.of(_ORDER, "customer") for _ in range(MAX_ROWS)]

    def write(number: int) -> None:
        while time.monotonic() < end:
            with Session(engine) as session, session.begin():
                place(session, orders)
            placed[number] += MAX_ROWS

    began = time.monotonic()
    threads = [threading.Thread(target=write, args=(number,)) for number in range(_WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    if not sum(placed):
        raise BenchError("no order could be placed")
    return sum(placed) / (time.monotonic() - began)


@contextlib.contextmanager
def no_relay(site: Site) -> Iterator[None]:
    """For the length of a block no relay leads: its lock is ours."""
    with contextlib.closing(psycopg2.connect(site.database_url, connect_timeout=5)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", (relay._LEADER_LOCK,))
        yield


@dataclass(frozen=True)
class Drained:
    """Messages that the relay sent, of those that waited: how many, how many a second, what was used for them, and
    which share of what RabbitMQ did the kitchen queues had."""

    messages: float
    rate: float
    counted: Counted
    queues: float


def drained(stack: Stack, site: Site, pids: list[int], release: Callable[[], None]) -> Drained:
    """Has the relay, after `release`, send all that waits; its rate is from when its first batch was gone to when
    the last one was. Raises BenchError when there was too little."""
    before = reductions(stack, site)
    release()
    meter = Meter(stack, site, {"order": pids})
    waiting = site.number("select count(*) from outbox")
    seen: list[tuple[float, float]] = []

    def is_empty() -> bool:
        left = site.number("select count(*) from outbox")
        if left < waiting:
            seen.append((time.monotonic(), left))
        return left == 0

    site.wait("the relay", is_empty, _DRAIN_SECONDS)
    counted = meter.counted()
    (began, left), (ended, _) = seen[0], seen[-1]
    if ended == began:
        raise BenchError(f"the relay sent {waiting:.0f} messages at once: give it more")
    return Drained(waiting, left / (ended - began), counted, share(before, reductions(stack, site)))


def commit_seconds(site: Site) -> float:
    """How long a commit takes that tells somebody (NOTIFY), and changes next to nothing: PostgreSQL makes one such
    commit after the other."""
    taken = []
    for _ in range(_COMMITS):
        began = time.monotonic()
        site.query("select pg_logical_emit_message(true, 'bench', ''), pg_notify('bench', '')")
        taken.append(time.monotonic() - began)
    return statistics.median(taken)


def log_bandwidth(folder: Path) -> float:
    """Bytes a second that the disk takes of what is written at the end of a file, and waited for."""
    path = folder / "log_bandwidth"
    try:
        with path.open("wb", buffering=0) as file:
            began = time.monotonic()
            for _ in range(_PIECES):
                file.write(_PIECE)
                os.fdatasync(file.fileno())
            return len(_PIECE) * _PIECES / (time.monotonic() - began)
    finally:
        path.unlink(missing_ok=True)


def reductions(stack: Stack, site: Site) -> tuple[int, int]:
    """What the three kitchen queues' processes have done so far, and what all of RabbitMQ has, in reductions."""
    vhost = urlsplit(site.database_url).path.strip("/")
    said = stack.rabbitmq.ctl("eval", _REDUCTIONS.format(vhost=vhost))
    queues, everything = said.strip().strip("{}").split(",")
    return int(queues), int(everything)


def share(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Which part of all that was done between two of `reductions()` was the queues'."""
    return (after[0] - before[0]) / max(1, after[1] - before[1])
