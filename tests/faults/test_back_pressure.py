"""Too much at once, and a database that is away, are answered at once; nothing piles up."""

import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from devstack.postgres import Postgres
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order
from tests.support.locks import held, waiting_for_locks
from tests.support.servers import frozen, take_down

MOST = 5
#: Seconds within which a request that cannot be served is refused, on a machine that does much else. It would take
#: three seconds and more if it waited for a connection that it cannot get.
AT_ONCE = 2.5
MEGABYTE = 1024 * 1024
BODY = json.dumps(an_order()).encode()
REQUEST = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)

_HALF_WRITTEN = """
    select number from orders o
    where not exists (select 1 from order_items i where i.order_id = o.id)
        or (select count(*) from order_status_log l where l.order_id = o.id) <> o.sequence
"""


def order(url: str, key: str | None = None) -> requests.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return requests.post(f"{url}/orders", json=an_order(), headers=headers, timeout=60)


def connection(desk: Process) -> socket.socket:
    host, port = desk.address.split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def is_refused_at_once(url: str) -> bool:
    answer = order(url)
    return (
        answer.status_code == 503
        and int(answer.headers["Retry-After"]) > 0
        and answer.headers["Content-Type"] == "application/problem+json"
        and answer.json()["code"] == "unavailable"
        and answer.elapsed.total_seconds() < AT_ONCE
    )


def is_full(url: str) -> bool:
    """True when there is no place for a request, not even for one that is refused for what it says."""
    return requests.post(f"{url}/orders", json={}, timeout=10).status_code == 503


def memory(process: Process) -> int:
    """Bytes that a process has in memory."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * 4096


def assert_all_is_well(expedite: Expedite, answered: list[requests.Response]) -> None:
    numbers = sorted(answer.json()["order_number"] for answer in answered)
    assert expedite.query("select number from orders order by number") == [(number,) for number in numbers]
    assert expedite.query(_HALF_WRITTEN) == []
    assert [int(number[-3:]) for number in numbers] == list(range(1, len(numbers) + 1))
    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)])
    # A ticket may have been published twice, when PostgreSQL went before its outbox row was deleted.
    assert {ticket["order_number"] for ticket in expedite.tickets("takeout")} == set(numbers)


@contextlib.contextmanager
def hanging(expedite: Expedite, url: str, most: int) -> Iterator[list[Future[requests.Response]]]:
    """As many requests as are worked on at once, none of which gets on, for the length of a block."""
    with ThreadPoolExecutor(most) as pool, held(expedite, "lock table order_numbers in access exclusive mode"):
        requests_in_hand = [pool.submit(order, url, f"hanging-{uuid.uuid4()}") for _ in range(most)]
        eventually(lambda: waiting_for_locks(expedite) == 1)  # a batch; the others wait for the next one
        eventually(lambda: is_full(url))
        yield requests_in_hand


@pytest.mark.one_of_its_kind
def test_what_is_too_much_is_refused_at_once_and_what_is_in_hand_is_finished(expedite: Expedite) -> None:
    desk = expedite.start("order_service", MAX_CONCURRENT=MOST, STATEMENT_TIMEOUT=60)
    answered = []
    for _ in range(2):  # the second time shows that every place is free again
        with hanging(expedite, desk.url, MOST) as in_hand:
            for _ in range(5):
                assert is_refused_at_once(desk.url)
            assert desk.health("live").elapsed.total_seconds() < AT_ONCE
            assert desk.health("live").status_code == desk.health("ready").status_code == 200
            assert not any(request.done() for request in in_hand)
        answered += [request.result() for request in in_hand]
        assert {answer.status_code for answer in answered} == {201}
    answered.append(order(desk.url))

    assert_all_is_well(expedite, answered)


def test_requests_that_run_into_their_time_limit_write_nothing(expedite: Expedite) -> None:
    desk = expedite.start("order_service", MAX_CONCURRENT=MOST, STATEMENT_TIMEOUT=1)
    keys = [f"key-{number}" for number in range(MOST)]
    with (
        held(expedite, "lock table order_numbers in access exclusive mode"),
        ThreadPoolExecutor(MOST) as pool,
    ):
        refused = list(pool.map(lambda key: order(desk.url, key), keys))
    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert expedite.query("select * from idempotency_keys") == []
    assert not desk.actions("db_connection_failed")  # PostgreSQL is there, so nobody else is refused

    answered = [order(desk.url, key) for key in keys]
    assert {answer.status_code for answer in answered} == {201}
    assert_all_is_well(expedite, answered)


def test_clients_that_send_their_bodies_slowly_take_nobodys_place(expedite: Expedite) -> None:
    desk = expedite.start("order_service", MAX_CONCURRENT=MOST)
    with contextlib.ExitStack() as slow:
        clients = [slow.enter_context(connection(desk)) for _ in range(2 * MOST)]
        for client in clients:
            client.sendall(REQUEST[:-20])
        answered = [order(desk.url) for _ in range(5)]
        assert {answer.status_code for answer in answered} == {201}

        clients[0].sendall(REQUEST[-20:])
        assert clients[0].recv(12) == b"HTTP/1.1 201"


def test_a_place_is_free_again_when_its_client_went_away(expedite: Expedite) -> None:
    desk = expedite.start("order_service", MAX_CONCURRENT=MOST, STATEMENT_TIMEOUT=60)
    with held(expedite, "lock table order_numbers in access exclusive mode"):
        for number in range(MOST):
            with connection(desk) as client:
                client.sendall(REQUEST.replace(b"Host: x", b"Host: x\r\nIdempotency-Key: gone-%d" % number))
        eventually(lambda: is_full(desk.url))
        assert is_refused_at_once(desk.url)

    eventually(lambda: order(desk.url).status_code == 201)
    with hanging(expedite, desk.url, MOST) as in_hand:
        assert is_refused_at_once(desk.url)
    assert {request.result().status_code for request in in_hand} == {201}


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_without_postgresql_requests_are_refused_at_once_and_cost_no_memory(
    expedite: Expedite, postgres: Postgres, how: str
) -> None:
    desk = expedite.start("order_service")
    first = order(desk.url)
    assert first.status_code == 201
    before = memory(desk)

    take_down(postgres, how)
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(lambda _: is_refused_at_once(desk.url), range(200))) == [True] * 200
    assert desk.health("live").status_code == 200
    assert desk.health("ready").status_code == 503
    assert memory(desk) - before < 30 * MEGABYTE

    postgres.start()
    after = eventually(lambda: answer if (answer := order(desk.url)).status_code == 201 else None, 10)
    eventually(lambda: [line["message"] for line in desk.actions("db_connected")][-1:] == ["PostgreSQL is back"])
    assert_all_is_well(expedite, [first, after])


def test_only_the_first_requests_wait_for_a_postgresql_that_says_nothing(
    expedite: Expedite, postgres: Postgres
) -> None:
    desk = expedite.start("order_service", STATEMENT_TIMEOUT=5)
    first = order(desk.url)
    with frozen(postgres):
        assert order(desk.url).status_code == 503
        with ThreadPoolExecutor(10) as pool:
            assert list(pool.map(lambda _: is_refused_at_once(desk.url), range(100))) == [True] * 100
        assert desk.health("live").status_code == 200

    eventually(lambda: requests.get(f"{desk.url}{first.headers['Location']}", timeout=10).status_code == 200, 10)


def test_one_ended_session_is_no_outage(expedite: Expedite) -> None:
    desk = expedite.start("order_service")
    answered = [order(desk.url)]
    # Waits for each session to be gone (10 s at most). An order that is being written when its session ends is
    # refused, and rightly: nobody knows what became of it.
    expedite.query(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    answered.append(order(desk.url))

    assert [answer.status_code for answer in answered] == [201, 201]
    assert_all_is_well(expedite, answered)
