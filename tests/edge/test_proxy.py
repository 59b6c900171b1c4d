"""The proxy of a deployment, by its real configuration: what it lets through, and what it keeps outside."""

import contextlib
import inspect
import re
import signal
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from nameko.web.handlers import HttpRequestHandler

from kitchen_service.service import KitchenService
from notifier_service.service import NotifierService
from order_service.service import OrderService
from tests.support.attack import ROOM, Customers, memory
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order
from tests.support.haproxy import Proxy
from tests.support.recorder import Recorder
from tracking_service.service import TrackingService

HOST = b"Host: 127.0.0.1\r\n"
#: What no customer needs; every other route is public.
INSIDE = ("/health", "/metrics", "/orders/stuck")
HEAD_SECONDS = 10  # timeout http-request


class House:
    """The proxy, and behind it recorders in the places of the four services."""

    def __init__(self, folder: Path) -> None:
        self.order, self.kitchen, self.tracking, self.notifier = self.recorders = [Recorder() for _ in range(4)]
        self.proxy = Proxy(folder, *(recorder.address for recorder in self.recorders))
        self.proxy.start()

    def stop(self) -> None:
        self.proxy.stop()
        for recorder in self.recorders:
            recorder.stop()

    def ask(self, method: str, path: str, more: bytes = b"", address: str = "127.0.0.1") -> tuple[int, bytes]:
        """The answer's status, and the whole of it."""
        answer = self.proxy.ask(f"{method} {path} HTTP/1.1\r\n".encode() + HOST + more + b"\r\n", address)
        return status(answer), answer

    def reached(self) -> list[str]:
        return [line for recorder in self.recorders for line in recorder.lines()]


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer
    return int(found[1])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    running = House(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def proxy(expedite: Expedite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The proxy in front of real services; `requests` trusts it."""
    services = ("order_service", "kitchen_service", "tracking_service", "notifier_service")
    running = Proxy(tmp_path, *(expedite.url(name).removeprefix("http://") for name in services))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.certificate))
    one_address = {"PUBLIC_URL": running.url, "TRACKING_URL": running.url}
    expedite.start("order_service", TRUSTED_PROXIES=1, ORDERS_PER_ADDRESS="3 per day", **one_address)
    expedite.start("tracking_service", TRUSTED_PROXIES=1)
    running.start()
    yield running
    running.stop()


def place(proxy: Proxy, address: str = "127.0.0.1", **headers: str) -> int:
    """Order from that address; gives the answer's status."""
    body = requests.Request("POST", proxy.url, json=an_order()).prepare().body
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    sent = f"POST /orders HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{head}"
    return status(proxy.ask(sent.encode() + HOST + b"\r\n" + body, address))


def test_an_order_goes_through_and_can_be_followed(proxy: Proxy, expedite: Expedite) -> None:
    with requests.Session() as customer:
        answer = customer.post(
            f"{proxy.url}/orders", json=an_order(), headers={"X-Request-ID": "ada.1"}, timeout=10
        )
        assert answer.status_code == 201
        assert answer.headers["X-Request-ID"] == "ada.1"
        assert answer.headers["Strict-Transport-Security"]
        number, link = answer.json()["order_number"], answer.json()["tracking_url"]
        assert link.startswith(f"{proxy.url}/track/{number}?key=")
        key = link.rpartition("?")[2]
        order = f"{proxy.url}/orders/{number}"
        assert customer.get(f"{order}?{key}", timeout=10).json()["customer_name"] == "Ada Lovelace"
        followed = customer.get(f"{proxy.url}/orders/{number}/status", timeout=10).json()
        assert followed["current_status"] == "received"
        assert customer.get(f"{proxy.url}/workers/status", timeout=10).json() == []
        assert customer.post(f"{order}/cancel?{key}", timeout=10).json()["status"] == "cancelled"
    [line] = eventually(lambda: expedite.processes[0].actions("order_received"))
    assert line["request_id"] == "ada.1"
    eventually(lambda: "ada.1" in {line["request_id"] for line in proxy.logged()})
    assert key.removeprefix("key=") not in str(proxy.logged())


def test_customers_are_told_apart_and_nobody_can_make_their_address_up(proxy: Proxy) -> None:
    assert [place(proxy, "127.0.0.2") for _ in range(4)] == [201, 201, 201, 429]
    assert place(proxy, "127.0.0.2", X_Forwarded_For="10.0.0.1") == 429
    assert place(proxy, "127.0.0.2", X_Forwarded_For="127.0.0.4, 10.0.0.1", Forwarded="for=10.0.0.1") == 429
    assert place(proxy, "127.0.0.3") == 201


def test_plain_http_is_sent_to_where_links_begin(house: House) -> None:
    for host in ("127.0.0.1", "evil.example"):
        answer = requests.get(
            f"{house.proxy.plain_url}/menu?a=1", headers={"Host": host}, allow_redirects=False, timeout=10
        )
        assert (answer.status_code, answer.headers["Location"]) == (308, f"{house.proxy.url}/menu?a=1")
    assert house.reached() == []


def routes(service: type) -> set[tuple[str, str]]:
    """Method and path of every route, with something in the place of its variables."""
    name = service.name.removesuffix("_service")  # type: ignore[attr-defined]
    return {
        (entrypoint.method, re.sub("<.*?>", "x", entrypoint.url.replace("<service>", name)))
        for _, member in inspect.getmembers(service)
        for entrypoint in getattr(member, "nameko_entrypoints", ())
        if isinstance(entrypoint, HttpRequestHandler)
    }


@pytest.mark.matrix
def test_every_route_is_public_at_its_service_or_stays_inside(house: House) -> None:
    for recorder, service in (
        (house.order, OrderService),
        (house.kitchen, KitchenService),
        (house.tracking, TrackingService),
        (house.notifier, NotifierService),
    ):
        known = routes(service)
        assert ("GET", "/metrics") in known
        # Of these the proxy has one address for each service, and the short one is order_service's.
        elsewhere = () if service is OrderService else ("/docs", "/openapi.json")
        public = {route for route in known if not route[1].startswith(INSIDE) and route[1] not in elsewhere}
        for method, path in public:
            assert house.ask(method, path, b"Content-Length: 0\r\n")[0] == 200, path
        assert set(recorder.lines()) == {f"{method} {path}" for method, path in public}


def test_an_orders_page_is_where_its_link_leads(house: House) -> None:
    assert house.ask("GET", "/track/ORD_20261122_001?key=hNhUnB9pmxpCtFVEhTJbleaC")[0] == 200
    assert [line.partition("?")[0] for line in house.tracking.lines()] == ["GET /track/ORD_20261122_001"]
    assert house.order.lines() == []
    assert "hNhUnB9pmxpCtFVEhTJbleaC" not in str(house.proxy.logged())


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/static/base.css",
            "/static/order/a/b",
            "/track",
            "/track/x/y/z",
            "/lobby/x",
            "/board/x/y/z/a",
            "/sign-in/x",
            "/webhooks/1/test/x",
            "/deliveries/1",
        ),
        *("/metrics", "/health", "/health/live", "/health/ready", "/orders/stuck", "//metrics", "/./metrics"),
        *("/%6detrics", "/orders/../metrics/../../x/y", "/METRICS", "/orders/x/y/z", "/metrics?/orders"),
        *("http://127.0.0.1/metrics", "/menu/../../health/live/x"),
    ],
)
def test_what_is_not_public_is_not_there(house: House, path: str) -> None:
    code, answer = house.ask("GET", path)
    assert code == 404
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    request_id = re.search(rb"x-request-id: (\S+)", head)
    assert request_id
    assert b'"request_id":"' + request_id[1] + b'"' in body
    assert house.reached() == []


def chunked(size: int) -> bytes:
    """A body of so many bytes, in chunks of 4 KiB."""
    return b"".join(b"1000\r\n" + b"x" * 4096 + b"\r\n" for _ in range(size // 4096)) + b"0\r\n\r\n"


POST = b"POST /orders HTTP/1.1\r\n" + HOST
GET = b"GET /menu HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "refused"),
    [
        (POST + b"Content-Length: 65537\r\n\r\n" + b"x" * 65537, {413}),
        (POST + b"Content-Length: 3000000\r\n\r\n" + b"x" * 3000000, {413}),
        (CHUNKED + chunked(73728), {413}),
        (CHUNKED + chunked(3000000), {413}),
        (GET + b"A: " + b"a" * 9000 + b"\r\n\r\n", {431}),
        (GET + b"A: " + b"a" * 200000 + b"\r\n\r\n", {400, 431}),
        (GET + b"A: b\r\n" * 101 + b"\r\n", {400}),
        (b"GET /menu?" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", {414}),
        (b"GET /menu HTTP/1.1\r\n\r\n", {400}),
        (GET + b"Host: example.com\r\n\r\n", {400}),
        (GET + b"no colon\r\n\r\n", {400}),
        (GET + b"a : b\r\n\r\n", {400}),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", {400}),
        (POST + b"Content-Length: 5, 6\r\n\r\nhello!", {400}),
        (POST + b"Content-Length: +5\r\n\r\nhello", {400}),
        (POST + b"Content-Length: 0_5\r\n\r\nhello", {400}),
        (POST + b"Content-Length: -5\r\n\r\nhello", {400}),
        (POST + b"Content-Length : 5\r\n\r\nhello", {400}),
        (POST + b"Content-Length: 99999999999999999999999\r\n\r\nhello", {400}),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400, 422}),
        (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", {400, 422}),
        (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", {400}),
        (CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", {400}),
        (CHUNKED + b"5;" + b"a" * 200000, {400}),
        (CHUNKED + b"0" * 200000, {400}),
        (CHUNKED + b"0\r\n" + b"a: b\r\n" * 50000, {400}),
    ],
)
def test_what_is_beyond_the_bounds_ends_at_the_proxy(house: House, sent: bytes, refused: set[int]) -> None:
    answer = house.proxy.ask(sent)
    # Newer versions end some connections without a word.
    assert not answer or status(answer) in refused
    assert house.reached() == []


def test_what_is_within_the_bounds_reaches_the_service_as_it_was_sent(house: House) -> None:
    body = b"x" * 65536
    assert status(house.proxy.ask(POST + b"Content-Length: 65536\r\n\r\n" + body)) == 200
    assert status(house.proxy.ask(CHUNKED + chunked(len(body)))) == 200
    assert status(house.proxy.ask(GET + b"A: b\r\n" * 90 + b"B: " + b"b" * 7000 + b"\r\n\r\n")) == 200
    assert [request.body for request in house.order.requests] == [body, body, b""]


def test_a_request_waits_until_it_is_whole(house: House) -> None:
    with house.proxy.connect() as slow:
        slow.sendall(POST + b"Content-Length: 65536\r\n\r\n" + b"x" * 65000)
        for _ in range(5):
            assert house.ask("GET", "/menu")[0] == 200
        assert house.order.begun == 5
        slow.sendall(b"x" * 536)
        assert status(received(slow, b"\r\n\r\n")) == 200
    assert house.order.begun == 6


def test_a_refusal_of_a_large_body_always_arrives(house: House) -> None:
    large = POST + b"Content-Length: 3000000\r\n\r\n" + b"x" * 3000000
    assert [status(house.proxy.ask(large)) for _ in range(20)] == [413] * 20


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
        (b"Content-Length: 5, 5\r\n", b"hello"),
        (b"Content-Length: 5\r\nX: y\n folded\r\n", b"hello"),
    ],
)
def test_what_can_be_read_in_two_ways_reaches_the_service_in_one(
    house: House, framing: bytes, body: bytes
) -> None:
    hidden = b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n"
    house.proxy.ask(POST + framing + b"\r\n" + body + hidden)
    assert house.reached() == ["POST /orders"]
    head = house.order.requests[0].head
    assert head.count("content-length:") + head.count("transfer-encoding:") == 1
    assert "5, 5" not in head
    assert "\n " not in head


def test_a_request_id_that_is_not_sane_is_replaced(house: House) -> None:
    for given in (b"good-1.2_3", b"bad\xff", b"a" * 65, b'"}'):
        house.ask("GET", "/menu", b"X-Request-ID: " + given + b"\r\n")
    found = [re.findall(r"x-request-id: (.*)\r", request.head) for request in house.order.requests]
    assert found[0] == ["good-1.2_3"]
    assert all(re.fullmatch(r"[0-9a-f-]{36}", ids[0]) and len(ids) == 1 for ids in found[1:])


def drip(connections: list[ssl.SSLSocket], byte: bytes, seconds: float) -> int:
    """Send that byte on each of them every half second; gives how many were not told to stop within that time.

    A body that nobody waits for any more HAProxy may read on, and throw away, from a client that does not stop.
    """
    waiting = set(connections)
    for connection in connections:
        connection.setblocking(False)
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        for connection in list(waiting):
            try:
                connection.send(byte)
                assert status(connection.recv(65536)) == 408
                waiting.remove(connection)
            except ssl.SSLWantReadError:
                continue
            except OSError:
                waiting.remove(connection)
        time.sleep(0.5)
    return len(waiting)


@pytest.mark.matrix
def test_heads_and_bodies_that_drip_are_refused_and_orders_go_on(proxy: Proxy, expedite: Expedite) -> None:
    # One that does not limit orders.
    expedite.start("order_service", ORDER_ADDRESS=expedite.processes[0].address, TRUSTED_PROXIES=1)
    expedite.processes[0].stop()
    customers = Customers(proxy.url)
    with contextlib.ExitStack() as opened, customers.ordering():
        slow = []
        for n in range(160):
            connection = opened.enter_context(proxy.connect(f"127.0.1.{n % 2 + 1}"))
            connection.sendall(b"GET /menu HTTP/1.1\r\nA: " if n % 4 else POST + b"Content-Length: 60000\r\n\r\n")
            slow.append(connection)
        assert drip(slow, b"a", seconds=HEAD_SECONDS * 2) == 0
    customers.were_served()


def test_an_endless_body_takes_no_memory(house: House) -> None:
    before = memory(house.proxy)
    for begin, more in (
        (CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        (CHUNKED + b"5;", b"a" * 65536),
        (CHUNKED + b"0\r\n", b"a: b\r\n" * 10000),
        (POST + b"Content-Length: 9000000000\r\n\r\n", b"x" * 65536),
    ):
        with contextlib.suppress(OSError), house.proxy.connect() as connection:
            connection.settimeout(2)
            connection.sendall(begin)
            for _ in range(500):
                connection.sendall(more)
    assert memory(house.proxy) < before + ROOM
    assert house.reached() == []
    assert house.ask("GET", "/menu")[0] == 200


@pytest.mark.matrix
def test_an_address_has_a_hundred_connections_and_others_are_not_held_up(house: House) -> None:
    with contextlib.ExitStack() as opened:
        taken = 0
        for _ in range(150):
            with contextlib.suppress(OSError):
                opened.enter_context(house.proxy.connect("127.0.0.2"))
                taken += 1
        assert taken == 100
        assert house.ask("GET", "/menu", address="127.0.0.3")[0] == 200
    eventually(lambda: house.ask("GET", "/menu", address="127.0.0.2")[0] == 200)


def test_who_asks_too_often_waits_and_others_do_not(house: House) -> None:
    with house.proxy.connect("127.0.0.2") as connection:
        file = connection.makefile("rb")
        answers = []
        for _ in range(550):
            connection.sendall(GET + b"\r\n")
            answers.append(status(file.readline()))
            head = b"".join(iter(file.readline, b"\r\n"))
            file.read(int(re.search(rb"content-length: (\d+)", head)[1]))  # type: ignore[index]
        assert answers[:500] == [200] * 500
        assert answers[-1] == 429
        assert b"retry-after: 10" in head
    assert len(house.order.requests) < 550
    assert house.ask("GET", "/menu", address="127.0.0.3")[0] == 200


def received(connection: ssl.SSLSocket, end: bytes) -> bytes:
    """What comes until `end` has."""
    came = b""
    while end not in came:
        more = connection.recv(65536)
        assert more, f"ended with {came!r}"
        came += more
    return came


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/", "order"),
        ("/sign-in", "order"),
        ("/account", "order"),
        ("/static/order/base.css", "order"),
        ("/board", "kitchen"),
        ("/board/ORD_20261122_001/start", "kitchen"),
        ("/static/kitchen/board.js", "kitchen"),
        ("/track/ORD_20261122_001", "tracking"),
        ("/lobby", "tracking"),
        ("/dashboard", "tracking"),
        ("/dashboard.csv", "tracking"),
        ("/static/tracking/base.css", "tracking"),
        ("/notifications", "notifier"),
        ("/notifications/unsubscribe", "notifier"),
        ("/static/notifier/base.css", "notifier"),
        ("/docs", "order"),
        ("/docs/tracking", "tracking"),
        ("/docs/kitchen", "kitchen"),
        ("/openapi.json", "order"),
        ("/openapi/tracking.json", "tracking"),
        ("/asyncapi.json", "order"),
    ],
)
def test_a_page_is_its_services(house: House, path: str, service: str) -> None:
    assert house.ask("GET", path)[0] == 200
    assert house.reached() == getattr(house, service).lines() == [f"GET {path}"]


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/orders/ORD_20261122_001/stream", "tracking"),
        ("/lobby/stream", "tracking"),
        ("/dashboard/stream", "tracking"),
        ("/board/stream", "kitchen"),
    ],
)
def test_a_stream_is_passed_on_as_it_comes(house: House, path: str, service: str) -> None:
    recorder = getattr(house, service)
    with house.proxy.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
        # The second half is not sent before the first has come.
        received(connection, b"data: 1\n\n")
        recorder.go_on.set()
        received(connection, b"data: 2\n\n")
    assert recorder.lines() == [f"GET {path}"]


def test_a_service_that_is_away_is_a_503(house: House) -> None:
    house.order.stop()
    code, answer = house.ask("POST", "/orders", b"Content-Length: 0\r\n")
    assert code == 503
    assert b"retry-after: 2" in answer
    assert b'"code":"unavailable"' in answer
    assert house.ask("GET", "/workers/status")[0] == 200


def test_a_new_certificate_is_taken_without_ending_anything(house: House) -> None:
    with house.proxy.connect() as before:
        # In the middle of an answer, where no time-out for a request runs, however long the change takes.
        before.sendall(b"GET /lobby/stream HTTP/1.1\r\n" + HOST + b"\r\n")
        received(before, b"data: 1\n\n")
        house.proxy.renew_certificate()

        def is_taken() -> bool:
            # Again, if a new process could not be begun: then the one of before goes on.
            house.proxy.popen.send_signal(signal.SIGUSR2)
            # connect() trusts the new one only.
            return eventually(lambda: house.ask("GET", "/menu")[0] == 200, 5)

        eventually(is_taken, 30)
        house.tracking.go_on.set()
        received(before, b"data: 2\n\n")
