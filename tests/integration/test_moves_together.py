"""Moves that are made together in one transaction keep the rules of moves that are made alone."""

import dataclasses
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import eventlet
import psycopg2
import pytest
from nameko_sqlalchemy.database import Session

from common.errors import IllegalMove, NotFound
from common.orders.moves import Actor, Moved, Mover
from common.postgres.breaker import Breaker
from common.settings import load_config
from kitchen_service.settings import KitchenSettings
from order_service.orders import placing
from order_service.orders.placing import NewOrder
from tests.integration.conftest import Transaction
from tests.support import forms as order_form
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite, an_order

CHEF = Actor("chef_mario", "worker", uuid.uuid4())
GUEST = Actor("customer", "customer")

Move = Callable[[], Any]


@pytest.fixture
def mover(database_url: str) -> Iterator[Mover]:
    config = KitchenSettings.of(load_config(ROOT / "config.yml"), "kitchen_service")
    settings = dataclasses.replace(config, database_url=database_url)
    mover = Mover(settings, Breaker(settings, lambda: None))
    yield mover
    mover.close()


@pytest.fixture
def numbers(transaction: Transaction) -> list[str]:
    form = order_form.read(an_order())
    with transaction() as session:
        return [placed.number for placed in placing.place(session, [NewOrder.of(form, "customer")] * 10)]


def together(*moves: Move) -> list[Any]:
    """What each returned or raised; all are asked for before the first one is made."""

    def attempt(move: Move) -> Any:
        try:
            return move()
        except Exception as exc:
            return exc

    threads = [eventlet.spawn(attempt, move) for move in moves]
    return [thread.wait() for thread in threads]


def moving(mover: Mover, transaction: Any, number: str, target: str, actor: Actor = CHEF, **options: Any) -> Move:
    sessions: Any = SimpleNamespace(begin=transaction)
    return lambda: mover.move(sessions, "kitchen_service", number, target, actor, **options)


def test_each_order_is_moved_once_and_counted_for_its_worker(
    mover: Mover, transaction: Transaction, expedite: Expedite, numbers: list[str]
) -> None:
    expedite.query(
        "insert into workers values ('chef_mario', %s, '{takeout}', 'online', 30, now(), now(), 0, 1)",
        str(CHEF.instance),
    )
    taken = together(*[moving(mover, transaction, number, "cooking") for number in numbers])
    assert [(moved.order_number, moved.changed, moved.fence) for moved in taken] == [
        (number, True, 1) for number in numbers
    ]
    done = together(*[moving(mover, transaction, number, "ready", fence=1) for number in numbers])
    assert [moved.status for moved in done] == ["ready"] * 10
    assert [expedite.history(number) for number in numbers] == [["received", "cooking", "ready"]] * 10
    assert expedite.query("select count(distinct updated_at) from orders") == [(1,)]
    assert expedite.query("select orders_processed from workers") == [(10,)]
    sent = expedite.query(
        "select body ->> 'order_number' from outbox where body ->> 'new_status' = 'ready' order by id"
    )
    assert [row[0] for row in sent] == numbers


def test_of_two_moves_of_one_order_in_one_batch_exactly_one_wins(
    mover: Mover, transaction: Transaction, expedite: Expedite, numbers: list[str]
) -> None:
    first, second = numbers[:2]
    results = together(
        moving(mover, transaction, first, "cancelled", GUEST),
        moving(mover, transaction, first, "cooking"),
        moving(mover, transaction, second, "cooking"),
        moving(mover, transaction, second, "cooking"),
        moving(mover, transaction, "ORD_20200101_001", "cooking"),
    )
    won, lost, cooked, again, unknown = results
    assert isinstance(won, Moved)
    assert isinstance(lost, IllegalMove)
    assert lost.extra["current_status"] == "cancelled"
    assert (cooked.changed, again.changed, again.fence) == (True, False, 1)
    assert isinstance(unknown, NotFound)
    assert expedite.history(first) == ["received", "cancelled"]
    assert expedite.history(second) == ["received", "cooking"]


def test_an_order_that_somebody_holds_holds_up_no_other(
    mover: Mover, transaction: Transaction, expedite: Expedite, numbers: list[str], database_url: str
) -> None:
    held, *free = numbers
    holder = psycopg2.connect(database_url)

    @contextmanager
    def later() -> Iterator[Session]:
        assert [expedite.status(number) for number in numbers] == ["received"] + ["cooking"] * len(free)
        holder.rollback()
        with transaction() as session:
            yield session

    try:
        with holder.cursor() as cursor:
            cursor.execute("select 1 from orders where number = %s for update", (held,))
            results = together(*[moving(mover, later, number, "cooking") for number in numbers])
    finally:
        holder.close()
    assert [moved.changed for moved in results] == [True] * 10
    assert expedite.history(held) == ["received", "cooking"]


def test_what_several_workers_cooked_is_counted_in_the_order_of_their_names(
    mover: Mover, transaction: Transaction, expedite: Expedite, numbers: list[str]
) -> None:
    """As heartbeats lock them, or the two would wait for each other."""
    workers = [Actor(name, "worker", uuid.uuid4()) for name in ("zoe", "mia", "anna", "bruno")]
    for worker in workers:
        expedite.query(
            "insert into workers values (%s, %s, '{takeout}', 'online', 30, now(), now(), 0, 1)",
            worker.name,
            str(worker.instance),
        )
    each = list(zip(numbers, workers, strict=False))
    together(*[moving(mover, transaction, number, "cooking", worker) for number, worker in each])
    finishing = threading.Thread(
        target=lambda: together(
            *[moving(mover, transaction, number, "ready", worker, fence=1) for number, worker in each]
        )
    )
    holder = psycopg2.connect(expedite.database_url)
    try:
        with holder.cursor() as cursor:
            cursor.execute("select 1 from workers where name = 'anna' for update")
            finishing.start()
            eventually(lambda: expedite.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'"))
            cursor.execute("select 1 from workers where name <> 'anna' for update nowait")
    finally:
        holder.close()
    finishing.join(10)
    assert expedite.query("select distinct orders_processed, count(*) from workers group by 1") == [(1, 4)]
