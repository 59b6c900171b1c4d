"""Answers, as they go over the wire."""

import functools
import time
from collections.abc import Generator
from email.utils import formatdate
from http import HTTPStatus

from common import codec, errors

JSON = "application/json"
PROBLEM = "application/problem+json"

_FIRST_LINE = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}

#: An answer that asks for the body that a client content_length and holds back.
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Answer:
    """An answer with its whole body, of a method that is done."""

    cache_control = "no-store"
    # Links carry an order's secret in their query.
    referrer_policy = "no-referrer"

    def __init__(self, status: int, content_type: str, body: bytes, request_id: str) -> None:
        self.status = status
        self.content_type = content_type
        self.body = body
        self.request_id = request_id
        self.headers: list[tuple[str, str]] = []

    def wire(self, with_body: bool, close: bool, keep_alive: bool = False) -> bytes:
        """All of it. `close` says that the connection ends with it, `keep_alive` to a client of HTTP/1.0 that it
        does not."""
        head = self._head(f"Content-Length: {len(self.body)}\r\n", close, keep_alive)
        return head + self.body if with_body else head

    def _head(self, framing: str, close: bool, keep_alive: bool) -> bytes:
        lines = (
            f"{_FIRST_LINE[self.status]}Content-Type: {self.content_type}\r\n{framing}"
            f"X-Request-ID: {self.request_id}\r\nDate: {_date(int(time.time()))}\r\n"
            f"Cache-Control: {self.cache_control}\r\nReferrer-Policy: {self.referrer_policy}\r\n"
            "X-Content-Type-Options: nosniff\r\n"
        )
        for name, value in self.headers:
            if "\r" in value or "\n" in value:
                raise ValueError(f"a line break in {name}")
            lines += f"{name}: {value}\r\n"
        if close:
            lines += "Connection: close\r\n"
        elif keep_alive:
            lines += "Connection: keep-alive\r\n"
        return (lines + "\r\n").encode("latin-1")


class Accepted(dict[str, object]):
    """What a method returns that has not done it yet: it is answered 202, whatever the route's usual status, and
    leads nowhere."""


class Stream:
    """What a method returns to answer piece by piece for as long as it likes, as server-sent events do.

    The method is done when it has returned, and its worker and its place among MAX_CONCURRENT are free: `pieces`
    runs in the connection's own thread, of which there can be thousands. It must not use what was injected into
    the method. It should give a piece, a comment say, every ten seconds: so a client that is gone is noticed.
    It is closed (GeneratorExit) when the client is gone or the process stops.
    """

    def __init__(self, pieces: Generator[bytes, None, None], content_type: str = "text/event-stream") -> None:
        self.pieces = pieces
        self.content_type = content_type


class StreamAnswer(Answer):
    """A Stream on its way."""

    def __init__(self, status: int, stream: Stream, request_id: str) -> None:
        super().__init__(status, stream.content_type, b"", request_id)
        self.pieces = stream.pieces

    def beginning(self, in_chunks: bool) -> bytes:
        """The head. HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer."""
        return self._head("Transfer-Encoding: chunked\r\n" if in_chunks else "", True, False)


def problem(refusal: errors.Refusal, request_id: str) -> Answer:
    """The answer of a refusal."""
    answer = Answer(refusal.status, PROBLEM, codec.dumps(refusal.problem(request_id)), request_id)
    answer.headers += refusal.headers.items()
    return answer


@functools.lru_cache(maxsize=2)
def _date(now: int) -> str:
    """As HTTP writes it."""
    return formatdate(now, usegmt=True)
