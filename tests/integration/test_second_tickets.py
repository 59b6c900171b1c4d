"""A second ticket for an order: what a worker makes of it, by the order's row."""

import dataclasses
import uuid
from collections.abc import Iterator

import pytest

from common.errors import NotFound
from common.orders import messages
from common.orders.messages import OrderPlaced
from common.postgres.sessions import open_sessions
from common.settings import load_config
from kitchen_service.outcomes import CookedElsewhere
from kitchen_service.settings import KitchenSettings
from kitchen_service.stove import Stove
from tests.integration.conftest import Transaction
from tests.integration.test_moves import CHEF, STAFF, Kitchen
from tests.support.expedite import ROOT, Expedite
from tests.support.locks import held

PAUSES = (1.0, 5.0)  # seconds


@pytest.fixture
def kitchen(transaction: Transaction, expedite: Expedite) -> Kitchen:
    return Kitchen(transaction, expedite)


@pytest.fixture
def stove(database_url: str) -> Iterator[Stove]:
    """Another worker's than CHEF's."""
    config = KitchenSettings.of(load_config(ROOT / "config.yml"), "kitchen_service")
    settings = dataclasses.replace(config, database_url=database_url, retry_pauses=PAUSES)
    stove = Stove(open_sessions(settings), settings, uuid.uuid4())
    yield stove
    stove.close()


@pytest.fixture
def chef(expedite: Expedite) -> Iterator[None]:
    """Whose process lives."""
    with held(expedite, "select pg_advisory_lock(hashtextextended(%s, 0))", str(CHEF.instance)):
        yield


def ticket(kitchen: Kitchen, priority: int = 1, placed_at: str | None = None) -> OrderPlaced:
    return OrderPlaced(
        event_id=str(uuid.uuid4()),
        request_id="till-7",
        schema_version=1,
        order_number=kitchen.number,
        customer_name="Ada",
        order_type="takeout",
        table_number=None,
        delivery_address=None,
        items=[],
        total_amount=15.99,
        priority=priority,
        prep_seconds=10,
        placed_at=placed_at or kitchen.stored(messages.placed_at("orders")),
    )


@pytest.mark.usefixtures("chef")
@pytest.mark.parametrize("attempts", [1, 2, 7])
def test_one_that_failed_before_the_other_was_taken_waits(
    kitchen: Kitchen, stove: Stove, expedite: Expedite, attempts: int
) -> None:
    """It was to come again after who cooks had begun; what counts is when it failed."""
    kitchen.move("cooking", CHEF)
    pause = PAUSES[min(attempts, 2) - 1]
    expedite.query(f"update orders set retry_at = cooking_started_at + interval '{pause - 0.1} s'")
    with pytest.raises(CookedElsewhere):
        stove.take(ticket(kitchen), attempts, "bar")
    with pytest.raises(CookedElsewhere):
        stove.accept(ticket(kitchen), attempts, "bar")
    assert kitchen.stored("processed_by") == CHEF.name


@pytest.mark.usefixtures("chef")
def test_one_that_failed_after_that_is_taken_over(kitchen: Kitchen, stove: Stove, expedite: Expedite) -> None:
    kitchen.move("cooking", CHEF)
    expedite.query(f"update orders set retry_at = cooking_started_at + interval '{PAUSES[0] + 0.1} s'")
    in_hand = stove.take(ticket(kitchen), attempts=1, worker="bar")
    assert in_hand is not None
    assert (in_hand.fence, kitchen.stored("processed_by")) == (2, "bar")


def test_one_of_a_worker_that_is_gone_is_taken_over_also_by_people(kitchen: Kitchen, stove: Stove) -> None:
    kitchen.move("cooking", CHEF)
    stove.accept(ticket(kitchen), attempts=0, worker="bar")
    assert (kitchen.stored("accepted_by"), kitchen.stored("cooking_worker")) == ("bar", None)


def test_who_accepted_it_first_has_it(kitchen: Kitchen, stove: Stove, expedite: Expedite) -> None:
    expedite.query("update orders set accepted_by = 'board'")
    stove.accept(ticket(kitchen), attempts=0, worker="bar")
    assert kitchen.stored("accepted_by") == "board"


@pytest.mark.parametrize("status", ["cancelled", "ready"])
def test_people_do_not_accept_what_nobody_needs_any_more(kitchen: Kitchen, stove: Stove, status: str) -> None:
    for step in ["cancelled"] if status == "cancelled" else ["cooking", "ready"]:
        kitchen.move(step, STAFF)
    stove.accept(ticket(kitchen), attempts=0, worker="bar")
    assert kitchen.stored("accepted_by") is None


@pytest.mark.parametrize("number", [None, "ORD_20261122_999999"])
def test_one_of_an_order_that_there_is_not_moves_no_other(
    kitchen: Kitchen, stove: Stove, number: str | None
) -> None:
    """What was placed before a restore may have a number that was given again since."""
    stale = ticket(kitchen, priority=10, placed_at="2026-11-22T12:00:00.000Z")
    stale = dataclasses.replace(stale, order_number=number or kitchen.number)
    with pytest.raises(NotFound):
        stove.accept(stale, attempts=0, worker="bar")
    with pytest.raises(NotFound):
        stove.take(stale, attempts=0, worker="bar")
    assert (kitchen.stored("status"), kitchen.stored("accepted_by")) == ("received", None)


def test_one_for_an_order_that_was_put_back_is_void(kitchen: Kitchen, stove: Stove) -> None:
    assert stove.take(ticket(kitchen, priority=10), attempts=0, worker="bar") is None
    assert kitchen.stored("status") == "received"
    assert stove.take(ticket(kitchen, priority=1), attempts=0, worker="bar") is not None
