"""Breaking servers, and mending them."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from devstack.postgres import Postgres
from devstack.processes import DevstackError
from devstack.rabbitmq import RabbitMQ

Server = Postgres | RabbitMQ


def take_down(server: Server, how: str) -> None:
    """`stop` in good order, or `kill` as a crash."""
    {"stop": server.stop, "kill": server.kill}[how]()


def start_again(server: Server) -> None:
    """Start it unless it runs."""
    try:
        assert server.pid
    except DevstackError:
        server.start()


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """All of the server's processes stopped in the middle of whatever they do, for the length of a block."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    os.kill(server.pid, signal.SIGSTOP)
    pids = [server.pid, *map(int, children.read_text().split())]
    try:
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
