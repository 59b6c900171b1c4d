"""An attack, and the customers who order meanwhile."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.support.expedite import Process, an_order

#: Seconds that an order may take while an attack goes on. Where nothing protected the service it took four and
#: more, or was never answered; a shared machine's disk alone may take one.
BOUND = 3.0
#: Processes that want each core of a machine which does nothing but test. With more, everything takes longer.
_USUAL_LOAD = 4.0
#: MiB that a process may grow by, whatever is sent to it.
ROOM = 20.0


@dataclass
class Customers:
    """Customers of one order_service, who order one after the other."""

    url: str
    answers: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # that each of them took

    def order(self) -> None:
        """One order, on a connection of its own. Not answered within ten times BOUND counts as status 0."""
        began = time.monotonic()
        try:
            status = requests.post(f"{self.url}/orders", json=an_order(), timeout=BOUND * 10).status_code
        except requests.RequestException:
            status = 0
        self.answers.append(status)
        self.seconds.append(time.monotonic() - began)

    @contextlib.contextmanager
    def ordering(self, least: int = 5) -> Iterator[None]:
        """They order for as long as the block runs, and `least` times at least while it does."""
        is_over = threading.Event()

        def order_on() -> None:
            while not is_over.is_set():
                self.order()
                is_over.wait(0.05)

        thread = threading.Thread(target=order_on, daemon=True)
        enough = len(self.answers) + least
        thread.start()
        try:
            yield
            deadline = time.monotonic() + BOUND * least
            while len(self.answers) < enough and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            is_over.set()
            thread.join(BOUND * 11)

    def were_served(self) -> None:
        """Raises AssertionError when an order was refused, or more than one took too long: an attack that goes on
        holds up all of them, a machine that has paused for a moment the one that came then."""
        assert self.answers, "nobody ordered"
        assert set(self.answers) == {201}, f"orders were answered {sorted(set(self.answers))}"
        slowest, *others = sorted(self.seconds, reverse=True)
        bound = BOUND * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1) / _USUAL_LOAD)
        assert slowest < bound * 3, f"an order took {slowest:.1f} s"
        assert not others or others[0] < bound, f"orders took {slowest:.1f} s and {others[0]:.1f} s"


#: Where attackers come from, who are no neighbours of the customers on 127.0.0.1.
ELSEWHERE = "127.0.0.2"


def connect(process: Process, source: str = ELSEWHERE, timeout: float = 30) -> socket.socket:
    """A connection to the process, from another address of this machine; its waits end after `timeout` seconds."""
    host, _, port = process.address.partition(":")
    return socket.create_connection((host, int(port)), timeout, (source, 0))


def received(sock: socket.socket) -> bytes:
    """All that comes until the other side ends it; what a reset cuts off is lost, as it is to a client."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := sock.recv(65_536):
            data += piece
    return data


def memory(process: Process) -> float:
    """The process's resident memory, in MiB."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"{process.service} is gone")


@contextlib.contextmanager
def attackers(number: int, attack: Callable[[], None]) -> Iterator[None]:
    """So many threads that call `attack` again and again while the block runs; a connection that the service ends
    is their daily bread."""
    is_over = threading.Event()

    def go_on() -> None:
        while not is_over.is_set():
            try:
                attack()
            except OSError:
                is_over.wait(0.01)

    threads = [threading.Thread(target=go_on, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join(30)
