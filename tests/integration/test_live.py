"""Streams of running processes: who comes back sees what others see, one reading is for all, and bounds hold."""

import contextlib
import itertools
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.conftest import Transaction
from tests.support.attack import connect, received
from tests.support.events import Listener, listening
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.proxy import Proxy
from tests.support.rows import move, put

ONE, TWO, THREE = "ORD_20261122_001", "ORD_20261122_002", "ORD_20261122_003"
NOBODY = "ORD_20261122_999"


@pytest.fixture
def wall(expedite: Expedite) -> Callable[..., Process]:
    """Starts a process with a topic that tells everybody the same."""
    return lambda **settings: expedite.start("tracking_service", module="tests.support.shared", **settings)


def measured(process: Process, name: str, topic: str) -> float:
    """A figure of /metrics."""
    text = requests.get(f"{process.url}/metrics", timeout=10).text
    found = re.search(rf'^{name}{{topic="{topic}"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def orders(*listeners: Listener) -> dict[str, list[object]]:
    """What a page shows that heard all of these, one after the other; nothing comes twice."""
    shown: dict[str, list[object]] = {}
    for listener in listeners:
        for event in listener.of("reset", "change"):
            if event.name == "reset":
                shown = {}
            for number, (status, sequence) in event.data.get("orders", {}).items():
                assert sequence > shown.get(number, ["", 0])[1], f"{number} came twice"
                shown[number] = [status, sequence]
    return shown


def test_one_reading_is_for_fifty_who_listen(wall: Callable[..., Process], transaction: Transaction) -> None:
    process = wall()
    put(transaction, ONE)
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listening(f"{process.url}/wall/stream")) for _ in range(50)]
        eventually(lambda: all(listener.of("reset") for listener in listeners))
        reads = measured(process, "expedite_stream_reads_total", "wall")
        began = time.monotonic()
        move(transaction, ONE, "cooking")
        eventually(lambda: all(listener.of("change") for listener in listeners))
        # One for the change, and what the clock has had read meanwhile.
        most = 10 + time.monotonic() - began
        assert measured(process, "expedite_stream_reads_total", "wall") - reads < most
        assert measured(process, "expedite_streams_open", "wall") == 50
        assert len({str(listener.of("change")[-1]) for listener in listeners}) == 1
    eventually(lambda: measured(process, "expedite_streams_open", "wall") == 0, 30)


def test_who_was_cut_off_comes_back_to_what_others_see(
    wall: Callable[..., Process], transaction: Transaction
) -> None:
    here, there = wall(), wall()
    with contextlib.closing(Proxy(urlsplit(here.url).port or 0)) as network:
        cut_off = f"http://127.0.0.1:{network.port}/wall/stream"
        put(transaction, ONE)
        with listening(f"{here.url}/wall/stream") as stays:
            leaving = [Listener(cut_off).start() for _ in range(2)]
            for listener in leaving:
                listener.wait(lambda listener=listener: listener.of("reset"))
            move(transaction, ONE, "cooking")
            for listener in leaving:
                listener.wait(lambda listener=listener: listener.of("change"))
            network.cut()
            for listener in leaving:
                listener.wait(lambda listener=listener: listener.is_over)
            for number in (TWO, THREE):
                put(transaction, number)
            move(transaction, TWO, "cancelled")
            move(transaction, ONE, "ready", "completed")
            stays.wait(lambda: orders(stays).get(ONE) == ["completed", 4])
            network.heal()
            with (
                listening(cut_off, leaving[0].last_id) as back,
                listening(f"{there.url}/wall/stream", leaving[1].last_id) as elsewhere,
            ):
                move(transaction, THREE, "cooking")
                for listener in (stays, back, elsewhere):
                    listener.wait(lambda listener=listener: orders(listener).get(THREE) == ["cooking", 2])
                assert not back.of("reset")
                assert not elsewhere.of("reset")
                expected = {ONE: ["completed", 4], TWO: ["cancelled", 2], THREE: ["cooking", 2]}
                assert orders(stays) == orders(leaving[0], back) == orders(leaving[1], elsewhere) == expected


def test_a_page_begins_where_it_was_rendered(wall: Callable[..., Process], transaction: Transaction) -> None:
    process = wall()
    put(transaction, ONE)
    page = requests.get(f"{process.url}/wall", timeout=10).json()
    move(transaction, ONE, "cooking")
    with listening(f"{process.url}/wall/stream?after={page['after']}") as listener:
        listener.wait(lambda: listener.of("change"))
        assert listener.of("change")[0].data["orders"] == {ONE: ["cooking", 2]}
        assert not listener.of("reset")


def test_two_tabs_of_an_order_and_one_that_was_cut_off_see_the_same(
    expedite: Expedite, transaction: Transaction
) -> None:
    here, there = expedite.start("tracking_service"), expedite.start("tracking_service")
    put(transaction, ONE)
    path = f"/orders/{ONE}/stream"
    with contextlib.closing(Proxy(urlsplit(here.url).port or 0)) as network, contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(listening(here.url + path)) for _ in range(2))
        cut_off = Listener(f"http://127.0.0.1:{network.port}{path}").start()
        cut_off.wait(lambda: cut_off.of("status"))
        network.cut()
        cut_off.wait(lambda: cut_off.is_over)
        move(transaction, ONE, "cooking", "ready", "completed")
        with (
            listening(here.url + path, cut_off.last_id) as back,
            listening(there.url + path, cut_off.last_id) as elsewhere,
        ):
            for listener in (one, two, back, elsewhere):
                listener.wait(lambda listener=listener: listener.last_id == "4")
            present = requests.get(f"{there.url}/orders/{ONE}/status", timeout=10).json()
            told = [
                [event.data["sequence"] for each in tab for event in each.of("status")]
                for tab in ([one], [two], [cut_off, back], [cut_off, elsewhere])
            ]
            assert told == [[1, 2, 3, 4]] * 4
            assert one.of("status")[-1].data == {**present, "sequence": 4}
            for listener in (one, two, back, elsewhere):  # the page is told after its step
                listener.wait(lambda listener=listener: listener.of("status", "page")[-1].name == "page")
            for name in ("status", "page"):
                assert len({str(each.of(name)[-1]) for each in (one, two, back, elsewhere)}) == 1


def test_what_no_notification_tells_is_found_by_the_clock(
    expedite: Expedite, wall: Callable[..., Process], transaction: Transaction
) -> None:
    process = wall()
    put(transaction, ONE)
    expedite.query("drop trigger workers_changed on workers")
    with listening(f"{process.url}/wall/stream") as listener:
        listener.wait(lambda: listener.of("reset"))
        # The first may be found when it begins to listen for notifications.
        for number, target in enumerate(("cooking", "ready", "completed"), 1):
            expedite.query("update orders set status = %s, sequence = sequence + 1", target)
            listener.wait(lambda number=number: len(listener.of("change")) == number)


def test_while_nobody_listens_nothing_is_read_and_nothing_connected(
    expedite: Expedite, wall: Callable[..., Process]
) -> None:
    process = wall()
    connected = "select 1 from pg_stat_activity where datname = current_database() and query ~* '^listen'"
    assert not requests.get(f"{process.url}/wall/is-running", timeout=10).json()
    assert expedite.query(connected) == []
    with listening(f"{process.url}/wall/stream"):
        eventually(lambda: expedite.query(connected))
        assert requests.get(f"{process.url}/wall/is-running", timeout=10).json()
    eventually(lambda: requests.get(f"{process.url}/wall/is-running", timeout=10).json() is False, 30)
    eventually(lambda: expedite.query(connected) == [])


@pytest.fixture
def bounded(expedite: Expedite, transaction: Transaction) -> Process:
    put(transaction, ONE)
    return expedite.start("tracking_service", MAX_STREAMS=3, MAX_STREAMS_PER_ADDRESS=2, TRUSTED_PROXIES=1)


def test_over_the_bounds_it_is_refused_before_anything_is_read(bounded: Process) -> None:
    url = f"{bounded.url}/orders/{ONE}/stream"

    def refused(address: str, number: str = NOBODY) -> tuple[int, bool]:
        answer = requests.get(
            f"{bounded.url}/orders/{number}/stream", headers={"X-Forwarded-For": address}, stream=True, timeout=10
        )
        with contextlib.closing(answer):
            return answer.status_code, int(answer.headers.get("Retry-After", 0)) > 0

    assert refused("10.0.0.1") == (404, False)
    with contextlib.ExitStack() as stack:
        for address in ("10.0.0.1", "10.0.0.1"):
            stack.enter_context(listening(url, **{"X-Forwarded-For": address}))
        assert refused("10.0.0.1") == (429, True)
        assert refused("10.0.0.2") == (404, False)
        stack.enter_context(listening(url, **{"X-Forwarded-For": "10.0.0.2"}))
        assert refused("10.0.0.3") == (503, True)
    eventually(lambda: refused("10.0.0.1", ONE) == (200, False), 30)


def test_what_begins_no_stream_takes_no_place(bounded: Process) -> None:
    for _ in range(5):
        assert requests.head(f"{bounded.url}/orders/{ONE}/stream", timeout=10).status_code == 200
        assert requests.get(f"{bounded.url}/orders/{NOBODY}/stream", timeout=10).status_code == 404
    with listening(f"{bounded.url}/orders/{ONE}/stream") as listener:
        listener.wait(lambda: listener.of("status"))
        eventually(lambda: measured(bounded, "expedite_streams_open", "order") == 1)


def test_who_does_not_read_is_dropped_and_the_others_go_on(wall: Callable[..., Process]) -> None:
    process = wall()
    with contextlib.ExitStack() as stack:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stack.enter_context(contextlib.closing(slow))
        host, _, port = process.address.partition(":")
        slow.connect((host, int(port)))
        slow.sendall(b"GET /wall/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        listener = stack.enter_context(listening(f"{process.url}/wall/stream"))
        listener.wait(lambda: listener.of("reset"))
        eventually(lambda: measured(process, "expedite_streams_open", "wall") == 2)
        lengths = itertools.count(250_000)

        def is_dropped() -> bool:
            """After so much that no kernel holds it back for the slow one."""
            length = next(lengths)
            assert requests.post(f"{process.url}/wall", json=length, timeout=10).status_code == 200
            listener.wait(lambda: [len(event.data["said"]) for event in listener.of("change")][-1:] == [length])
            return measured(process, "expedite_streams_dropped_total", "wall") == 1

        eventually(is_dropped, 60)
        eventually(lambda: measured(process, "expedite_streams_open", "wall") == 1)
        slow.settimeout(20)
        with contextlib.suppress(ConnectionResetError):
            while slow.recv(1 << 20):
                pass  # until it ends
        before = len(listener.events)
        requests.post(f"{process.url}/wall", json=7, timeout=10)
        listener.wait(lambda: len(listener.events) > before)
        assert not listener.is_over
    assert not [line for line in process.logged() if line["level"] == "ERROR"]


def test_a_process_that_stops_ends_its_streams_at_once_and_without_a_word(
    expedite: Expedite, transaction: Transaction
) -> None:
    process = expedite.start("tracking_service")
    put(transaction, ONE)
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(listening(f"{process.url}/orders/{ONE}/stream")) for _ in range(20)]
        eventually(lambda: all(listener.of("status") for listener in listeners))
        process.signal(signal.SIGTERM)
        for listener in listeners:
            listener.wait(lambda listener=listener: listener.is_over, 5)
        assert process.popen.wait(10) == 0
    assert not [line for line in process.logged() if line["level"] in ("ERROR", "WARNING")]


@pytest.fixture
def one_stream(bounded: Process) -> Iterator[socket.socket]:
    with connect(bounded) as sock:
        sock.sendall(f"GET /orders/{ONE}/stream HTTP/1.0\r\n\r\n".encode())
        yield sock


def test_it_is_a_stream_of_events_by_its_head(one_stream: socket.socket) -> None:
    one_stream.settimeout(10)
    head = b""
    while b"\r\n\r\n" not in head:
        head += one_stream.recv(65_536)
    assert b"HTTP/1.1 200 OK" in head
    assert b"Content-Type: text/event-stream" in head
    assert b"Cache-Control: no-store" in head


def test_an_order_that_is_none_is_not_found(bounded: Process) -> None:
    with connect(bounded) as sock:
        sock.sendall(b"GET /orders/nothing/stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert received(sock).startswith(b"HTTP/1.1 404 ")
