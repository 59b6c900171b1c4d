"""One client's connection: its requests one after the other, each wait with an end.

Whoever sends without a pause gets no more of the process than others: every read goes through the event loop, also
when bytes are there already, and so does every request that was sent before the last one was answered.
"""

import contextlib
import logging
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

import eventlet
from eventlet.hubs import get_hub, trampoline

from common.errors import Malformed, Refusal, TooSlow, Unavailable
from common.http.answer import CONTINUE, Answer, StreamAnswer, problem
from common.http.framing import RequestReader
from common.http.request import Request
from common.observability import logs, metrics

IDLE_TIMEOUT = 60.0  # seconds between two requests
HEAD_TIMEOUT = 10.0  # seconds from the first byte of a request to the end of its head
BODY_TIMEOUT = 10.0  # seconds for the whole body, however slowly it drips
SEND_TIMEOUT = 30.0  # seconds in which a client takes an answer, or a piece of a stream
MAX_REQUESTS = 1000  # of one connection; then it is made anew, perhaps at another process
# A refusal that is followed by a closed door is lost when the client is still sending: its system tells it of the
# door first. So what comes is thrown away for a while.
LINGER_TIMEOUT = 5.0  # seconds
MAX_LINGER = 8 * 1024 * 1024  # bytes

STREAM_BUFFER = 64 * 1024  # bytes of a stream that the kernel keeps for a client; it doubles what it is told

_READ = 16 * 1024  # bytes at a time
_NEVER = float("inf")


class Connection:
    """`answer` makes a request's answer; it may call `request.complete()` to have the body, and raises nothing.
    When `is_closing` is true, the request that it is at is the last one."""

    def __init__(
        self, sock: socket.socket, answer: Callable[[Request], Answer], is_closing: Callable[[], bool]
    ) -> None:
        self._sock = sock
        self._fileno = sock.fileno()
        self._answer = answer
        self._is_closing = is_closing
        self._reader = RequestReader()
        self._answered = 0
        self._deadline = _NEVER
        self._is_late = False
        self._is_waiting = False  # for the beginning of a request
        self._is_sending = False
        self._streams_in: Any = None  # the thread of a stream that is open
        self._ear: Any = None  # what hears that its client is gone
        #: True until its first request begins to come.
        self.is_new = True
        #: True from a request's head to the end of its answer.
        self.is_answering = False

    def run(self) -> None:
        """Answer requests until one side closes the connection."""
        try:
            while self._answer_next():
                pass
        except OSError as exc:  # the client is gone, or takes nothing
            logs.event("request_failed", "a connection broke", logging.DEBUG, error=exc)
        except Exception:
            logs.event("request_failed", "a connection failed", logging.ERROR)
        finally:
            self.is_answering = False
            self._sock.close()

    def end_if_late(self, now: float) -> None:
        """To be called now and then, by another thread: ends a wait whose time is over."""
        if now > self._deadline:
            self._is_late = True
            self._deadline = _NEVER
            # Wakes whoever waits for this socket; who waits to read can still answer.
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR if self._is_sending else socket.SHUT_RD)

    def end_soon(self) -> None:
        """End after the request that it is at, which may have come and not been read yet; a stream at once."""
        if self._streams_in is not None:
            eventlet.kill(self._streams_in)
        elif self._is_waiting:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RD)

    def _answer_next(self) -> bool:
        """One request. False when it was the last one."""
        try:
            request = self._next_head()
        except Refusal as refusal:
            self._write(_refused(refusal).wire(with_body=True, close=True))
            self._linger()
            return False
        if request is None:
            return False
        self.is_answering = True
        request.fetch_body = self._fetch_body
        answer = self._answer(request)
        self._answered += 1
        close = not self._keeps_open_after(request)
        if isinstance(answer, StreamAnswer):
            self._send_stream(answer, request)
            close = True
        else:
            self._write(answer.wire(request.method != "HEAD", close, keep_alive=not request.is_http_1_1))
        self.is_answering = False
        # What came behind the last request, or of a body that nobody waits for, would have answers thrown away.
        if close and not (request.is_complete and self._reader.is_idle):
            self._linger()
        return not close

    def _keeps_open_after(self, request: Request) -> bool:
        if not request.is_complete:
            with contextlib.suppress(Refusal):
                self._reader.read_body()  # it may be here, and nobody wanted it
        return (
            request.is_complete
            and request.keeps_alive
            and self._answered < MAX_REQUESTS
            and not self._is_closing()
        )

    def _next_head(self) -> Request | None:
        """The next request, or None when there will be none. Raises Refusal."""
        reader = self._reader
        self._is_waiting = reader.is_idle
        self._deadline = monotonic() + (IDLE_TIMEOUT if self._is_waiting else HEAD_TIMEOUT)
        if not self._is_waiting:
            eventlet.sleep(0)  # it was sent before the last one was answered: others first
        while (request := reader.next_head()) is None:
            data = self._read()
            if self._is_late:
                if reader.is_idle:
                    return None
                raise TooSlow(f"The head did not come within {HEAD_TIMEOUT:g} s.")
            if not data:
                if reader.is_idle:
                    return None
                raise self._ended_early("request")
            if self._is_waiting:
                self._is_waiting = self.is_new = False
                self._deadline = monotonic() + HEAD_TIMEOUT
            reader.feed(data)
        self._is_waiting = False
        self._deadline = _NEVER
        return request

    def _fetch_body(self, request: Request) -> None:
        """Wait for all of it. Raises Refusal."""
        if self._reader.read_body():
            return
        if request.wants_continue:
            with contextlib.suppress(OSError):  # a client that is gone is noticed when its body does not come
                self._write(CONTINUE)
        self._deadline = monotonic() + BODY_TIMEOUT
        while True:
            data = self._read()
            if self._is_late:
                raise TooSlow(f"The body did not come within {BODY_TIMEOUT:g} s.")
            if not data:
                raise self._ended_early("body")
            self._reader.feed(data)
            if self._reader.read_body():
                self._deadline = _NEVER
                return

    def _ended_early(self, what: str) -> Refusal:
        """Why no more comes of a request."""
        if self._is_closing():  # by end_soon(), perhaps between a request's head and its body
            return Unavailable("This process is stopping; try again.")
        return Malformed(f"The {what} ended early.")

    def _send_stream(self, answer: StreamAnswer, request: Request) -> None:
        in_chunks = request.is_http_1_1
        self._streams_in = eventlet.getcurrent()
        # The kernel would hold megabytes for one who does not read.
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM_BUFFER)
        hub = get_hub()
        self._ear = hub.add(hub.READ, self._fileno, self._hear, self._hear, None)
        try:
            self._write(answer.beginning(in_chunks))
            if request.method == "HEAD":
                return
            for piece in answer.pieces:
                if piece:
                    self._write(b"%x\r\n%s\r\n" % (len(piece), piece) if in_chunks else piece)
            if in_chunks:
                self._write(b"0\r\n\r\n")
        finally:
            self._streams_in = None
            self._stop_hearing()
            answer.pieces.close()

    def _hear(self, *_: object) -> None:
        """There is something to read while a stream is being sent, whose client has nothing to say: so it is gone.
        Called by the event loop."""
        if self._streams_in is None:
            return
        try:
            is_gone = not self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            is_gone = True
        if is_gone:
            eventlet.kill(self._streams_in)
        else:
            self._stop_hearing()  # it has sent another request, which will have no answer

    def _stop_hearing(self) -> None:
        if self._ear is not None:
            get_hub().remove(self._ear)
            self._ear = None

    def _read(self) -> bytes:
        """What has come, b"" at the end."""
        while True:
            trampoline(self._fileno, read=True)
            try:
                return self._sock.recv(_READ)
            except BlockingIOError:
                continue
            except OSError:  # it is gone, one way or another
                return b""

    def _write(self, data: bytes) -> None:
        """Raises OSError when the client is gone or does not take it in time."""
        sent = self._send_some(data)
        if sent == len(data):
            return
        self._deadline = monotonic() + SEND_TIMEOUT
        self._is_sending = True
        left = memoryview(data)[sent:]
        while left:
            trampoline(self._fileno, write=True)
            left = left[self._send_some(left) :]
        self._is_sending = False
        self._deadline = _NEVER

    def _send_some(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    def _linger(self) -> None:
        """Throw away what is still being sent, so that the answer arrives."""
        self._is_late = False
        self._deadline = monotonic() + LINGER_TIMEOUT
        self._sock.shutdown(socket.SHUT_WR)
        thrown_away = 0
        while thrown_away < MAX_LINGER and (data := self._read()) and not self._is_late:
            thrown_away += len(data)


def _refused(refusal: Refusal) -> Answer:
    """The answer to what is no request."""
    request_id = logs.new_request_id()
    logs.begin_request(request_id)
    metrics.REFUSED_REQUESTS.labels(refusal.code).inc()
    logs.event("validation_failed", f"no request: {refusal.detail}", status=refusal.status)
    return problem(refusal, request_id)
