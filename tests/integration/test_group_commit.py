"""Orders that come at once are written together, and each is answered for itself."""

import http.client
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from devstack.postgres import Postgres
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order
from tests.support.proxy import Proxy
from tests.support.scraping import figures

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

    def order(self, key: str | None = None, **changes: Any) -> None:
        """`key` is an Idempotency-Key."""
        connection = http.client.HTTPConnection(self._desk.address, timeout=30)
        body = json.dumps(an_order(**changes))
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        connection.request("POST", "/orders", body, headers)
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


def are_in_a_row(numbers: Iterable[str]) -> bool:
    """From the day's first to the last, without a gap or a double."""
    ordinals = sorted(int(number.rpartition("_")[2]) for number in numbers)
    return ordinals == list(range(1, len(ordinals) + 1))


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
    assert are_in_a_row(kept)
    assert "Mallory" not in json.dumps(desk.actions("request_failed"))
    assert figures(desk)["expedite_retries_total", "batch"] >= 5  # 22 in halves, and those, until one is left
    assert expedite.place(customer_name="Later")["order_number"]


def test_orders_with_a_key_are_written_with_the_others(expedite: Expedite) -> None:
    crowd = Crowd(expedite.start("order_service"))
    with held_up(expedite, crowd):
        for position, name in enumerate(NAMES):
            crowd.order(f"key-{position}" if position % 2 else None, customer_name=name)
        crowd.wait_until_all_are_read()
    assert [status for status, _ in crowd.answers()] == [201] * (len(NAMES) + 1)
    assert expedite.query(BATCHES) == [(2,)]
    assert expedite.query("select count(*) from idempotency_keys") == [(len(NAMES) // 2,)]


def test_of_the_same_key_in_one_batch_the_first_is_placed_and_no_number_is_lost(expedite: Expedite) -> None:
    crowd = Crowd(expedite.start("order_service"))
    with held_up(expedite, crowd):
        for name in ("Ada", "Ada", "Bob", "Ada"):
            crowd.order("mine", customer_name=name)
            crowd.order(customer_name="Other")
        crowd.wait_until_all_are_read()
    answers = crowd.answers()[1:]
    (status, first), (_, again), (refused, problem), (_, once_more) = answers[::2]
    assert (status, refused) == (201, 422)
    assert first == again == once_more
    assert [error["field"] for error in problem["errors"]] == ["Idempotency-Key"]
    kept = stored(expedite)
    assert sorted(kept.values()) == ["Ada", "First", *["Other"] * 4]
    assert kept[first["order_number"]] == "Ada"
    assert expedite.query(BATCHES) == [(2,)]  # nobody else's batch was tried again for it
    assert are_in_a_row([*kept, expedite.place_number()])


def test_the_same_keys_in_the_batches_of_two_processes_place_each_order_once(expedite: Expedite) -> None:
    """Neither batch can see the other's keys, and they come in opposite orders."""
    crowds = [Crowd(expedite.start("order_service")) for _ in range(2)]
    blocker = psycopg2.connect(expedite.database_url)
    try:
        with blocker.cursor() as cursor:
            cursor.execute("insert into order_numbers values ((now() at time zone 'UTC')::date, 0)")
            for waiting, (crowd, names) in enumerate(zip(crowds, (NAMES, NAMES[::-1]), strict=True), start=1):
                crowd.order(customer_name="First")
                eventually(lambda waiting=waiting: expedite.query(WAITING) == [(waiting,)])
                for name in names:
                    crowd.order(name.replace(" ", "-"), customer_name=name)
                crowd.wait_until_all_are_read()
    finally:
        blocker.close()
    (_, *here), (_, *there) = (crowd.answers() for crowd in crowds)
    assert {status for status, _ in [*here, *there]} == {201}
    assert here == there[::-1]
    kept = stored(expedite)
    assert sorted(kept.values()) == sorted(["First", "First", *NAMES])
    assert [kept[answer["order_number"]] for _, answer in here] == NAMES
    assert are_in_a_row([*kept, expedite.place_number()])


def test_a_key_that_another_process_commits_while_a_statement_waits_places_nothing(expedite: Expedite) -> None:
    """Both statements have looked for the key, and found none, before either of them can go on."""
    crowds = [Crowd(expedite.start("order_service")) for _ in range(2)]
    blocker = psycopg2.connect(expedite.database_url)
    try:
        with blocker.cursor() as cursor:
            cursor.execute("insert into order_numbers values ((now() at time zone 'UTC')::date, 0)")
            for waiting, crowd in enumerate(crowds, start=1):
                crowd.order("same", customer_name="Ada")
                eventually(lambda waiting=waiting: expedite.query(WAITING) == [(waiting,)])
    finally:
        blocker.close()
    [here], [there] = (crowd.answers() for crowd in crowds)
    assert here == there
    assert here[0] == 201
    assert stored(expedite) == {here[1]["order_number"]: "Ada"}


def test_the_key_of_an_order_that_postgresql_refused_is_free(expedite: Expedite) -> None:
    desk = expedite.start("order_service")
    crowd = Crowd(desk)
    expedite.query("alter table orders add constraint poison check (customer_name <> 'Mallory')")
    with held_up(expedite, crowd):
        crowd.order("bad", customer_name="Mallory")
        for position, name in enumerate(NAMES):
            crowd.order(f"key-{position}", customer_name=name)
        crowd.wait_until_all_are_read()
    assert [status for status, _ in crowd.answers()[1:]] == [500] + [201] * len(NAMES)
    expedite.query("alter table orders drop constraint poison")
    again = Crowd(desk)
    again.order("bad", customer_name="Mallory")
    [(status, answer)] = again.answers()
    assert (status, stored(expedite)[answer["order_number"]]) == (201, "Mallory")
    assert are_in_a_row(stored(expedite))


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
