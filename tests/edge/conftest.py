"""What a client can do to a service from outside: each file here is one kind of attack, on real processes."""

import uuid
from collections.abc import Iterator

import pytest

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.conftest import copied_database
from tests.support.attack import Customers
from tests.support.expedite import Expedite, Process


@pytest.fixture(scope="module")
def attacked(postgres: Postgres, rabbitmq: RabbitMQ) -> Iterator[Expedite]:
    """An Expedite for a whole module, whose tests attack it one after the other."""
    vhost = f"test-{uuid.uuid4().hex[:12]}"
    with copied_database(postgres.url) as database_url:
        running = Expedite(database_url, rabbitmq.add_vhost(vhost))
        try:
            yield running
        finally:
            running.stop_all()
            rabbitmq.delete_vhost(vhost)


@pytest.fixture(scope="module")
def front_door(attacked: Expedite) -> Process:
    """An order_service that is attacked."""
    return attacked.start("order_service")


@pytest.fixture(scope="module")
def services(attacked: Expedite, front_door: Process) -> dict[str, Process]:
    """All four services, by name."""
    others = [attacked.start("tracking_service"), attacked.start("notifier_service"), attacked.start_worker()]
    return {process.service: process for process in (front_door, *others)}


@pytest.fixture
def customers(expedite: Expedite) -> Customers:
    """Customers of an order_service that the test has for itself."""
    expedite.start("order_service")
    return Customers(expedite.url("order_service"))
