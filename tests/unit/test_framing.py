"""Where requests begin and end: by a table of raw bytes, and beside another parser."""

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.errors import HeadTooLarge, Refusal, TooLarge
from common.http.framing import MAX_BODY, MAX_CHUNKING, MAX_HEAD, MAX_HEADERS, NotHttp, RequestReader

HOST = b"Host: x\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

Seen = tuple[str, str, bytes]  # method, target, body


def read(data: bytes, size: int | None = None) -> tuple[list[Seen], Refusal | None, bool]:
    """The requests in `data` that came in pieces of `size` bytes, how it was refused, and whether something is
    left that is no request yet."""
    reader = RequestReader()
    pieces = [data] if size is None else [data[at : at + size] for at in range(0, len(data), size)]
    found: list[Seen] = []
    request = None
    try:
        for piece in pieces:
            reader.feed(piece)
            while True:
                if request is None:
                    request = reader.next_head()
                    if request is None:
                        break
                if not request.is_complete and not reader.read_body():
                    break
                target = request.path + (f"?{request.query_string}" if request.query_string else "")
                found.append((request.method, target, request.body))
                if not request.keeps_alive:
                    return found, None, False
                request = None
    except Refusal as refusal:
        return found, refusal, True
    return found, None, request is not None or not reader.is_idle


REFUSED = {
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths that differ": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
    "length, then chunked": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunked, then length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "a blank before the colon": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
    "no colon": b"GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n",
    "no name": b"GET / HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n",
    "gzip, chunked": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked, gzip": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two codings": CHUNKED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") + b"0\r\n\r\n",
    "identity": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
    "a coding that looks like chunked": CHUNKED.replace(b"chunked", b"\x0bchunked") + b"0\r\n\r\n",
    "chunks in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
    "a length with an underscore": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0_2\r\n\r\nab",
    "a length with a plus": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nab",
    "a length below nothing": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length of thirty digits": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
    "an empty length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
    "a hexadecimal length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x2\r\n\r\nab",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "a Host with a blank": b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "a first header that is folded": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "a bare CR in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
    "a bare LF behind a header": b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "a bare LF behind the first line": b"GET / HTTP/1.1\nHost: x\r\n\r\n",
    "bare LFs at the end": b"GET / HTTP/1.1\r\nHost: x\n\n",
    "a letter in a name that is none": "GET / HTTP/1.1\r\nHost: x\r\nCafé: x\r\n\r\n".encode(),
    "two blanks": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank behind the version": b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
    "a tab": b"GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n",
    "a small method": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "another method": b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path that does not begin": b"GET orders HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment": b"GET /#x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a letter in the path that is none": "GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "a proxy's request": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "another protocol": b"GET / RTSP/1.0\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n\r\n",
    "empty lines without end": b"\r\n\r\n\r\n",
    "another expectation": b"POST / HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nContent-Length: 0\r\n\r\n",
    "a chunk size that is none": CHUNKED + b"no number\r\n",
    "a chunk size below nothing": CHUNKED + b"-5\r\nhello\r\n",
    "a chunk size with 0x": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a blank": CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
    "a chunk size of twenty digits": CHUNKED + b"f" * 20 + b"\r\n",
    "a chunk with a bare LF": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "a chunk that is longer than its size": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "a chunk without its end": CHUNKED + b"5\r\nhello0\r\n\r\n",
    "a trailer that is none": CHUNKED + b"0\r\nnothing\r\n\r\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("size", [None, 1])
def test_what_is_in_doubt_is_refused(data: bytes, size: int | None) -> None:
    behind = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    found, refusal, _ = read(data + behind, size)
    assert isinstance(refusal, NotHttp), found
    assert found == []


UNDERSTOOD: dict[str, tuple[bytes, list[Seen]]] = {
    "one": (b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", [("GET", "/a?b=c", b"")]),
    "an empty line before it": (b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", [("GET", "/", b"")]),
    "an empty line between": (
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("GET", "/a", b""), ("GET", "/b", b"")],
    ),
    "with a length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", [("POST", "/", b"abc")]),
    "a length of nothing": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", [("POST", "/", b"")]),
    "in chunks": (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n", [("POST", "/", b"abcde")]),
    "chunks of line feeds": (CHUNKED + b"5\r\n\n\r\n\r\n\r\n0\r\n\r\n", [("POST", "/", b"\n\r\n\r\n")]),
    "chunks of empty lines and of ends": (
        CHUNKED + b"c\r\n\r\n\r\n0\r\n\r\n\r\n\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("POST", "/", b"\r\n\r\n0\r\n\r\n\r\n\n"), ("GET", "/b", b"")],
    ),
    "a size with many noughts": (
        CHUNKED + b"0000000003\r\nabc\r\n000000000000\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("POST", "/", b"abc"), ("GET", "/b", b"")],
    ),
    "a trailer that looks like a size": (
        CHUNKED + b"3\r\nabc\r\n0\r\nff: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("POST", "/", b"abc"), ("GET", "/b", b"")],
    ),
    "behind chunks": (
        CHUNKED + b"1\r\na\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("POST", "/", b"a"), ("GET", "/b", b"")],
    ),
    "behind a length": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("POST", "/", b"abc"), ("GET", "/b", b"")],
    ),
    "HTTP/1.0 without Host": (b"GET / HTTP/1.0\r\n\r\nnobody reads this", [("GET", "/", b"")]),
    "HTTP/1.0 that goes on": (
        b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
        [("GET", "/a", b""), ("GET", "/b", b"")],
    ),
    "the last one": (
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("GET", "/a", b"")],
    ),
    "an address in full": (b"GET http://x:80/a?b HTTP/1.1\r\nHost: x\r\n\r\n", [("GET", "/a?b", b"")]),
    "an address in full without a path": (b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", [("GET", "/", b"")]),
    "all of the server": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", [("OPTIONS", "*", b"")]),
    "another protocol, please": (
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("GET", "/a", b""), ("GET", "/b", b"")],
    ),
    "HTTP/2, please, with a length": (
        b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AA\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("POST", "/a", b"abc"), ("GET", "/b", b"")],
    ),
    "HTTP/2, please, in chunks": (
        CHUNKED.replace(b"Host", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost")
        + b"3\r\nabc\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        [("POST", "/", b"abc"), ("GET", "/b", b"")],
    ),
}


@pytest.mark.parametrize(("data", "expected"), UNDERSTOOD.values(), ids=UNDERSTOOD)
@pytest.mark.parametrize("size", [None, 1, 7])
def test_what_is_clear_is_understood_however_it_comes(data: bytes, expected: list[Seen], size: int | None) -> None:
    found, refusal, _ = read(data, size)
    assert refusal is None
    assert found == expected


def test_headers_are_told_by_small_names_and_joined() -> None:
    reader = RequestReader()
    reader.feed(
        b"GET / HTTP/1.1\r\nHOST: x\r\nX-Forwarded-For: 10.0.0.1 \t\r\nx-forwarded-for:10.0.0.2\r\nE:\r\n\r\n"
    )
    request = reader.next_head()
    assert request is not None
    assert request.headers == {b"host": b"x", b"x-forwarded-for": b"10.0.0.1, 10.0.0.2", b"e": b""}
    assert request.header(b"e") == ""
    assert request.header(b"missing") is None


def test_a_trailer_changes_no_header() -> None:
    reader = RequestReader()
    reader.feed(CHUNKED.replace(b"Host", b"Authorization: mine\r\nHost") + b"0\r\nAuthorization: yours\r\n\r\n")
    request = reader.next_head()
    assert request is not None
    assert reader.read_body()
    assert request.header(b"authorization") == "mine"


@pytest.mark.parametrize(
    ("head", "is_too_large"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n" % (b"x" * (MAX_HEAD - 32)), False),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n" % (b"x" * (MAX_HEAD - 31)), True),
        (b"GET /%s HTTP/1.1\r\n" % (b"x" * MAX_HEAD), True),
        (b"G" * (MAX_HEAD + 1), True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * (MAX_HEADERS - 1) + b"\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * MAX_HEADERS + b"\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A" * MAX_HEAD, True),
    ],
    ids=["just", "a byte more", "path", "method", "headers", "a header more", "name"],
)
def test_a_head_has_a_bound(head: bytes, is_too_large: bool) -> None:
    found, refusal, _ = read(head, size=1000)
    assert isinstance(refusal, HeadTooLarge) == is_too_large
    assert bool(found) != is_too_large


@pytest.mark.parametrize(
    ("data", "refused_as"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), TooLarge),
        (CHUNKED + b"%x\r\n%s\r\n" % (MAX_BODY, b"x" * MAX_BODY) + b"1\r\nx\r\n", TooLarge),
        (CHUNKED + b"%x\r\n%s" % (MAX_BODY + 1, b"x" * (MAX_BODY + 1)), TooLarge),
        (CHUNKED + b"0" * (MAX_CHUNKING + 1), NotHttp),
        (CHUNKED + b"1;" + b"x" * (MAX_CHUNKING + 1), NotHttp),
        (CHUNKED + b"1;x\r\na\r\n" * 4_000, NotHttp),
        (CHUNKED + b"0\r\n" + b"T: x\r\n" * 4_000, NotHttp),
        (CHUNKED + b"0\r\nT: " + b"x" * (MAX_CHUNKING + 1), NotHttp),
        (CHUNKED + b"0\r\n" + b"T" * (MAX_CHUNKING + 1), NotHttp),
    ],
    ids=[
        "length",
        "chunks",
        "a chunk",
        "size",
        "extension",
        "extensions",
        "trailers",
        "trailer",
        "trailer's name",
    ],
)
def test_a_body_has_a_bound_and_so_has_what_comes_with_it(data: bytes, refused_as: type[Refusal]) -> None:
    found, refusal, _ = read(data, size=16_384)
    assert isinstance(refusal, refused_as)
    assert found == []


def test_what_comes_beside_a_body_is_counted_for_each_by_itself() -> None:
    one = CHUNKED + b"1;%s\r\na\r\n0\r\n\r\n" % (b"x" * (MAX_CHUNKING - 100))
    found, refusal, _ = read(one * 3, 1000)
    assert refusal is None
    assert found == [("POST", "/", b"a")] * 3


def test_64_kib_are_read() -> None:
    body = b"x" * MAX_BODY
    assert read(CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (MAX_BODY, body), 1000)[0] == [("POST", "/", body)]
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % MAX_BODY
    assert read(head + body, 1000)[0] == [("POST", "/", body)]


# --- beside h11 --------------------------------------------------------------------------------------------


def read_by_h11(data: bytes) -> tuple[list[Seen], bool]:
    """The requests that h11 finds, and whether it refuses."""
    found: list[Seen] = []
    while data := data.removeprefix(b"\r\n"):  # an empty line before a request (RFC 9112, 2.2), which h11 refuses
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=10 * MAX_BODY)
        body, line = b"", ("", "")
        try:
            connection.receive_data(data)
            while not isinstance(event := connection.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Request):
                    path, _, query = event.target.decode().partition("?")  # /? asks for what / asks for
                    line = event.method.decode(), path + (f"?{query}" if query else "")
                elif isinstance(event, h11.Data):
                    body += event.data
                else:
                    return found, False
        except h11.RemoteProtocolError:
            return found, True
        found.append((*line, body))
        if connection.their_state is not h11.DONE:  # the last one
            return found, False
        data = connection.trailing_data[0]
    return found, False


_NAMES = [b"Host", b"A", b"Content-Length", b"Transfer-Encoding", b"Connection", b"content-length ", b"Ho st", b""]
_VALUES = [
    b"x",
    b"0",
    b"3",
    b"5",
    b"3, 3",
    b"+3",
    b"chunked",
    b"Chunked",
    b"gzip, chunked",
    b"close",
    b"keep-alive",
]
_ENDS = [b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n "]
_header = st.tuples(
    st.sampled_from(_NAMES) | st.binary(max_size=3),
    st.sampled_from([b": ", b": ", b": ", b":", b" : ", b"", b"\t:"]),
    st.sampled_from(_VALUES) | st.binary(max_size=4),
    st.sampled_from(_ENDS),
).map(b"".join)
_chunk = st.sampled_from(
    [
        b"3\r\nabc\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n",
        b"\r\n",
        b"3;a=b\r\nabc\r\n",
        b"T: x\r\n",
        b"0x3\r\nabc\r\n",
        b"3\r\nab",
    ]
)
_request = st.tuples(
    st.sampled_from([b"GET", b"POST", b"POST", b"get", b""]),
    st.sampled_from([b" ", b" ", b" ", b" ", b"  ", b"\t"]),
    st.sampled_from([b"/", b"/a?b", b"*", b"a", b"/a b"]) | st.binary(max_size=3).map(lambda data: b"/" + data),
    st.sampled_from([b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/9.9", b""]),
    st.sampled_from(_ENDS),
    st.sampled_from([b"", HOST, HOST, HOST]),
    st.lists(_header, max_size=4).map(b"".join),
    st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b""]),
    st.lists(_chunk, max_size=4).map(b"".join) | st.binary(max_size=5),
).map(b"".join)
_bytes = st.lists(_request, min_size=1, max_size=3).map(b"".join)


@settings(max_examples=600, deadline=None)
@given(_bytes)
@example(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: x\r\n\r\n")
@example(CHUNKED + b"3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"GET /? HTTP/1.1\r\nHost: x\r\n\r\n")
def test_what_h11_refuses_is_refused_and_what_both_take_means_the_same(data: bytes) -> None:
    ours, refusal, unfinished = read(data)
    theirs, is_refused = read_by_h11(data)
    # We may stop earlier: never later, and never with something else.
    assert ours == theirs[: len(ours)], (ours, theirs)
    if is_refused and len(ours) == len(theirs):
        assert refusal is not None or unfinished


@settings(max_examples=300, deadline=None)
@given(_bytes, st.integers(1, 9))
def test_it_does_not_matter_in_which_pieces_it_comes(data: bytes, size: int) -> None:
    whole, in_pieces = read(data), read(data, size)
    assert in_pieces[0] == whole[0]
    assert (in_pieces[1] is None) == (whole[1] is None)
