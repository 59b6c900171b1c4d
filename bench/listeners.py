"""Clients of a thousand streams in one process: `python -m bench.listeners <url> <file of order numbers>`.

Opens a stream of each order, and says `open` when each has heard where its order stands. For each line that it
reads then, it says in a line of JSON what came since: the orders' steps and when, by the clock that all processes
of a machine share (seconds), and how many streams have ended. Ends with its input.
"""

import json
import re
import selectors
import socket
import sys
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

_STEP = re.compile(rb'data: \{"order_number":"(\w+)"[^}]*"sequence":(\d+)\}')
_READ = 256 * 1024
_KEPT = 1024  # bytes of the end of what came, in which an event may have begun
_OPEN_SECONDS = 60.0  # for all streams


class Listeners:
    """All the streams."""

    def __init__(self, url: str, numbers: list[str]) -> None:
        at = urlsplit(url)
        self.address = str(at.hostname), int(at.port or 80)
        self._selector = selectors.DefaultSelector()
        self._ends: dict[socket.socket, bytes] = {}  # of what came on each
        self.seen: dict[str, float] = {}  # by order and step
        self.ended = 0
        self.came = 0  # bytes
        for number in numbers:
            self._open(number)

    def run(self) -> None:
        """Listen until the input ends."""
        began = monotonic()
        while len(self.seen) < len(self._ends):
            if self.ended or monotonic() - began > _OPEN_SECONDS:
                sys.exit(f"{len(self.seen)} of {len(self._ends)} streams were opened, {self.ended} have ended")
            self._listen(0.1)
        sys.stdout.write("open\n")
        sys.stdout.flush()
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        while self._listen(None):
            pass

    def _open(self, number: str) -> None:
        """One after the other, as each asks for a place of the few that there are for requests."""
        sock = socket.create_connection(self.address, timeout=10)
        sock.sendall(f"GET /orders/{number}/stream HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        answer = sock.recv(_READ)
        if not answer.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"refused: {answer[:300]!r}")
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ)
        self._take(sock, answer)

    def _listen(self, seconds: float | None) -> bool:
        """False when the input has ended."""
        for key, _ in self._selector.select(seconds):
            if isinstance(key.fileobj, socket.socket):
                self._read(key.fileobj)
            elif not sys.stdin.readline():
                return False
            else:
                self._report()
        return True

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(sock, data)
            return
        self.ended += 1
        self._selector.unregister(sock)
        sock.close()

    def _take(self, sock: socket.socket, data: bytes) -> None:
        now = monotonic()
        self.came += len(data)
        heard = self._ends.get(sock, b"") + data
        last = 0
        for found in _STEP.finditer(heard):
            self.seen.setdefault(f"{found[1].decode()}:{found[2].decode()}", now)
            last = found.end()
        self._ends[sock] = heard[max(last, len(heard) - _KEPT) :]

    def _report(self) -> None:
        json.dump({"seen": self.seen, "ended": self.ended, "bytes": self.came}, sys.stdout)
        sys.stdout.write("\n")
        sys.stdout.flush()
        self.seen, self.came = {}, 0


if __name__ == "__main__":
    Listeners(sys.argv[1], Path(sys.argv[2]).read_text().split()).run()
