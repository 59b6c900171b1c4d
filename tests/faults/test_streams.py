"""Streams outlive their servers: what happened meanwhile comes when they are back, on the same stream."""

from collections.abc import Iterator

import pytest
import requests

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.support.events import Listener, listening
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.people import NO_LIMITS, register
from tests.support.people import request as send
from tests.support.proxy import Proxy, through
from tests.support.rows import Transaction, move, put, transactions
from tests.support.servers import take_down

ONE, TWO = "ORD_20261122_001", "ORD_20261122_002"


@pytest.fixture
def transaction(database_url: str) -> Iterator[Transaction]:
    with transactions(database_url) as begin:
        yield begin


def steps(listener: Listener) -> list[str]:
    return [event.data["current_status"] for event in listener.of("status")]


def test_they_go_on_while_rabbitmq_is_stopped(expedite: Expedite, rabbitmq: RabbitMQ) -> None:
    expedite.start("order_service", **NO_LIMITS)
    tracking = expedite.start("tracking_service")
    emma = register(expedite, "emma", "employee")
    take_down(rabbitmq, "stop")
    number = expedite.place_number()
    with listening(f"{tracking.url}/orders/{number}/stream") as listener:
        for step in ("start", "ready", "complete"):
            assert send(expedite, "POST", f"/orders/{number}/{step}", None, emma).status_code == 200
        listener.wait(lambda: listener.last_id == "4")
        assert steps(listener)[-1] == "completed"
        assert not listener.is_over


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_they_stay_open_while_postgresql_restarts(
    expedite: Expedite, postgres: Postgres, transaction: Transaction, how: str
) -> None:
    tracking = expedite.start("tracking_service")
    put(transaction, ONE)
    with listening(f"{tracking.url}/orders/{ONE}/stream") as listener:
        listener.wait(lambda: steps(listener) == ["received"])
        pings = len(listener.of("ping"))
        take_down(postgres, how)
        eventually(lambda: tracking.health("ready").status_code == 503)
        listener.wait(lambda: len(listener.of("ping")) > pings, 25)
        late = requests.get(f"{tracking.url}/orders/{ONE}/stream", timeout=10)
        assert (late.status_code, int(late.headers["Retry-After"]) > 0) == (503, True)
        postgres.start()
        for target in ("cooking", "ready"):
            eventually(lambda target=target: moved(transaction, ONE, target))
        listener.wait(lambda: listener.last_id == "3", 30)
        assert [event.data["sequence"] for event in listener.of("status")] == [1, 2, 3]
        eventually(lambda: expedite.query("select 1 from pg_stat_activity where query ~* '^listen'"), 40)
        assert not listener.is_over


def moved(transaction: Transaction, number: str, target: str) -> bool:
    """Moves it, as soon as PostgreSQL can."""
    try:
        move(transaction, number, target)
    except Exception as exc:  # SQLAlchemy's, of a connection of before
        raise AssertionError from exc
    return True


@pytest.mark.parametrize("how", ["cut", "silence"])
def test_what_happened_while_their_network_was_gone_comes_when_it_is_back(
    expedite: Expedite, to_postgres: Proxy, transaction: Transaction, how: str
) -> None:
    tracking = expedite.start("tracking_service", DATABASE_URL=through(to_postgres, expedite.database_url))
    direct = expedite.start("tracking_service")
    for number in (ONE, TWO):
        put(transaction, number)
    with (
        listening(f"{tracking.url}/orders/{ONE}/stream") as one,
        listening(f"{tracking.url}/orders/{TWO}/stream") as two,
        listening(f"{direct.url}/orders/{ONE}/stream") as stays,
    ):
        for listener in (one, two, stays):
            listener.wait(lambda listener=listener: steps(listener) == ["received"])
        getattr(to_postgres, how)()
        move(transaction, ONE, "cooking", "ready")
        move(transaction, TWO, "cancelled")
        stays.wait(lambda: stays.last_id == "3")
        assert is_unaware(tracking, one)
        to_postgres.heal()
        one.wait(lambda: one.last_id == "3", 40)
        two.wait(lambda: two.last_id == "2", 40)
        sequences = [[event.data["sequence"] for event in each.of("status")] for each in (one, two, stays)]
        assert sequences == [[1, 2, 3], [1, 2], [1, 2, 3]]
        assert one.of("status")[-1] == stays.of("status")[-1]
        move(transaction, ONE, "completed")
        one.wait(lambda: one.last_id == "4")


def is_unaware(tracking: Process, listener: Listener) -> bool:
    """Open, and where it was."""
    assert tracking.health("live").status_code == 200
    return not listener.is_over and listener.last_id == "1"
