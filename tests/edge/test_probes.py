"""Probes are for whoever asks how a service is, and cost it the same however many ask."""

import pytest
import requests

from devstack.postgres import Postgres
from tests.support.attack import Customers, attackers
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process


@pytest.mark.parametrize("service", ["order_service", "tracking_service", "kitchen_service", "notifier_service"])
@pytest.mark.parametrize("path", ["/health/ready", "/health", "/metrics"])
def test_who_asks_by_the_hundred_holds_nobody_up(
    attacked: Expedite, services: dict[str, Process], service: str, path: str
) -> None:
    customers = Customers(services["order_service"].url)
    url = f"{services[service].url}{path}"
    most = [0]
    statuses: set[int] = set()

    def ask() -> None:
        with requests.get(url, timeout=30) as answer:
            statuses.add(answer.status_code)

    with attackers(100, ask), customers.ordering(least=10):
        for _ in range(5):
            [(connections,)] = attacked.query(
                "select count(*) from pg_stat_activity where datname = current_database()"
            )
            most[0] = max(most[0], connections)
    customers.were_served()
    assert statuses == {200}
    # Four services in calm have some twenty.
    assert most[0] < 40


def test_a_service_without_postgresql_says_so_within_two_looks(private_postgres: Postgres, amqp_uri: str) -> None:
    expedite = Expedite(private_postgres.url, amqp_uri)
    try:
        tracking = expedite.start("tracking_service")
        assert requests.get(f"{tracking.url}/health", timeout=10).json()["status"] == "ready"
        private_postgres.stop()
        eventually(lambda: requests.get(f"{tracking.url}/health", timeout=10).status_code == 503)
        private_postgres.start()
        eventually(lambda: requests.get(f"{tracking.url}/health", timeout=10).status_code == 200)
    finally:
        expedite.stop_all()


@pytest.mark.matrix
def test_a_postgresql_that_has_no_connection_left_is_not_away(private_postgres: Postgres, amqp_uri: str) -> None:
    """Who gets none at that moment is refused, be it an order; the others go on through those that are there."""
    house = Expedite(private_postgres.url, amqp_uri)
    # Limits do not count for a superuser.
    house.query("create role waiter login password 'waiter' in role pg_read_all_data, pg_write_all_data")
    _, _, at = private_postgres.url.partition("@")
    expedite = Expedite(f"postgresql://waiter:waiter@{at}", amqp_uri)
    try:
        # Each that there is may be waited for, on a machine that is slow.
        front_door = expedite.start("order_service", DB_POOL_TIMEOUT=20)
        customers = Customers(front_door.url)
        customers.order()
        [(open_now,)] = house.query("select count(*) from pg_stat_activity where usename = 'waiter'")
        house.query(f"alter role waiter connection limit {open_now}")
        # Each of them wants a connection, of which the pool has fewer so far.
        with attackers(10, lambda: sign_in(front_door)):
            for _ in range(10):
                customers.order()
        assert set(customers.answers) <= {201, 503}
        assert customers.answers.count(201) >= 5
        assert front_door.health("ready").status_code == 200
        afterwards = Customers(front_door.url)
        for _ in range(3):
            afterwards.order()
    finally:
        expedite.stop_all()
    afterwards.were_served()
    assert front_door.actions("db_query_failed"), "nobody was refused a connection"
    assert not [line for line in front_door.actions("db_connection_failed") if "away" in line["message"]]


def sign_in(front_door: Process) -> None:
    body = {"email": "ada@example.com", "password": "analytical engine"}
    requests.post(f"{front_door.url}/login", json=body, timeout=30)
