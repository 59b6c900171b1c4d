"""A request that is sent twice with its Idempotency-Key places one order, whatever happened to the first."""

import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests

from common.errors import Invalid
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.conftest import copied_database
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order
from tests.support.locks import held, waiting_for_locks

COCKTAIL = {"name": "Negroni", "quantity": 1, "price": 15.90}

# A commit that takes its time, so that a process can die between sending it and hearing of it.
_SLOW_COMMIT = """
    create function dawdle() returns trigger language plpgsql as $$
    begin
        perform pg_sleep(1.5);
        return null;
    end $$;
    create constraint trigger dawdle after insert on idempotency_keys
        deferrable initially deferred for each row execute function dawdle()
"""


@pytest.fixture(scope="module")
def running(postgres: Postgres, rabbitmq: RabbitMQ) -> Iterator[Expedite]:
    """Two order_service processes on a database of their own; the tests that share them order with new keys."""
    vhost = f"idempotency-{uuid.uuid4().hex[:12]}"
    with copied_database(postgres.url) as database_url:
        running = Expedite(database_url, rabbitmq.add_vhost(vhost))
        try:
            for _ in range(2):
                running.start("order_service", wait=False)
            for process in running.processes:
                process.wait_ready()
            yield running
        finally:
            running.stop_all()
            rabbitmq.delete_vhost(vhost)


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def post(at: Process, key: str | bytes, body: Any = None, **options: Any) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body or an_order(items=[COCKTAIL]))
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    return requests.post(f"{at.url}/orders", data=data, headers=headers, timeout=20, **options)


def orders(expedite: Expedite) -> int:
    return int(expedite.query("select count(*) from orders")[0][0])


def published(expedite: Expedite, number: str) -> int:
    """How many tickets of an order wait, once the outbox is empty."""
    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)], 20)
    return [ticket["order_number"] for ticket in expedite.tickets("takeout")].count(number)


@pytest.mark.one_of_its_kind
def test_the_same_request_gets_the_first_answer_byte_for_byte_from_any_process(
    running: Expedite, key: str
) -> None:
    before = orders(running)
    first, again, elsewhere = (
        post(process, key) for process in [*running.processes[:1] * 2, running.processes[1]]
    )

    assert first.status_code == again.status_code == elsewhere.status_code == 201
    assert first.content == again.content == elsewhere.content
    assert b'"total_amount":15.90,' in first.content
    assert first.headers["Location"] == again.headers["Location"] == elsewhere.headers["Location"]
    assert orders(running) == before + 1
    assert published(running, first.json()["order_number"]) == 1
    details = requests.get(running.with_key(again.json()), timeout=10).json()
    assert details["customer_name"] == "Ada Lovelace"


def test_the_answer_stays_the_first_one_when_the_order_has_moved_on(running: Expedite, key: str) -> None:
    first = post(running.processes[0], key)
    cancel = running.with_key(first.json(), "/cancel")
    assert requests.post(cancel, timeout=10).status_code == 200

    assert post(running.processes[1], key).content == first.content


@pytest.mark.parametrize(
    "same",
    [
        b'{ "order_type" : "takeout",\n "items": [{"price": 15.9, "quantity": 1.0, "name": "Negroni"}],'
        b'"customer_name": "  Ada Lovelace ", "table_number": null}',
        b'{"items":[{"name":"Negroni","quantity":1,"price":1590e-2}],"customer_name":"\\u0041da Lovelace",'
        b'"order_type":"takeout"}',
    ],
    ids=["blanks and order", "other spellings"],
)
def test_a_body_that_says_the_same_in_other_words_is_the_same(running: Expedite, key: str, same: bytes) -> None:
    first = post(running.processes[0], key)

    assert post(running.processes[1], key, same).content == first.content


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize(
    "changes",
    [
        {"customer_name": "Ada Lovelacf"},
        {"items": [COCKTAIL, COCKTAIL]},
        {"items": [{**COCKTAIL, "quantity": 2}]},
        {"items": [{**COCKTAIL, "price": 15.91}]},
        {"order_type": "dine_in", "table_number": 1},
        {"allergies": ["nuts"]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_key_of_another_order_is_refused(running: Expedite, key: str, changes: dict[str, Any]) -> None:
    assert post(running.processes[0], key).status_code == 201
    before = orders(running)

    answer = post(running.processes[1], key, {**an_order(items=[COCKTAIL]), **changes})

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert orders(running) == before


@pytest.mark.parametrize(
    "bad", ["", "k" * 201, "schlüssel".encode(), b"a\tb"], ids=["empty", "201 characters", "no ASCII", "a tab"]
)
def test_what_is_no_key_is_refused(running: Expedite, bad: str | bytes) -> None:
    before = orders(running)

    answer = post(running.processes[0], bad)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]
    assert orders(running) == before


def test_a_key_of_200_characters_is_one(running: Expedite) -> None:
    longest = uuid.uuid4().hex.ljust(200, "~")

    assert post(running.processes[0], longest).content == post(running.processes[1], longest).content


def test_a_refused_order_leaves_its_key_free(running: Expedite, key: str) -> None:
    assert post(running.processes[0], key, an_order(customer_name="R2D2")).status_code == 422

    assert post(running.processes[0], key).status_code == 201


@pytest.mark.one_of_its_kind
def test_twenty_equal_requests_at_once_over_two_processes_place_one_order(running: Expedite, key: str) -> None:
    before = orders(running)
    start = Barrier(20)

    def order(position: int) -> requests.Response:
        start.wait()
        return post(running.processes[position % 2], key)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(order, range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert orders(running) == before + 1
    assert published(running, answers[0].json()["order_number"]) == 1


def test_two_different_orders_at_once_with_one_key_place_one_and_refuse_the_other(
    running: Expedite, key: str
) -> None:
    before = orders(running)
    start = Barrier(2)

    def order(position: int) -> int:
        start.wait()
        return post(
            running.processes[position], key, an_order(items=[{**COCKTAIL, "quantity": position + 1}])
        ).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(order, range(2))) == [201, 422]
    assert orders(running) == before + 1


def test_a_key_is_free_again_after_24_hours_and_not_before(running: Expedite, key: str) -> None:
    first = post(running.processes[0], key)
    age = "update idempotency_keys set created_at = created_at - %s::interval where key = %s"
    running.query(age, "23 hours 59 minutes", f"guest:{key}")
    assert post(running.processes[0], key).content == first.content

    running.query(age, "2 minutes", f"guest:{key}")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda position: post(running.processes[position % 2], key), range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["order_number"] != first.json()["order_number"]

    other = post(running.processes[0], key, an_order())
    assert other.status_code == 422


def test_by_rpc_it_is_the_same(running: Expedite, key: str) -> None:
    before = orders(running)
    body = an_order(items=[COCKTAIL])
    with running.rpc() as rpc:
        guest: dict[str, str] = {}
        first = rpc.order_service.place_order(body, guest, key)
        assert rpc.order_service.place_order(body, guest, key) == first
        assert post(running.processes[0], key).json() == first
        with pytest.raises(Invalid) as refused:
            rpc.order_service.place_order(an_order(), guest, key)
        assert [error["field"] for error in refused.value.extra["errors"]] == ["Idempotency-Key"]
        for bad in ("", "k" * 201, "schlüssel", 7, ["a"]):
            with pytest.raises(Invalid):
                rpc.order_service.place_order(body, idempotency_key=bad)
    assert orders(running) == before + 1


def test_a_client_that_leaves_without_its_answer_finds_one_order_when_it_asks_again(running: Expedite) -> None:
    body = json.dumps(an_order(items=[COCKTAIL])).encode()
    before = orders(running)
    keys = [uuid.uuid4().hex for _ in range(20)]
    host, port = running.processes[0].address.split(":")
    for key in keys:
        with socket.create_connection((host, int(port)), timeout=5) as client:
            head = (
                f"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
            )
            client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    answers = [post(running.processes[1], key) for key in keys]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["order_number"] for answer in answers}) == len(keys)
    assert [post(running.processes[0], key).content for key in keys] == [answer.content for answer in answers]
    assert orders(running) == before + len(keys)


def test_an_order_whose_process_died_before_its_commit_is_placed_when_it_is_sent_again(
    expedite: Expedite, key: str
) -> None:
    survivor, victim = _two_processes(expedite)
    today = expedite.place()["order_number"]
    with ThreadPoolExecutor(1) as pool:
        with held(expedite, "select * from order_numbers for update"):
            cut_off = pool.submit(post, victim, key)
            eventually(lambda: waiting_for_locks(expedite))
            victim.kill()
            with pytest.raises(requests.ConnectionError):
                cut_off.result()
        answer = post(survivor, key)

    assert answer.status_code == 201
    assert post(survivor, key).content == answer.content
    # No number was used up by the order that did not come about.
    assert int(answer.json()["order_number"][-3:]) == int(today[-3:]) + 1
    assert orders(expedite) == 2
    assert published(expedite, answer.json()["order_number"]) == 1


def test_an_order_whose_process_died_after_its_commit_is_answered_when_it_is_sent_again(
    expedite: Expedite, key: str
) -> None:
    survivor, victim = _two_processes(expedite)
    expedite.query(_SLOW_COMMIT)
    with ThreadPoolExecutor(1) as pool:
        cut_off = pool.submit(post, victim, key)
        eventually(
            lambda: expedite.query(
                "select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
            )
        )
        victim.kill()
        with pytest.raises(requests.ConnectionError):
            cut_off.result()
    answer = post(survivor, key)

    assert answer.status_code == 201
    [line] = eventually(
        lambda: [line for line in survivor.actions("order_received") if line["details"]["replayed"]]
    )
    assert line["details"]["order_number"] == answer.json()["order_number"]
    assert orders(expedite) == 1
    assert published(expedite, answer.json()["order_number"]) == 1


def test_orders_in_the_hands_of_a_process_that_is_killed_are_placed_once_each(expedite: Expedite) -> None:
    survivor, victim = _two_processes(expedite)
    keys = [uuid.uuid4().hex for _ in range(300)]
    answered: dict[str, bytes] = {}

    def order(key: str) -> None:
        with contextlib.suppress(requests.ConnectionError):
            answered[key] = post(victim, key).content

    with ThreadPoolExecutor(20) as pool:
        for key in keys:
            pool.submit(order, key)
        eventually(lambda: len(answered) >= 50, 20)
        victim.kill()

    assert len(answered) < len(keys)
    answers = {key: post(survivor, key) for key in keys}
    assert {answer.status_code for answer in answers.values()} == {201}
    assert {key: answers[key].content for key in answered} == answered
    numbers = {answer.json()["order_number"] for answer in answers.values()}
    assert len(numbers) == len(keys) == orders(expedite)
    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)], 20)
    assert {ticket["order_number"] for ticket in expedite.tickets("takeout")} == numbers


def _two_processes(expedite: Expedite) -> tuple[Process, Process]:
    survivor, victim = (expedite.start("order_service", wait=False) for _ in range(2))
    return survivor.wait_ready(), victim.wait_ready()
