"""PostgreSQL and RabbitMQ are real, as everywhere; what is in-process here are placing and moving orders, called
with sessions like a service's own. A module's tests share one running Expedite where they do not disturb each
other."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from nameko_sqlalchemy.database import Session
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from common.settings import sqlalchemy_url
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.conftest import copied_database
from tests.support.expedite import Expedite

Transaction = Callable[[], AbstractContextManager[Session]]


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
    engine = create_engine(sqlalchemy_url(database_url), pool_size=20, max_overflow=0, hide_parameters=True)
    opened = sessionmaker(bind=engine, class_=Session)

    @contextmanager
    def begin() -> Iterator[Session]:
        with opened() as session, session.begin():
            session.execute(text("set local statement_timeout = '20s'"))
            yield session

    yield begin
    engine.dispose()
