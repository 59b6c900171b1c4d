"""Whatever changes an order stamps it, so that a screen that was away finds it, and wakes those that are there."""

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest

from common.orders import front, moves, waking
from common.orders.moves import Actor
from common.postgres.sessions import open_sessions
from common.settings import load_config
from kitchen_service import clearing
from kitchen_service.kitchen import Kitchen
from kitchen_service.settings import KitchenSettings
from kitchen_service.stove import Stove
from order_service.orders import sweeping
from tests.integration.conftest import Transaction
from tests.integration.test_moves import CHEF, STAFF, SYSTEM
from tests.integration.test_moves import Kitchen as Orders
from tests.integration.test_second_tickets import ticket
from tests.support.expedite import ROOT, Expedite


@pytest.fixture
def orders(transaction: Transaction, expedite: Expedite) -> Orders:
    return Orders(transaction, expedite)


@dataclasses.dataclass
class House:
    """An order, and all that is done with it."""

    orders: Orders
    transaction: Transaction
    expedite: Expedite
    stove: Stove
    kitchen: Kitchen

    @property
    def number(self) -> str:
        return self.orders.number

    def send_again(self) -> None:
        with self.transaction() as session:
            assert sweeping.send_missing_again(session, ["takeout"], [], grace=0)

    def front(self, undo: bool = False) -> None:
        with self.transaction() as session:
            assert front.send(session, self.number, "anna", undo=undo).is_changed

    def clear(self) -> None:
        with self.transaction() as session:
            clearing.clear(session, self.number)


@pytest.fixture
def house(orders: Orders, transaction: Transaction, expedite: Expedite, database_url: str) -> Iterator[House]:
    config = KitchenSettings.of(load_config(ROOT / "config.yml"), "kitchen_service")
    settings = dataclasses.replace(config, database_url=database_url)
    sessions = open_sessions(settings)
    stove = Stove(sessions, settings, uuid.uuid4())
    kitchen = Kitchen()
    kitchen._sessions = kitchen._in_turn = sessions
    yield House(orders, transaction, expedite, stove, kitchen)
    stove.close()


@contextlib.contextmanager
def listening(expedite: Expedite) -> Iterator[Callable[[], set[tuple[str, str]]]]:
    """What the screens were told so far: the channels, and what was said there."""
    connection = psycopg2.connect(expedite.database_url)
    try:
        connection.autocommit = True
        for channel in (waking.OUTBOX, waking.ORDERS):
            connection.cursor().execute(f"listen {channel}")

        def told() -> set[tuple[str, str]]:
            # A notification of what was committed before comes with the answer.
            connection.cursor().execute("select 1")
            return {(each.channel, each.payload) for each in connection.notifies}

        yield told
    finally:
        connection.close()


def snapshot(expedite: Expedite) -> str:
    return str(expedite.query("select pg_current_snapshot()::text")[0][0])


def changed_since(expedite: Expedite, then: str) -> set[str]:
    return {
        number
        for (number,) in expedite.query(
            "select number from orders where not pg_visible_in_snapshot(changed_in, %s::pg_snapshot)", then
        )
    }


#: What is done: the moves before it, and it.
WAYS: dict[str, tuple[list[tuple[str, Actor]], Callable[[House], Any]]] = {
    "placed": ([], lambda house: setattr(house.orders, "number", house.orders.place("takeout"))),
    "moved": ([], lambda house: house.orders.move("cancelled", STAFF)),
    "moved with others": ([], lambda house: house.stove.take(ticket(house.orders), 0, "bar")),
    "taken over": ([("cooking", CHEF)], lambda house: house.stove.take(ticket(house.orders), 0, "bar")),
    "accepted": ([], lambda house: house.stove.accept(ticket(house.orders), 0, "bar")),
    "failed, and is tried again": ([], lambda house: house.kitchen._note_retry(house.number, 5.0, 2)),
    "given up": ([("cooking", CHEF)], lambda house: house.kitchen._give_up(ticket(house.orders), "on fire", 5)),
    "sent to the front": ([], lambda house: house.front()),
    "put back": ([], lambda house: house.front(undo=True)),
    "sent again": ([], lambda house: house.send_again()),
    "cleared": ([("failed", SYSTEM)], lambda house: house.clear()),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_stamps_the_order_and_wakes_the_screens(house: House, way: str) -> None:
    before, change = WAYS[way]
    for target, actor in before:
        house.orders.move(target, actor)
    if way == "put back":
        house.front()
    other = house.orders.number if way == "placed" else None
    then = snapshot(house.expedite)
    with listening(house.expedite) as told:
        change(house)
        # That an order was placed, or its ticket written again, is told by its outbox row alone.
        is_of_outbox = way in ("placed", "sent again")
        [[order_id]] = house.expedite.query("select id from orders where number = %s", house.number)
        assert ((waking.OUTBOX, "") if is_of_outbox else (waking.ORDERS, str(order_id))) in told()
    assert house.number != other
    assert changed_since(house.expedite, then) == {house.number}
    assert changed_since(house.expedite, snapshot(house.expedite)) == set()


def test_how_often_its_ticket_failed_is_known(house: House) -> None:
    house.kitchen._note_retry(house.number, 5.0, 2)
    assert house.orders.stored("tries") == 2
    house.orders.move("cooking", CHEF)
    house.kitchen._give_up(ticket(house.orders), "on fire", 5)
    assert (house.orders.stored("status"), house.orders.stored("tries")) == ("failed", 5)


def test_by_hand_stamps_it_too_and_what_was_taken_back_does_not(orders: Orders, expedite: Expedite) -> None:
    then = snapshot(expedite)
    expedite.query("begin; update orders set reason = 'x'; rollback")
    assert changed_since(expedite, then) == set()
    expedite.query("update orders set reason = 'x', changed_in = null")
    assert changed_since(expedite, then) == {orders.number}


def test_one_of_before_there_were_stamps_has_not_changed(orders: Orders, expedite: Expedite) -> None:
    then = snapshot(expedite)
    expedite.query("alter table orders disable trigger orders_stamp; update orders set changed_in = null")
    assert changed_since(expedite, then) == set()


def test_what_was_committed_after_a_snapshot_is_found_whenever_it_began(
    orders: Orders, transaction: Transaction, expedite: Expedite
) -> None:
    early, slow, late, after = [orders.place("takeout") for _ in range(4)]
    with transaction() as begun_before:
        moves.move(begun_before, "kitchen_service", slow, "cancelled", STAFF)
        orders.move("cancelled", number=early)
        then = snapshot(expedite)
        orders.move("cancelled", number=late)
        later = snapshot(expedite)
        assert changed_since(expedite, then) == {late}
    assert changed_since(expedite, then) == {slow, late}
    assert changed_since(expedite, later) == {slow}
    with transaction() as session:  # its own changes are not told before they are committed
        moves.move(session, "kitchen_service", after, "cancelled", STAFF)
        assert changed_since(expedite, later) == {slow}
    assert changed_since(expedite, later) == {slow, after}
    assert changed_since(expedite, snapshot(expedite)) == set()
