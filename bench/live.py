"""Streams: how soon a move reaches who watches, what a thousand of them cost, and what they take from the
orders."""

import contextlib
import json
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import psycopg2
from nameko_sqlalchemy.database import Session
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from bench import drivers, intake
from bench.drivers import ROOT, BenchError, Times
from bench.memory import resident
from bench.plan import Plan
from bench.report import Figures, table
from bench.site import Site
from bench.stack import Stack
from common.orders import moves
from common.orders.lifecycle import COMPLETED, COOKING, DELIVERY, OUT_FOR_DELIVERY, READY, RECEIVED
from common.orders.moves import Actor
from common.postgres.sessions import DIALECT
from devstack.processes import command_for, say

_TEMPLATE = "watched"
_MOVES = 40  # a second
_ORDERS = 100  # a second, placed meanwhile
_BUSY = 32  # connections that place as many orders as they can
_ROOM = {"MAX_STREAMS_PER_ADDRESS": 10_000, "MAX_CONNECTIONS_PER_ADDRESS": 10_000}
#: A process with one place for requests, which a stream would keep for itself.
_ONE_PLACE = {"MAX_CONCURRENT": 1, "MAX_WORKERS": 1}
_ARRIVE_SECONDS = 10.0
_STAFF = Actor("anna", "employee")
_WATCHED = "select number, status, order_type, sequence from orders order by number"


class _Watched(NamedTuple):
    """An order that somebody watches, as it stands."""

    number: str
    status: str
    order_type: str
    sequence: int


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    stack.make_template(_TEMPLATE, plan.streams, plan.streams)
    for number in range(plan.rounds):
        say(f"live: round {number + 1} of {plan.rounds}")
        with stack.site(_TEMPLATE) as site:
            watched = [_Watched(*row) for row in site.query(_WATCHED)]
            [tracking] = site.start("tracking", **_ROOM, **_ONE_PLACE)
            site.start("order")
            intake.warm_up(site, plan)
            _is_answered(site)
            figures.add("memory without", resident(tracking))
            # Whichever comes second finds more rows: now the one, now the other.
            if number % 2 == 0:
                figures.add("orders without", intake.placed(site, _BUSY, plan.seconds)[0].rate)
            with _listening(site, watched) as listeners:
                figures.add("memory with", resident(tracking))
                _is_answered(site)
                figures.add("orders with", intake.placed(site, _BUSY, plan.seconds)[0].rate)
                with contextlib.closing(_Mover(site, watched)) as mover:
                    _measure(site, plan, figures, listeners, mover)
                figures.add("highest memory", resident(tracking))
                _is_answered(site)
            if number % 2:
                figures.add("orders without", intake.placed(site, _BUSY, plan.seconds)[0].rate)
    stack.drop_template(_TEMPLATE)
    return _text(figures, plan)


class _Listeners:
    """The process that holds the streams."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def came(self) -> dict[str, Any]:
        """What came since the last time: see bench.listeners. Raises BenchError when it has failed."""
        assert self._process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        return dict(json.loads(self.said()))

    def said(self) -> str:
        """A line that it says; it ends by itself when it cannot."""
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise BenchError(f"the clients ended with code {self._process.wait(10)}")
        return line


class _Mover:
    """Moves orders on, as people do: at random, each a transaction."""

    def __init__(self, site: Site, watched: Sequence[_Watched]) -> None:
        self._engine = create_engine(
            DIALECT, creator=lambda: psycopg2.connect(site.database_url), isolation_level="AUTOCOMMIT"
        )
        self._new_session = sessionmaker(self._engine, class_=Session, close_on_exit=True)
        self._orders = list(watched)
        self.close = self._engine.dispose

    def move(self, seconds: float) -> dict[str, float]:
        """Moves for so long; gives when each was committed, by its order and step."""
        committed: dict[str, float] = {}
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            moved = self._next()
            with self._new_session() as session:
                moves.move(session, "kitchen_service", moved.number, moved.status, _STAFF)
                # Each statement is its own transaction, and has returned.
                committed[f"{moved.number}:{moved.sequence}"] = time.monotonic()
            time.sleep(random.uniform(0, 2 / _MOVES))  # noqa: S311
        return committed

    def _next(self) -> _Watched:
        """An order, as it will stand."""
        if not self._orders:
            raise BenchError("every order is done: give it more streams")
        place = random.randrange(len(self._orders))  # noqa: S311
        order = self._orders[place]
        last = OUT_FOR_DELIVERY if order.order_type == DELIVERY else COMPLETED
        status = {RECEIVED: COOKING, COOKING: READY, READY: last}[order.status]
        self._orders[place] = order._replace(status=status, sequence=order.sequence + 1)
        return self._orders[place] if status != last else self._orders.pop(place)


def _measure(site: Site, plan: Plan, figures: Figures, listeners: _Listeners, mover: _Mover) -> None:
    """How soon moves reach who watches, while nothing else happens and while orders come."""
    listeners.came()
    reads = _reads(site)
    began = time.monotonic()
    _add(figures, "alone", _arrived(listeners, mover.move(2 * plan.seconds)))
    figures.add("reads", (_reads(site) - reads) / (time.monotonic() - began))
    log = site.folder / "orders.lua.log"
    load = drivers.in_background(
        "orders.lua", site.url("order"), "0", connections=intake.PACED, seconds=2 * plan.seconds + 1, rate=_ORDERS,
        log=log,
    )  # fmt: skip
    try:
        time.sleep(0.5)
        committed = mover.move(2 * plan.seconds)
        load.wait(30)
    finally:
        if load.poll() is None:
            load.kill()
    _add(figures, "among orders", _arrived(listeners, committed))
    figures.add("orders meanwhile", drivers.read_wrk(log.read_text()).rate)


def _arrived(listeners: _Listeners, committed: Mapping[str, float]) -> Times:
    """How long each move took to its client. Raises BenchError when one never came."""
    seen: dict[str, float] = {}
    ends = time.monotonic() + _ARRIVE_SECONDS
    while missing := committed.keys() - seen.keys():
        if time.monotonic() > ends:
            raise BenchError(f"{len(missing)} of {len(committed)} moves never came")
        came = listeners.came()
        if came["ended"]:
            raise BenchError(f"{came['ended']} streams have ended")
        seen |= came["seen"]
        time.sleep(0.05)
    return Times.of(len(committed), [seen[move] - at for move, at in committed.items()])


def _add(figures: Figures, name: str, times: Times) -> None:
    figures.add(f"{name} moves", times.rate)
    figures.add(f"{name} p50", times.p50)
    figures.add(f"{name} p99", times.p99)


@contextlib.contextmanager
def _listening(site: Site, watched: Sequence[_Watched]) -> Iterator[_Listeners]:
    """The clients, all of which have heard where their orders stand, for the length of a block."""
    numbers = site.folder / "numbers"
    numbers.write_text("\n".join(order.number for order in watched))
    process = subprocess.Popen(
        command_for([sys.executable, "-m", "bench.listeners", site.url("tracking"), str(numbers)], signal.SIGKILL),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        listeners = _Listeners(process)
        listeners.said()
        yield listeners
    finally:
        process.kill()
        process.wait(10)


def _is_answered(site: Site) -> None:
    """Asks for an order's status. Raises BenchError when the one place for requests is taken."""
    [[number]] = site.query("select max(number) from orders")
    with urllib.request.urlopen(f"{site.url('tracking')}/orders/{number}/status", timeout=10) as answer:
        if answer.status != 200:
            raise BenchError(f"a status was answered {answer.status}")


def _reads(site: Site) -> float:
    with urllib.request.urlopen(f"{site.url('tracking')}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("expedite_stream_reads_total"))


def _text(figures: Figures, plan: Plan) -> str:
    rows = [
        [label, *(figures.spread(f"{name} {what}") for what in ("moves", "p50", "p99"))]
        for label, name in (
            ("nothing else happens", "alone"),
            (f"{figures.spread('orders meanwhile')} orders/s are placed", "among orders"),
        )
    ]
    costs = [
        ["resident memory, MiB", figures.spread("memory without"), figures.spread("memory with"), "–"],
        [
            f"orders/s, {_BUSY} connections",
            figures.spread("orders without"),
            figures.spread("orders with"),
            figures.ratio("orders with", "orders without"),
        ],
    ]
    return f"""\
{plan.streams:,} streams of one process of tracking_service are open, `GET /orders/<number>/stream`, each of an
order of its own, a third each received, cooking and ready; one other process holds their other ends. About
{_MOVES} moves a second, of these orders at random, are each a transaction, with its outbox row and its
notification; a time is from when the statement had returned to whoever moved until the event was read from the
client's socket, by one clock. Every move came, and no stream ended. {figures.spread("reads")} readings a second
were made for all streams together.

{table(["while", "moves", "p50 ms", "p99 ms"], rows)}

The process has one place for requests (MAX_CONCURRENT=1, MAX_WORKERS=1), and with the streams open it goes on
answering them: a stream takes none. Its memory was at most {figures.spread("highest memory")} MiB. What the
streams take from one process of order_service, in turn within each round:

{table(["", "without streams", "with them", "with / without"], costs)}
"""
