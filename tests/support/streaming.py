"""A service with answers that stay open, as server-sent events do, and one that takes its time. It has the port of
tracking_service."""

from collections.abc import Generator
from typing import Any

import eventlet

from common.http import Stream, http
from common.http.connection import HEAD_TIMEOUT

_listening: set[eventlet.Queue] = set()


class Streaming:
    name = "tracking_service"

    @http("GET", "/stream")
    def stream(self) -> Stream:
        return Stream(self._pieces())

    @http("POST", "/tell")
    def tell(self, body: Any) -> dict[str, int]:
        for queue in _listening:
            queue.put(body)
        return {"told": len(_listening)}

    @http("GET", "/open")
    def open(self) -> dict[str, int]:
        return {"open": len(_listening)}

    @http("GET", "/slow")
    def slow(self) -> dict[str, int]:
        eventlet.sleep(HEAD_TIMEOUT + 1)
        return {}

    @http("GET", "/failing")
    def failing(self) -> Stream:
        def fail() -> Generator[bytes, None, None]:
            yield b"data: 1\n\n"
            raise ValueError("a fault of ours")

        return Stream(fail())

    @http("GET", "/silent")
    def silent(self) -> Stream:
        return Stream(self._pieces(quiet=60))

    def _pieces(self, quiet: float = 0.2) -> Generator[bytes, None, None]:
        queue: eventlet.Queue = eventlet.Queue()
        _listening.add(queue)
        try:
            yield b"data: hello\n\n"
            while True:
                try:
                    yield b"data: %s\n\n" % str(queue.get(timeout=quiet)).encode()
                except eventlet.queue.Empty:
                    yield b": here\n\n"
        finally:
            _listening.discard(queue)
