"""Servers that break: the tests in here share a PostgreSQL and a RabbitMQ of their own, apart from all others.

What a test stopped or killed runs again after it, so that the next one finds it in order.
"""

import contextlib
from collections.abc import Iterator

import pytest

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.conftest import running_postgres, running_rabbitmq
from tests.faults.proxy import Proxy
from tests.faults.servers import start_again


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server with a migrated database to copy."""
    with running_postgres(tmp_path_factory.mktemp("breaking_postgres")) as server:
        yield server


@pytest.fixture(scope="package")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ node."""
    with running_rabbitmq(tmp_path_factory.mktemp("breaking_rabbitmq")) as node:
        yield node


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
