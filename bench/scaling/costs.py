"""What an order costs each part: CPU time of groups of processes, transactions, messages and bytes of WAL.

CPU time is utime and stime of /proc/<pid>/stat, all threads of a process together, in ticks of 10 ms. What a
session of PostgreSQL does is told by its last statement: one that writes orders or their moves (group commit,
`execute write`), and the relay's (the outbox).
"""

import os
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.site import Site
from bench.stack import Stack
from devstack.processes import children

_TICK = 1 / os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat, counted behind the name, which may hold spaces.
_UTIME, _STIME, _CUTIME, _CSTIME = 11, 12, 13, 14

#: The parts besides the services, which are called as `Site.start()` calls them.
WRITING, RELAYING, WAL_WRITER, POSTGRES, RABBITMQ, CLIENT = (
    "sessions that write",
    "the relay's session",
    "WAL writer",
    "the rest of PostgreSQL",
    "RabbitMQ",
    "client",
)

_SESSIONS = """
    select pid, case when query ilike 'execute write%%' then %(writing)s
        when query ilike '%%outbox%%' then %(relaying)s end
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""
_WAL = "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
_MESSAGES = "select case when is_called then last_value else 0 end from outbox_id_seq"


@dataclass(frozen=True)
class Counted:
    """What was used from one moment to another: CPU seconds by part, bytes of WAL, messages into the outbox."""

    cpu: Mapping[str, float]
    wal: float
    messages: float


class Meter:
    """Reads what the processes of a site, its servers and the client have used.

    `pids` are the services' processes, by the name of their part.
    """

    def __init__(self, stack: Stack, site: Site, pids: Mapping[str, Sequence[int]]) -> None:
        self._stack = stack
        self._site = site
        self._pids = pids
        self._before = self._read()

    def counted(self) -> Counted:
        """Since it was made."""
        before, now = self._before, self._read()
        parts = self._parts()
        cpu = dict.fromkeys((WRITING, RELAYING, WAL_WRITER, POSTGRES, RABBITMQ, CLIENT, *self._pids), 0.0)
        for pid, seconds in now.processes.items():
            cpu[parts.get(pid, POSTGRES)] += seconds - before.processes.get(pid, 0.0)
        cpu[CLIENT] += now.client - before.client
        return Counted(cpu, now.wal - before.wal, now.messages - before.messages)

    def _read(self) -> "_Reading":
        postgres = self._stack.postgres_pid
        ours = [pid for pids in self._pids.values() for pid in pids]
        processes = [*ours, *children(postgres), self._stack.rabbitmq.pid, *children(self._stack.rabbitmq.pid)]
        seconds = {pid: cpu_seconds(pid) for pid in processes}
        # With it what its processes used that have ended.
        seconds[postgres] = cpu_seconds(postgres, with_ended=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return _Reading(
            seconds,
            client=used.ru_utime + used.ru_stime,
            wal=self._site.number(_WAL),
            messages=self._site.number(_MESSAGES),
        )

    def _parts(self) -> dict[int, str]:
        """Which part a process is of; what is none of these is PostgreSQL's."""
        sessions = self._site.query(_SESSIONS, writing=WRITING, relaying=RELAYING)
        rabbitmq = self._stack.rabbitmq.pid
        return {
            **{pid: part for part, pids in self._pids.items() for pid in pids},
            **dict.fromkeys([rabbitmq, *children(rabbitmq)], RABBITMQ),
            **{pid: part for pid, part in sessions if part},
            **{pid: WAL_WRITER for pid in children(self._stack.postgres_pid) if b"walwriter" in _title(pid)},
        }


@dataclass(frozen=True)
class _Reading:
    processes: Mapping[int, float]
    client: float
    wal: float
    messages: float


def cpu_seconds(pid: int, *, with_ended: bool = False) -> float:
    """The CPU time that a process has used, with `with_ended` that of its children that have ended, too; 0 when it
    is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    places = (_UTIME, _STIME, _CUTIME, _CSTIME) if with_ended else (_UTIME, _STIME)
    return sum(int(fields[place]) for place in places) * _TICK


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
