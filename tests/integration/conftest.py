"""PostgreSQL and RabbitMQ are real, as everywhere; what is in-process here are placing and moving orders, called
with sessions like a service's own. A module's tests share one running Expedite where they do not disturb each
other."""

import uuid
from collections.abc import Iterator

import pytest

from common.postgres.sessions import Sessions, open_sessions
from common.settings import Settings, load_config
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.conftest import copied_database
from tests.support.expedite import CONFIG, Expedite
from tests.support.rows import Transaction, transactions


@pytest.fixture(scope="module")
def running(postgres: Postgres, rabbitmq: RabbitMQ) -> Iterator[Expedite]:
    """An Expedite for a whole module, on a database and a vhost of its own; its tests share the orders."""
    vhost = f"test-{uuid.uuid4().hex[:12]}"
    with copied_database(postgres.url) as database_url:
        running = Expedite(database_url, rabbitmq.add_vhost(vhost))
        try:
            yield running
        finally:
            running.stop_all()
            rabbitmq.delete_vhost(vhost)


@pytest.fixture
def transaction(database_url: str) -> Iterator[Transaction]:
    """Opens sessions, each on a connection and in a transaction of its own, from any thread."""
    with transactions(database_url) as begin:
        yield begin


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    """Sessions as services have them, for what is read in the test's own process."""
    config = load_config(CONFIG)
    uris = dict.fromkeys(config["DB_URIS"], database_url)
    opened = open_sessions(Settings.of({**config, "DB_URIS": uris}, "tracking_service"))
    yield opened
    opened._new_session.kw["bind"].dispose()
