"""Servers that break. What a test stopped or killed runs again after it, for the next one to find in order."""

import contextlib
from collections.abc import Iterator

import pytest

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
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


@pytest.fixture(autouse=True)
def _in_order_afterwards(
    postgres: Postgres, rabbitmq: RabbitMQ, database_url: str, amqp_uri: str
) -> Iterator[None]:
    yield
    start_again(postgres)
    start_again(rabbitmq)
