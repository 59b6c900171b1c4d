"""What a worker costs that waits, or cooks, as a process of its own and as a station of one, and how much many
stations cook.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from bench import drivers
from bench.memory import resident
from bench.plan import Plan
from bench.report import Figures, table
from bench.stack import Stack
from devstack.processes import say

#: Processes, and stations of each, that wait.
WAITING = ((1, 1), (10, 1), (1, 10), (1, 100), (1, 1000))
COOKING = tuple(stations for processes, stations in WAITING if processes == 1)
_HARDLY = 0.001  # times the usual speed: what is taken stays in hand
_ESTABLISHED = "01"  # in /proc/net/tcp
# All that is cooked begins when the process starts, so this is from its first order to its last.
_COOKED = """
    select count(*) filter (where status = 'ready')
        / extract(epoch from max(changed_at) - min(changed_at) filter (where status = 'cooking'))
    from order_status_log where status in ('cooking', 'ready')
"""


def run(stack: Stack, plan: Plan) -> str:
    """Measures; gives the section's text."""
    figures = Figures()
    for number in range(plan.rounds):
        say(f"stations: round {number + 1} of {plan.rounds}")
        in_turn = 1 if number % 2 == 0 else -1
        for processes, stations in WAITING[::in_turn]:
            _cost(stack, plan, figures, processes, stations)
        for stations in COOKING[::in_turn]:
            figures.add(f"{_named(1, stations)} orders", _cooked(stack, plan, stations))
    return _text(figures, plan)


def _cost(stack: Stack, plan: Plan, figures: Figures, processes: int, stations: int) -> None:
    """What so many processes of so many stations use while no order comes, and while each has one in hand."""
    name, workers = _named(processes, stations), processes * stations
    with stack.site() as site:
        site.start("order")
        pids = site.start_workers(processes, STATIONS=stations, COOKING_SPEED=_HARDLY)
        site.wait_for_workers(workers)
        time.sleep(plan.warm_up)
        figures.add(f"{name} cpu", _processor_ms(pids, plan.idle_seconds))
        figures.add(f"{name} pss", sum(map(_proportional, pids)))
        figures.add(f"{name} rss", sum(map(resident, pids)))
        figures.add(f"{name} postgres", _connections(pids, stack.postgres_port))
        figures.add(f"{name} rabbitmq", _connections(pids, stack.rabbitmq.port))
        drivers.place_exactly(site.url("order"), workers)
        in_hand = "select count(*) from orders where status = 'cooking'"
        site.wait("every station to have an order in hand", lambda: site.number(in_hand) == workers)
        time.sleep(plan.warm_up)
        figures.add(f"{name} cooking cpu", _processor_ms(pids, plan.idle_seconds))
        figures.add(f"{name} cooking pss", sum(map(_proportional, pids)))
        site.check()


def _cooked(stack: Stack, plan: Plan, stations: int) -> float:
    """Orders a second of one process of so many stations that cooks in no time."""
    with stack.site() as site:
        site.start("order")
        drivers.place_exactly(site.url("order"), plan.kitchen_orders)
        site.empty_outbox()
        site.start_workers(1, STATIONS=stations)
        site.all_ready()
        return site.number(_COOKED)


def _processor_ms(pids: Sequence[int], seconds: float) -> float:
    """How many ms of a processor those processes use in a second, over so many seconds."""
    began, before = time.monotonic(), sum(map(_processor_seconds, pids))
    time.sleep(seconds)
    return (sum(map(_processor_seconds, pids)) - before) / (time.monotonic() - began) * 1000


def _processor_seconds(pid: int) -> float:
    """What a process has used of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _proportional(pid: int) -> float:
    """A process's memory in MiB, where what several share counts in parts (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _connections(pids: Sequence[int], port: int) -> int:
    """How many connections to a port those processes have."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    to_port = {line[9] for line in lines if line[2].endswith(f":{port:04X}") and line[3] == _ESTABLISHED}
    held = [os.readlink(file) for pid in pids for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()]
    return sum(name.removeprefix("socket:[").rstrip("]") in to_port for name in held)


def _named(processes: int, stations: int) -> str:
    return f"{processes} × {stations:,}"


_HEADS = {
    "pss": "PSS, MiB",
    "rss": "RSS, MiB",
    "cpu": "CPU, ms/s",
    "postgres": "PostgreSQL",
    "rabbitmq": "RabbitMQ",
    "cooking pss": "cooking: PSS, MiB",
    "cooking cpu": "CPU, ms/s",
    "orders": "orders/s",
}


def _text(figures: Figures, plan: Plan) -> str:
    names = [_named(*each) for each in WAITING]
    rows = [
        [name, *(figures.spread(key) if (key := f"{name} {what}") in figures.rounds else "–" for what in _HEADS)]
        for name in names
    ]
    return f"""\
A station is a worker; a process is as many as STATIONS says. Figures are of all processes of a row together.

- Memory, CPU and connections (to PostgreSQL and to RabbitMQ) of workers that wait, {plan.warm_up:g} s after they
  have registered. CPU is of {plan.idle_seconds:g} s; a heartbeat of each worker comes every 30. PSS is memory of
  which what processes share counts in parts.
- Cooking: the same when each station has an order in hand, which takes hours.
- Orders/s: {plan.kitchen_orders:,} orders wait in the three queues, and COOKING_SPEED=0; from when the first is
  taken to when the last is ready. One order_service, whose relay sends all messages, runs beside the process.

{table(["processes × stations", *_HEADS.values()], rows)}
"""
