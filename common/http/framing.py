"""Where a request begins and ends in the bytes of a connection: HTTP/1.1 (RFC 9112), read strictly.

llhttp, under httptools, judges the bytes. What it lets pass and we do not (a second space in the first line, an
older HTTP, no Host or two, a coding besides chunked), and how much of everything there may be, is decided here.
Bytes in, requests out: nothing here knows a socket or a clock.
"""

import re

import httptools

from common.errors import HeadTooLarge, Malformed, TooLarge
from common.http.request import Request

MAX_HEAD = 16 * 1024  # bytes of the first line and all headers
MAX_HEADERS = 100  # lines
MAX_BODY = 64 * 1024  # bytes
#: Bytes that a body in chunks may take besides its data: sizes, extensions, trailers.
MAX_CHUNKING = 16 * 1024

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!\"$-~]+) HTTP/1\.([01])\r\n")
_OTHER_VERSION = re.compile(rb"\S+ \S+ HTTP/[0-9](\.[0-9])?\r\n")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_HEAD_END = re.compile(rb"\n\r?\n")
_HOST = re.compile(rb"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*")


class NotHttp(Malformed):
    """Bytes that are no request, or one whose end is in doubt; nothing behind them can be believed."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.status = status


class RequestReader:
    """One connection's bytes. `feed()` them, and take requests with `next_head()` and `read_body()`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._line: tuple[str, bytes, bool] | None = None  # of the next request
        self._searched = 0  # bytes of the buffer in which no head ends
        self._may_skip_empty_line = True  # an empty line before the next request
        self._parser = httptools.HttpRequestParser(self)
        self._request: Request | None = None
        self._lines: list[tuple[bytes, bytes]] = []  # the headers
        self._in_head = True
        self._chunking = 0  # bytes of the body that are not its data
        self._chunk_left = 0  # bytes of the chunk that have not come, with its end
        self._in_trailers = False

    @property
    def is_idle(self) -> bool:
        """True when nothing has come of the next request."""
        return not self._buffer

    def feed(self, data: bytes) -> None:
        """What has come next. Nothing is judged yet; feed at most what one read brings, and then take it."""
        self._buffer += data

    def next_head(self) -> Request | None:
        """The next request, as soon as its head is there. Raises NotHttp, HeadTooLarge and TooLarge; then the
        connection is of no use any more."""
        buffer = self._buffer
        if self._may_skip_empty_line and buffer.startswith(b"\r\n"):
            del buffer[:2]  # some clients end a body with one too many (RFC 9112, 2.2)
            self._may_skip_empty_line = False
        if self._line is None and b"\n" in buffer:
            self._line = _first_line(buffer)  # at once: what speaks something else may wait for an answer
        end = _HEAD_END.search(buffer, self._searched)
        if (len(buffer) if end is None else end.end()) > MAX_HEAD:
            raise _too_large()
        if end is None or self._line is None:
            self._searched = max(0, len(buffer) - 2)
            return None
        return self._read_head(self._line, self._take(end.end()))

    def read_body(self) -> bool:
        """Takes what has come of the body; True when it is complete. Raises NotHttp and TooLarge."""
        request = self._request
        assert request is not None  # noqa: S101 - after next_head() only
        if request.content_length is not None:
            self._parse(self._take(request.content_length - request.size))
            return request.is_complete
        while not request.is_complete and (piece := self._next_piece()):
            before = request.size
            self._parse(piece)
            self._chunking += len(piece) - (request.size - before)
            if self._chunking > MAX_CHUNKING:
                raise _too_much_chunking()
        return request.is_complete

    def _next_piece(self) -> bytes:
        """What of a body in chunks can be given to llhttp: with a chunk's size its data, and then line by line.
        llhttp does not tell where in what it is given a body ended; so it never gets more than that. A chunk that
        seems shorter here than to llhttp does no harm: what is left of it comes by the line."""
        size = 0
        if not self._chunk_left:
            size = self._buffer.find(b"\n") + 1
            if not size:
                if len(self._buffer) > MAX_CHUNKING:
                    raise _too_much_chunking()
                return b""
            if not self._in_trailers:
                digits = _CHUNK_SIZE.match(self._buffer)
                length = int(digits[0], 16) if digits else 0
                self._in_trailers = length == 0
                self._chunk_left = length + len(b"\r\n") if length else 0
        more = min(self._chunk_left, len(self._buffer) - size)
        self._chunk_left -= more
        return self._take(size + more)

    def _read_head(self, line: tuple[str, bytes, bool], head: bytes) -> Request:
        request = self._request = Request(*line)
        self._line = None
        self._searched = 0
        self._may_skip_empty_line = True
        self._lines.clear()
        self._chunking = self._chunk_left = 0
        self._in_trailers = False
        self._in_head = True
        upgrade = not self._parse(head)
        if len(self._lines) > MAX_HEADERS:
            raise _too_large()
        request.headers = _headers(self._lines)
        _check_head(request)
        if upgrade:
            self._decline_upgrade(request)
        return request

    def _decline_upgrade(self, request: Request) -> None:
        """Who asks for another protocol gets this one (RFC 9110, 7.8). llhttp would take what follows for the
        other one: another parser is told the same framing, and nothing else."""
        if request.method == "CONNECT":
            raise NotHttp("CONNECT is not supported: this is not a proxy.")
        self._parser = httptools.HttpRequestParser(self)
        framing = b""
        if request.content_length is None:
            framing = b"Transfer-Encoding: chunked\r\n"
        elif request.content_length:
            framing = b"Content-Length: %d\r\n" % request.content_length
        request.is_complete = False
        self._parse(b"POST / HTTP/1.1\r\n%s\r\n" % framing)

    def _take(self, size: int) -> bytes:
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece

    def _parse(self, data: bytes) -> bool:
        """False when llhttp stops since another protocol was asked for."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return False
        except httptools.HttpParserInvalidMethodError:
            raise NotHttp("The method is unknown.", 501) from None
        except httptools.HttpParserError as exc:
            if isinstance(exc.__context__, TooLarge):
                raise exc.__context__ from None
            raise NotHttp(f"Not valid HTTP/1.1: {exc}.") from None
        return True

    # --- what llhttp tells --------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # a trailer says nothing that anybody here wants to know
            self._lines.append((name, value))

    def on_headers_complete(self) -> None:
        if self._in_head and self._request is not None:
            self._in_head = False
            self._request.keeps_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        request = self._request
        if request is not None:
            request.size += len(data)
            if request.size > MAX_BODY:
                raise _body_too_large()
            request._data += data

    def on_message_complete(self) -> None:
        if self._request is not None:
            self._request.is_complete = True


#: Headers of which a second one makes the framing, or whom it was meant for, a matter of opinion.
_SINGLE_HEADERS = frozenset((b"host", b"content-length", b"transfer-encoding"))


def _first_line(buffer: bytearray) -> tuple[str, bytes, bool]:
    """Method, target, and whether it is HTTP/1.1 and not 1.0."""
    line = _LINE.match(buffer)
    if line is not None:
        method, target, minor = line.groups()
        return method.decode("ascii"), target, minor == b"1"
    if _OTHER_VERSION.match(buffer) and not re.match(rb"\S+ \S+ HTTP/1\.[01]\r\n", buffer):
        raise NotHttp("Only HTTP/1.1 and HTTP/1.0 are supported.", 505)
    raise NotHttp("The first line is not a request line of HTTP/1.1.")


def _headers(lines: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for as_sent, sent in lines:
        name, value = as_sent.lower(), sent.strip(b" \t")
        if name in headers:
            if name in _SINGLE_HEADERS:
                raise NotHttp(f"More than one {name.decode('ascii').title()} header.")
            value = headers[name] + b", " + value
        headers[name] = value
    return headers


def _check_head(request: Request) -> None:
    """What llhttp lets pass, and what the rest of us has to know of the framing."""
    headers = request.headers
    host = headers.get(b"host")
    if host is None and request.is_http_1_1:
        raise NotHttp("The Host header is missing.")
    if host is not None and not _HOST.fullmatch(host):
        raise NotHttp("The Host header is not a host name.")
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        if coding.lower() != b"chunked" or not request.is_http_1_1:
            raise NotHttp("The only Transfer-Encoding that is accepted is chunked, in HTTP/1.1.")
    else:
        request.content_length = int(headers.get(b"content-length", b"0"))
        if request.content_length > MAX_BODY:
            raise _body_too_large()
    expected = headers.get(b"expect")
    # A client of HTTP/1.0 knows of no expectations, and waits for nothing (RFC 9110, 10.1.1).
    if expected is not None and request.is_http_1_1:
        if expected.lower() != b"100-continue":
            raise NotHttp("The only Expect that is accepted is 100-continue.", 417)
        request.wants_continue = request.has_body


def _too_large() -> HeadTooLarge:
    return HeadTooLarge(f"There may be at most {MAX_HEADERS} headers, and {MAX_HEAD} bytes before the body.")


def _too_much_chunking() -> NotHttp:
    return NotHttp(f"More than {MAX_CHUNKING} bytes besides the data of a body in chunks.")


def _body_too_large() -> TooLarge:
    return TooLarge(f"The body may have at most {MAX_BODY} bytes.")
