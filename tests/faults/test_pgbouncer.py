"""PgBouncer in transaction mode stands before PostgreSQL, with fewer connections than one service's pool has."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psycopg2
import pytest
import requests

from devstack.postgres import Postgres
from devstack.standby import Standby
from tests.support.customers import numbers, ordering
from tests.support.events import listening
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.pgbouncer import PgBouncer

POOL_SIZE = 3


@pytest.fixture
def pooler(tmp_path: Path, private_postgres: Postgres) -> Iterator[PgBouncer]:
    bouncer = PgBouncer(tmp_path / "pgbouncer", private_postgres, POOL_SIZE)
    bouncer.start()
    yield bouncer
    bouncer.kill()


@pytest.fixture
def house(private_postgres: Postgres, pooler: PgBouncer, amqp_uri: str) -> Iterator[Expedite]:
    """Its pools' connections lead through PgBouncer, the others past it."""
    running = Expedite(private_postgres.url, amqp_uri)
    yield running
    running.stop_all()


def start(house: Expedite, pooler: PgBouncer) -> None:
    """Everything."""
    addresses = {"DATABASE_URL": pooler.url, "DATABASE_DIRECT_URL": house.database_url}
    house.start("order_service", wait=False, **addresses)
    house.start("tracking_service", wait=False, **addresses)
    house.start("notifier_service", wait=False, **addresses)
    house.start_worker("anna", wait=False, PREFETCH=5, **addresses)
    house.start_worker("bruno", wait=False, PREFETCH=5, **addresses)
    for process in house.processes:
        process.wait_ready()


def read(house: Expedite, path: str) -> int:
    """How tracking_service answers."""
    return requests.get(f"{house.url('tracking_service')}{path}", timeout=20).status_code


def test_its_connections_have_the_bounds_that_services_ask_for(pooler: PgBouncer) -> None:
    with contextlib.closing(psycopg2.connect(pooler.url, options="-c statement_timeout=1")) as connection:
        for name, value in {
            "statement_timeout": "5s",
            "idle_in_transaction_session_timeout": "5s",
            "client_min_messages": "warning",
            "timezone": "UTC",
        }.items():
            with connection, connection.cursor() as cursor:
                cursor.execute(f"show {name}")
                assert cursor.fetchone()[0].upper() == value.upper(), name


@pytest.mark.one_of_its_kind
def test_orders_are_placed_cooked_and_followed_through_it(house: Expedite, pooler: PgBouncer) -> None:
    start(house, pooler)
    first = house.place_number()
    with listening(f"{house.url('tracking_service')}/orders/{first}/stream") as listener:
        with ordering(house.url("order_service"), customers=10) as answers:
            eventually(lambda: len(numbers(answers)) >= 200, 30)
            # A busy machine may let some wait for too long.
            paths = ("/workers/status", "/lobby", f"/track/{first}", f"/orders/{first}/history") * 5
            with ThreadPoolExecutor(len(paths)) as pool:
                statuses = set(pool.map(partial(read, house), paths))
        listener.wait(lambda: listener.of("status")[-1].data["current_status"] == "ready")
    assert 200 in statuses <= {200, 503}
    assert 201 in {answer.status_code for answer in answers} <= {201, 503}
    eventually(lambda: house.query("select distinct status from orders") == [("ready",)], 60)
    assert numbers(answers) <= set(house.cooked())
    assert len(house.cooked()) == len(set(house.cooked()))
    assert not [process for process in house.processes if process.actions("db_statements_unbounded")]


def test_when_it_dies_services_refuse_and_come_back_with_it(house: Expedite, pooler: PgBouncer) -> None:
    start(house, pooler)
    number = house.place_number()
    history = f"{house.url('tracking_service')}/orders/{number}/history"
    assert requests.get(history, timeout=20).status_code == 200
    pooler.kill()
    answer = requests.get(history, timeout=20)
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
    tracking, *_ = [process for process in house.processes if process.service == "tracking_service"]
    eventually(lambda: tracking.health("ready").status_code == 503)
    pooler.start()
    eventually(lambda: requests.get(history, timeout=20).status_code == 200)
    later = eventually(house.place_number)
    house.wait_for(later, "ready", 30)


def test_who_waits_too_long_for_one_of_its_connections_is_refused_as_when_it_is_busy(
    house: Expedite, pooler: PgBouncer
) -> None:
    start(house, pooler)
    number = house.place_number()
    house.wait_for(number, "ready", 30)
    history = f"{house.url('tracking_service')}/orders/{number}/history"
    [tracking] = [process for process in house.processes if process.service == "tracking_service"]
    with contextlib.ExitStack() as held:
        for _ in range(POOL_SIZE):
            connection = held.enter_context(contextlib.closing(psycopg2.connect(pooler.url)))
            with connection.cursor() as cursor:
                # Longer than anybody waits; PostgreSQL would end one that does nothing.
                cursor.execute(
                    "set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0"
                )
        answer = requests.get(history, timeout=20)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        # It is not away: who needs no connection of the pool goes on.
        status = requests.get(f"{house.url('tracking_service')}/orders/{number}/status", timeout=20)
        assert status.status_code == 200
    assert not [line for line in tracking.actions("db_connection_failed") if "refusing" in line["message"]]
    eventually(lambda: requests.get(history, timeout=20).status_code == 200)


def test_one_that_does_not_say_the_bounds_is_noticed(
    house: Expedite, private_postgres: Postgres, tmp_path: Path
) -> None:
    told_nothing = PgBouncer(tmp_path / "other", private_postgres, POOL_SIZE, connect_query="select 1")
    told_nothing.start()
    try:
        tracking = house.start(
            "tracking_service", DATABASE_URL=told_nothing.url, DATABASE_DIRECT_URL=house.database_url
        )
        eventually(lambda: tracking.actions("db_statements_unbounded"))
    finally:
        told_nothing.kill()


def test_with_one_before_each_server_a_promoted_standby_is_found(
    standby: Standby, amqp_uri: str, tmp_path: Path
) -> None:
    poolers = [PgBouncer(tmp_path / f"before {each.name}", each, POOL_SIZE) for each in (standby.primary, standby)]
    hosts, _, database = poolers[0].url.rpartition("/")
    through = f"{hosts},127.0.0.1:{poolers[1].port}/{database}"
    house = Expedite(standby.primary.url, amqp_uri)
    try:
        for pooler in poolers:
            pooler.start()
        addresses = {"DATABASE_URL": through, "DATABASE_DIRECT_URL": standby.url_of_both}
        house.start("order_service", wait=False, **addresses)
        house.start("tracking_service", wait=False, **addresses)
        house.start_worker(wait=False, **addresses)
        for process in house.processes:
            process.wait_ready()
        first = house.place_number()
        house.wait_for(first, "ready")
        standby.primary.kill()  # its pooler stays
        standby.promote()
        house.database_url = standby.url
        second = eventually(house.place_number, 30)
        house.wait_for(second, "ready", 30)
        for number in (first, second):
            history = f"{house.url('tracking_service')}/orders/{number}/history"
            eventually(lambda history=history: requests.get(history, timeout=20).status_code == 200)
    finally:
        house.stop_all()
        for pooler in poolers:
            pooler.kill()
