"""Orders that come at once are written together, and each is answered for itself."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from devstack.postgres import Postgres
from tests.eventually import eventually
from tests.expedite import Expedite, Process, an_order
from tests.faults.proxy import Proxy

NAMES = [
    f"{first} {last}" for first in ("Ada", "Bob", "Cleo", "Dan", "Eve") for last in ("Hall", "Ito", "Roe", "Wu")
]
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
BATCHES = "select count(distinct placed_at) from orders"


class Crowd:
    """Customers who have all sent their orders before the first one reads an answer."""

    def __init__(self, desk: Process) -> None:
        self._desk = desk
        self._connections: list[http.client.HTTPConnection] = []

    def order(self, **changes: Any) -> None:
        connection = http.client.HTTPConnection(self._desk.address, timeout=30)
        body = json.dumps(an_order(**changes))
        connection.request("POST", "/orders", body, {"Content-Type": "application/json"})
        self._connections.append(connection)

    def wait_until_all_are_read(self) -> None:
        """This is answered after all that came before it was read."""
        assert self._desk.health("live").status_code == 200

    def answers(self) -> list[tuple[int, Any]]:
        """In the order of the requests."""
        answers = []
        for connection in self._connections:
            answer = connection.getresponse()
            answers.append((answer.status, json.load(answer)))
            connection.close()
        return answers


@contextmanager
def held_up(expedite: Expedite, crowd: Crowd) -> Iterator[None]:
    """What is ordered inside the block waits together until the block ends: the first order has been sent to
    PostgreSQL, which cannot number it until then."""
    blocker = psycopg2.connect(expedite.database_url)
    try:
        with blocker.cursor() as cursor:
            cursor.execute("insert into order_numbers values ((now() at time zone 'UTC')::date, 0)")
            crowd.order(customer_name="First")
            eventually(lambda: expedite.query(WAITING) == [(1,)])
            yield
    finally:
        blocker.close()


def stored(expedite: Expedite) -> dict[str, str]:
    return dict(expedite.query("select number, customer_name from orders"))


def test_a_hundred_at_once_are_a_few_transactions_and_each_gets_its_own_answer(expedite: Expedite) -> None:
    crowd = Crowd(expedite.start("order_service", MAX_CONCURRENT=200, MAX_WORKERS=210))
    orders = [
        {
            "customer_name": f"{name} {tail}",
            "items": [{"name": "Tea", "quantity": 1, "price": (100 + number) / 100}],
        }
        for number, (name, tail) in enumerate((name, tail) for name in NAMES for tail in ("V", "W", "X", "Y", "Z"))
    ]
    with held_up(expedite, crowd):
        for order in orders:
            crowd.order(**order)
        crowd.wait_until_all_are_read()
    answers = crowd.answers()[1:]
    assert {status for status, _ in answers} == {201}
    rows = expedite.query(
        "select o.number, o.customer_name, o.total_amount, i.price, b.body ->> 'customer_name', l.status"
        " from orders o join order_items i on i.order_id = o.id join order_status_log l on l.order_id = o.id"
        " left join outbox b on b.body ->> 'order_number' = o.number"
    )
    by_number = {row[0]: row[1:4] for row in rows}
    assert len(rows) == len(by_number) == 101
    for order, (_, answer) in zip(orders, answers, strict=True):
        amount = round(order["items"][0]["price"], 2)
        name, total, price = by_number[answer["order_number"]]
        assert (name, float(total), float(price)) == (order["customer_name"], amount, amount)
        assert answer["total_amount"] == amount
    assert expedite.query(BATCHES)[0][0] <= 4


def test_an_order_that_postgresql_refuses_fails_alone(expedite: Expedite) -> None:
    desk = expedite.start("order_service")
    expedite.query("alter table orders add constraint poison check (customer_name <> 'Mallory')")
    crowd = Crowd(desk)
    names = [*NAMES[:7], "Mallory", *NAMES[7:], "Mallory"]
    with held_up(expedite, crowd):
        for name in names:
            crowd.order(customer_name=name)
        crowd.wait_until_all_are_read()
    answers = crowd.answers()[1:]
    assert [status for status, _ in answers] == [500 if name == "Mallory" else 201 for name in names]
    kept = stored(expedite)
    for name, (status, answer) in zip(names, answers, strict=True):
        assert status == 500 or kept[answer["order_number"]] == name
    assert sorted(kept.values()) == sorted(["First", *NAMES])
    assert sorted(int(number.rpartition("_")[2]) for number in kept) == list(range(1, len(kept) + 1))
    assert "Mallory" not in json.dumps(desk.actions("request_failed"))
    assert expedite.place(customer_name="Later")["order_number"]


@pytest.fixture
def to_postgres(postgres: Postgres) -> Iterator[Proxy]:
    proxy = Proxy(postgres.port)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("commits", [True, False])
def test_when_postgresql_is_cut_off_during_a_batch_nobody_is_told_what_is_not_so(
    expedite: Expedite, to_postgres: Proxy, postgres: Postgres, commits: bool
) -> None:
    direct = expedite.database_url
    through = direct.replace(f":{urlsplit(direct).port}/", f":{to_postgres.port}/")
    desk = expedite.start("order_service", DATABASE_URL=through)
    crowd = Crowd(desk)
    with held_up(expedite, crowd):
        for name in NAMES:
            crowd.order(customer_name=name)
        crowd.wait_until_all_are_read()
        if commits:
            to_postgres.lose_the_answer(b"execute write")  # of the batch after this one
        else:
            to_postgres.cut()
    answers = crowd.answers()
    assert {status for status, _ in answers[1:]} == {503}
    if commits:
        eventually(lambda: sorted(stored(expedite).values()) == sorted(["First", *NAMES]))
    to_postgres.heal()
    # Nothing is sent a second time.
    number = eventually(lambda: expedite.place_number(customer_name="Later"), 20)
    kept = stored(expedite)
    assert kept[number] == "Later"
    assert sorted(kept.values()) == sorted(["First", *(NAMES if commits else []), "Later"])
    for status, answer in answers:
        assert status == 503 or answer["order_number"] in kept


def test_a_process_that_is_told_to_stop_writes_and_answers_what_waits(expedite: Expedite) -> None:
    desk = expedite.start("order_service")
    crowd = Crowd(desk)
    with held_up(expedite, crowd):
        for name in NAMES:
            crowd.order(customer_name=name)
        crowd.wait_until_all_are_read()
        desk.popen.terminate()
        eventually(lambda: desk.actions("graceful_shutdown"))
    answers = crowd.answers()
    assert [status for status, _ in answers] == [201] * len(answers)
    assert {answer["order_number"] for _, answer in answers} == set(stored(expedite))
    assert desk.popen.wait(20) == 0
