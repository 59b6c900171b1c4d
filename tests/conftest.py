"""What is real in these tests: PostgreSQL, RabbitMQ and, in e2e and faults, the services' processes.

`make test` runs one case of each kind of fault, attack and thing that is done in a browser; `make test-faults`
runs the others, and what is long.

Each pytest worker has a PostgreSQL and a RabbitMQ of its own, each test a database and a vhost of its own, so
tests run in any order and beside each other. Nothing is faked above unit level; fsync is off, since no test pulls
the machine's plug. Tests that stop or kill a server take a private one (`private_postgres`, `private_rabbitmq`).
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from devstack.launcher import migrate
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.support.expedite import ROOT, Expedite

_TEMPLATE = "expedite_migrated"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is of the matrix: all faults, and all that is done in a browser, but those that are named one of
    their kind, and of a table of faults, attacks or ways to do something all but the first case."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        is_first = not (hasattr(item, "callspec") and any(item.callspec.indices.values()))
        is_named = item.get_closest_marker("one_of_its_kind") is not None
        is_spare = not (is_named and is_first) if folder in ("faults", "browser") else not is_first
        if folder in ("faults", "edge", "browser", "e2e") and is_spare:
            item.add_marker(pytest.mark.matrix)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL server with a migrated database to copy."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ node."""
    with running_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """A migrated, empty database."""
    with copied_database(postgres.url) as url:
        yield url


@pytest.fixture
def amqp_uri(rabbitmq: RabbitMQ) -> Iterator[str]:
    """An empty vhost."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield rabbitmq.add_vhost(name)
    rabbitmq.delete_vhost(name)


@pytest.fixture
def expedite(database_url: str, amqp_uri: str) -> Iterator[Expedite]:
    """Expedite on the shared servers; the test starts the services that it needs."""
    running = Expedite(database_url, amqp_uri)
    yield running
    running.stop_all()


@pytest.fixture
def private_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A migrated PostgreSQL that the test may stop and kill."""
    server = Postgres(tmp_path / "postgres", durable=False)
    server.start()
    migrate(server.url)
    yield server
    server.stop()


@pytest.fixture
def private_rabbitmq(tmp_path: Path) -> Iterator[RabbitMQ]:
    """A RabbitMQ that the test may stop and kill."""
    with running_rabbitmq(tmp_path / "rabbitmq") as node:
        yield node


@contextlib.contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL server with a migrated database to copy, for the length of a block."""
    server = Postgres(folder, durable=False)
    server.start()
    try:
        make_template(server.url)
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def running_rabbitmq(folder: Path, release: str | None = None) -> Iterator[RabbitMQ]:
    """A RabbitMQ node, for the length of a block: of `release`, else of the one that RABBITMQ_RELEASE names (see
    devstack.rabbitmq_releases), else this machine's."""
    node = RabbitMQ(folder, release=release or os.environ.get("RABBITMQ_RELEASE"))
    node.start()
    try:
        yield node
    finally:
        node.stop()


def make_template(server_url: str) -> None:
    """Migrate a database that each test gets a copy of."""
    _administer(server_url, f"create database {_TEMPLATE}")
    migrate(_database(server_url, _TEMPLATE))


@contextlib.contextmanager
def copied_database(server_url: str, template: str = _TEMPLATE) -> Iterator[str]:
    """A copy of the template, which is migrated and empty, for the length of a block."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _administer(server_url, f"create database {name} template {template}")
    yield _database(server_url, name)
    _administer(server_url, f"drop database {name} with (force)")


def _database(server_url: str, name: str) -> str:
    return server_url.rpartition("/")[0] + f"/{name}"


def _administer(server_url: str, statement: str) -> None:
    connection = psycopg2.connect(server_url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
