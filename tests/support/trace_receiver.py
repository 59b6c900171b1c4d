"""A receiver of traces that keeps what came."""

import contextlib
import threading
from collections.abc import Iterator

from devstack.traces import Receiver as Server
from devstack.traces import Span, spans_of


class Receiver:
    """It answers with `status`, once `answers` is set."""

    def __init__(self, port: int = 0) -> None:
        self.spans: list[Span] = []
        self.requests = 0
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        self._server = Server(port, self._take)
        self.url = self._server.url
        self._server.start()

    def of(self, trace_id: str) -> list[Span]:
        """The spans of a trace, in the order in which they began."""
        return sorted((span for span in self.spans if span.trace_id == trace_id), key=lambda span: span.start)

    def called(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def stop(self) -> None:
        """From now on nobody listens."""
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes) -> int:
        self.requests += 1
        self.answers.wait(60)
        if self.status == 200:
            self.spans += spans_of(body)
        return self.status


@contextlib.contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver for the length of a block, at a port of its own."""
    receiver = Receiver(port)
    try:
        yield receiver
    finally:
        receiver.stop()
