"""Servers that break. What a test stopped or killed runs again after it, for the next one to find in order."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.launcher import migrate
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from devstack.standby import Standby
from tests.support.expedite import Expedite
from tests.support.proxy import Proxy
from tests.support.servers import start_again


@pytest.fixture
def to_rabbitmq(rabbitmq: RabbitMQ) -> Iterator[Proxy]:
    """A network to RabbitMQ that can be cut."""
    with contextlib.closing(Proxy(rabbitmq.port)) as proxy:
        yield proxy


@pytest.fixture
def to_postgres(postgres: Postgres) -> Iterator[Proxy]:
    """A network to PostgreSQL that can be cut."""
    with contextlib.closing(Proxy(postgres.port)) as proxy:
        yield proxy


@pytest.fixture
def standby(tmp_path: Path) -> Iterator[Standby]:
    """A primary whose commits wait for its standby: both can be stopped and killed."""
    primary = Postgres(tmp_path / "primary", durable=False)
    follower = Standby(tmp_path / "standby", primary, durable=False)
    try:
        primary.start()
        migrate(primary.url)
        follower.start()
        follower.confirm_commits()
        yield follower
    finally:
        follower.kill()
        primary.kill()


@pytest.fixture
def house(standby: Standby, amqp_uri: str) -> Iterator[Expedite]:
    """Expedite that knows both servers."""
    running = Expedite(standby.url_of_both, amqp_uri)
    yield running
    running.stop_all()


@pytest.fixture(autouse=True)
def _in_order_afterwards(
    postgres: Postgres, rabbitmq: RabbitMQ, database_url: str, amqp_uri: str
) -> Iterator[None]:
    yield
    start_again(postgres)
    start_again(rabbitmq)
