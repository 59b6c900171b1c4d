"""Whatever comes over HTTP is answered in the one shape of error, never with a 500, and writes nothing."""

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
JSON = {"Content-Type": "application/json"}
ORDER = json.dumps(an_order())


@dataclass
class Answer:
    """An HTTP answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


def spoken(address: str, request: bytes, hang_up: bool = False) -> Answer:
    """Send these bytes and read one answer. `hang_up` ends what is sent, as a client does that goes away."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=15) as sock:
        sock.sendall(request)
        if hang_up:
            with contextlib.suppress(OSError):  # the server may have hung up first
                sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as file:
            status = int(file.readline().split()[1])
            headers = {}
            while line := file.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            has_body = not request.startswith(b"HEAD ")
            return Answer(status, headers, file.read(int(headers["content-length"])) if has_body else b"")


def asked(process: Process, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {process.address}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return spoken(process.address, "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body)


def ordered(process: Process, body: str | bytes, **headers: str) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    return asked(process, "POST", "/orders", {**JSON, "Content-Length": str(len(data)), **headers}, data)


def chunked(data: bytes, size: int = 1000) -> bytes:
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def refused(answer: Answer, status: int) -> dict[str, Any]:
    """The problem document of an answer with that status, checked to have every member."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(answer.body)
    assert set(problem) >= MEMBERS
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert all(isinstance(problem[name], str) and problem[name] for name in MEMBERS - {"status"})
    return problem


@pytest.fixture(scope="module")
def front_door(running: Expedite) -> Process:
    return running.start("order_service")


@pytest.fixture(scope="module")
def tracking(running: Expedite) -> Process:
    return running.start("tracking_service")


@pytest.fixture(autouse=True)
def _nothing_is_written_and_nothing_fails(running: Expedite) -> Iterator[None]:
    tables = ("orders", "order_items", "order_status_log", "order_numbers", "outbox")
    yield
    assert [running.query(f"select count(*) from {table}")[0][0] for table in tables] == [0] * len(tables)
    for process in running.processes:
        assert process.popen.poll() is None
        assert process.actions("request_failed") == []
        assert [line for line in process.printed() if "Traceback" in line] == []


@pytest.mark.parametrize(
    "body",
    [
        "{",
        ORDER[:-1],
        "order",
        "{'customer_name': 'Ada'}",
        '{"items": [1,]}',
        '{"items": NaN}',
        '{"items": -Infinity}',
        '{"items": 1e9999999999999999999}',
        '{"items": ' + "9" * 5000 + "}",
        '{"customer_name": "\\ud800"}',
        '{"customer_name": "\x00"}',
        "[" * 60_000,
        '{"a":' * 10_000,
        '["\\u0041", ' * 5_000,
        ORDER.encode("utf-16"),
        b"\xff\xfe{}",
        b"\xef\xbb\xbf" + ORDER.encode(),
        ORDER + ORDER,
        " ",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_what_is_no_json_is_malformed(front_door: Process, body: str | bytes) -> None:
    assert refused(ordered(front_door, body), 400)["code"] == "malformed"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("null", {""}),
        ("[]", {""}),
        ('"order"', {""}),
        ("5", {""}),
        ("true", {""}),
        ("{}", {"customer_name", "order_type", "items"}),
        ("[" * 500 + "]" * 500, {""}),
        (json.dumps({**an_order(), "tip": 5}), {"tip"}),
        (json.dumps({**an_order(), "customer_name": "\u0000"}), {"customer_name"}),
        (json.dumps({**an_order(), "customer_name": True}), {"customer_name"}),
        (json.dumps({**an_order(), "customer_name": ["Ada"], "order_type": {}}), {"customer_name", "order_type"}),
        (
            json.dumps(an_order(items=[{"name": "P", "quantity": "1", "price": "9"}])),
            {"items[0].quantity", "items[0].price"},
        ),
        (json.dumps(an_order(items=[{"name": "P", "quantity": 1, "price": 9.999}])), {"items[0].price"}),
        (
            json.dumps(an_order(items=[{"name": "P", "quantity": 1, "price": 1}])).replace(": 1}", ": 1e999}"),
            {"items[0].price"},
        ),
        (json.dumps({**an_order(), "items": [[[[]]]]}), {"items[0]"}),
        (json.dumps({**an_order(), "\ud83d\udc69\r\nX: y" * 20: 1}), None),
        (json.dumps({str(n): n for n in range(2000)}), None),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else ",".join(sorted(value or "?")),
)
def test_broken_rules_are_named_field_by_field(front_door: Process, body: str, fields: set[str] | None) -> None:
    problem = refused(ordered(front_door, body), 422)
    assert problem["code"] == "validation_failed"
    assert all(set(error) == {"field", "message"} and error["message"] for error in problem["errors"])
    assert fields is None or {error["field"] for error in problem["errors"]} == fields


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "0"}, {**JSON, "Content-Length": "0"}])
def test_an_order_without_a_body_is_refused(front_door: Process, headers: dict[str, str]) -> None:
    refused(asked(front_door, "POST", "/orders", headers), 422)


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
        "json",
        "application/json-patch+json",
        "é",
    ],
)
def test_another_media_type_is_refused(front_door: Process, media_type: str) -> None:
    answer = ordered(front_door, ORDER, **{"Content-Type": media_type})
    assert refused(answer, 415)["code"] == "wrong_media_type"


def test_more_than_64_kib_are_refused_by_their_announcement(front_door: Process) -> None:
    headers = {**JSON, "Content-Length": str(64 * 1024 + 1), "Expect": "100-continue"}
    assert refused(asked(front_door, "POST", "/orders", headers), 413)["code"] == "too_large"


def test_more_than_64_kib_are_refused_when_they_come_in_chunks(front_door: Process) -> None:
    headers = {**JSON, "Transfer-Encoding": "chunked"}
    data = ORDER.encode() + b" " * (64 * 1024)
    assert refused(asked(front_door, "POST", "/orders", headers, chunked(data)), 413)["code"] == "too_large"


def test_64_kib_are_read(front_door: Process) -> None:
    body = json.dumps({**an_order(), "tip": 5})
    problem = refused(ordered(front_door, body.ljust(64 * 1024)), 422)
    assert [error["field"] for error in problem["errors"]] == ["tip"]


def test_chunks_are_read(front_door: Process) -> None:
    headers = {**JSON, "Transfer-Encoding": "chunked"}
    body = chunked(json.dumps({**an_order(), "tip": 5}).encode(), size=7)
    problem = refused(asked(front_door, "POST", "/orders", headers, body), 422)
    assert [error["field"] for error in problem["errors"]] == ["tip"]


@pytest.mark.parametrize(
    "framing",
    [
        f"Content-Length: {len(ORDER) + 1}\r\n\r\n{ORDER}",
        f"Content-Length: 60000\r\n\r\n{ORDER}",
        "Content-Length: 5\r\n\r\n",
        f"Transfer-Encoding: chunked\r\n\r\n{len(ORDER):x}\r\n{ORDER[:20]}",
        f"Transfer-Encoding: chunked\r\n\r\n{len(ORDER):x}\r\n{ORDER}\r\n",
        "Transfer-Encoding: chunked\r\n\r\nno number\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
    ],
)
def test_a_body_that_is_cut_off_is_malformed(front_door: Process, framing: str) -> None:
    request = f"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}"
    assert refused(spoken(front_door.address, request.encode(), hang_up=True), 400)["code"] == "malformed"


@pytest.mark.parametrize(
    ("request_lines", "status"),
    [
        ("POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
        ("POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET /orders/x HTTP/1.1\r\nHost: x\r\nX-Request-ID: a\r\n folded\r\n\r\n", 400),
        ("GET /orders/x HTTP/1.1\r\n\r\n", 400),
        ("GET /orders/é HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (f"GET /{'x' * 17_000} HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (f"GET /orders/x HTTP/1.1\r\nHost: x\r\nX-Request-ID: {'x' * 17_000}\r\n\r\n", 431),
        ("GET /orders/x HTTP/1.1\r\nHost: x\r\n" + "".join(f"X-{n}: x\r\n" for n in range(200)) + "\r\n", 431),
        ("GET /orders/x HTTP/9.9\r\nHost: x\r\n\r\n", 505),
        ("GET /orders/x HTTP/x\r\nHost: x\r\n\r\n", 400),
        ("BREW /orders HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        ("POST /orders HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\n\r\n", 417),
        ("how are you today\r\n\r\n", 400),
    ],
    ids=lambda value: repr(value)[:48],
)
def test_what_is_hardly_http_is_refused_in_the_same_shape(
    front_door: Process, request_lines: str, status: int
) -> None:
    answer = spoken(front_door.address, request_lines.encode())
    refused(answer, status)
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "path",
    [
        "/order",
        "/orders/ORD_20261122_001",
        "/orders/ORD_20261122_001/",
        "/orders/ORD_20261122_999999999999999999999999",
        "/orders/%00",
        "/orders/ORD_20261122_001%00",
        "/orders/%zz",
        "/orders/%",
        "/orders/%ff%fe",
        "/orders/%ED%A0%80",
        "/orders/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/orders/../../etc/passwd",
        "/orders/%0d%0aX-Injected:%20yes",
        "/orders/' or 1=1 --".replace(" ", "%20"),
        "/orders/" + "x" * 4000,
        "/orders/%C3%A9",
        "/orders/ORD_20261122_001?key=%ff&key=%00&key=%C3%A9",
        "/orders/ORD_20261122_001?key=" + "x" * 4000,
        "http://elsewhere.example/nowhere",
        "/static/../common/settings.py",
    ],
    ids=lambda path: path[:32],
)
@pytest.mark.parametrize("suffix", ["", "/cancel"])
def test_what_is_not_there_is_not_found(front_door: Process, path: str, suffix: str) -> None:
    place, mark, query = path.partition("?")
    answer = asked(front_door, "POST" if suffix else "GET", f"{place}{suffix}{mark}{query}", {})
    refused(answer, 404)
    assert "x-injected" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/orders/ORD_20261122_001/status",
        "/orders/ORD_20261122_001/history",
        "/orders/%00/status",
        "/orders/%ff/history",
        "/orders/x/status/y",
        "/workers",
    ],
)
def test_what_tracking_does_not_know_is_not_found(tracking: Process, path: str) -> None:
    assert refused(asked(tracking, "GET", path, {}), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/orders", {"POST"}),
        ("DELETE", "/orders", {"POST"}),
        ("PATCH", "/orders/ORD_20261122_001", {"GET", "HEAD"}),
        ("DELETE", "/orders/ORD_20261122_001", {"GET", "HEAD"}),
        ("POST", "/orders/ORD_20261122_001", {"GET", "HEAD"}),
        ("GET", "/orders/ORD_20261122_001/cancel", {"POST"}),
        ("POST", "/health/live", {"GET", "HEAD"}),
        ("PUT", "//orders", {"GET", "POST"}),
    ],
)
def test_another_method_is_answered_with_those_that_will_do(
    front_door: Process, method: str, path: str, allow: set[str]
) -> None:
    answer = asked(front_door, method, path, {})
    assert refused(answer, 405)["code"] == "method_not_allowed"
    assert set(answer.headers["allow"].split(", ")) >= allow


@pytest.mark.parametrize(
    ("path", "status"), [("/health/live", 200), ("/orders/ORD_20261122_001", 404), ("/orders/x/cancel", 405)]
)
def test_head_answers_as_get_without_the_body(front_door: Process, path: str, status: int) -> None:
    answer = asked(front_door, "HEAD", path, {"Connection": "close"})
    assert answer.status == status
    assert answer.body == b""


@pytest.mark.parametrize("request_id", ["till-7", "A.b_c-9", "x" * 64])
def test_a_sane_request_id_comes_back_and_is_logged(front_door: Process, request_id: str) -> None:
    answer = ordered(front_door, "{}", **{"X-Request-ID": request_id})
    assert refused(answer, 422)["request_id"] == request_id
    eventually(
        lambda: (
            {"validation_failed", "request_received"}
            <= {line["action"] for line in front_door.logged() if line["request_id"] == request_id}
        )
    )


@pytest.mark.parametrize(
    "request_id",
    ["", "x" * 65, "x" * 8000, "a b", "a;b", "é", "<script>", "a\tb", "${jndi:ldap://x}", "../.."],
    ids=lambda value: repr(value[:16]),
)
def test_any_other_request_id_is_replaced(front_door: Process, request_id: str) -> None:
    answer = ordered(front_door, "{}", **{"X-Request-ID": request_id})
    assert re.fullmatch(r"[0-9a-f]{32}", refused(answer, 422)["request_id"])


def test_a_refused_order_is_logged_by_its_fields_and_not_by_their_values(front_door: Process) -> None:
    body = json.dumps(an_order(customer_name="R2D2-of-Naboo", delivery_address="12 Secret Street, Naboo"))
    refused(ordered(front_door, body, **{"X-Request-ID": "naboo"}), 422)
    lines = eventually(
        lambda: [line for line in front_door.actions("validation_failed") if line["request_id"] == "naboo"]
    )
    assert set(lines[0]["details"]["fields"]) == {"customer_name", "delivery_address"}
    assert "Naboo" not in "\n".join(front_door.lines)
