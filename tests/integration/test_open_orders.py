"""What screens show of orders: which, in what order, and what has changed since."""

import uuid
from collections.abc import Sequence
from typing import Any

import psycopg2
import pytest
from nameko_sqlalchemy.database import Session
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from common.orders import front, moves, open_orders
from common.orders.moves import Actor
from common.orders.open_orders import Item, OpenOrders, Ticket, ToMake, Uncovered
from common.postgres.sessions import DIALECT
from order_service.orders import placing
from order_service.orders.placing import NewOrder
from tests.integration.conftest import Transaction
from tests.support import forms as order_form
from tests.support.expedite import PIZZA, Expedite, an_order

CHEF = Actor("chef_mario", "worker", uuid.uuid4())
ANNA = Actor("anna", "employee")
WHERE = {"dine_in": {"table_number": 5}, "takeout": {}, "delivery": {"delivery_address": "12 Harbour Street"}}


class Board:
    """A screen, and what happens to the orders on it."""

    def __init__(self, transaction: Transaction, expedite: Expedite) -> None:
        self._transaction = transaction
        self.expedite = expedite

    def place(self, order_type: str = "takeout", price: float = 15.99, **changes: Any) -> str:
        order = an_order(order_type=order_type, items=[{**PIZZA, "price": price}], **WHERE[order_type], **changes)
        with self._transaction() as session:
            [placed] = placing.place(session, [NewOrder.of(order_form.read(order), "customer")])
        return placed.number

    def many(self, count: int, status: str, priority: int = 1) -> None:
        """So many orders of that status that were in hand, a second older each than the one before."""
        self.expedite.query(
            """
            insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,
                sequence, placed_at, updated_at, cooking_started_at)
            select 'ORD_20200101_' || lpad(n::text, 6, '0'), 'Ada', 'takeout', 20, %s, 10, %s, 1,
                now() - n * interval '1 s', now() - n * interval '1 s', now()
            from generate_series((select count(*) from orders) + 1, (select count(*) from orders) + %s) n
            """,
            priority,
            status,
            count,
        )

    def move(self, number: str, *steps: str, by: Actor = ANNA, reason: str | None = None) -> None:
        for step in steps:
            with self._transaction() as session:
                moves.move(session, "kitchen_service", number, step, by, reason=reason, recall_window=600)

    def front(self, number: str, undo: bool = False) -> None:
        with self._transaction() as session:
            front.send(session, number, "anna", undo=undo)

    def snapshot(self) -> str:
        return str(self.expedite.query("select pg_current_snapshot()::text")[0][0])

    def read(self, after: str | None = None) -> OpenOrders:
        with self._transaction() as session:
            return open_orders.read(session, after)

    def ticket(self, number: str) -> Ticket:
        [ticket] = [each for each in self.read().tickets if each.number == number]
        return ticket

    def lane(self, status: str) -> Sequence[str]:
        return self.read().lanes[status]


@pytest.fixture
def board(transaction: Transaction, expedite: Expedite) -> Board:
    return Board(transaction, expedite)


def numbers(found: OpenOrders) -> set[str]:
    return {ticket.number for ticket in found.tickets}


# --- what a ticket says --------------------------------------------------------------------------------------


def test_a_ticket_is_the_order_as_it_stands(board: Board) -> None:
    number = board.place("dine_in", price=75)
    ticket = board.ticket(number)
    [columns] = board.expedite.query(
        "select order_type, status, priority, table_number, customer_name, placed_at, updated_at, changed_in::text"
        " from orders"
    )
    assert columns == (
        ticket.order_type,
        ticket.status,
        ticket.priority,
        ticket.table_number,
        ticket.customer_name,
        ticket.placed_at,
        ticket.updated_at,
        ticket.changed_in,
    )
    assert (ticket.order_type, ticket.status, ticket.priority, ticket.table_number) == (
        "dine_in",
        "received",
        5,
        5,
    )
    assert (ticket.changed_by, ticket.changed_at, ticket.reason) == ("customer", ticket.placed_at, None)
    assert (ticket.front_at, ticket.retry_at, ticket.tries, ticket.is_recalled) == (None, None, 0, False)
    assert (ticket.processed_by, ticket.accepted_by, ticket.cooking_started_at) == (None, None, None)
    assert (ticket.completed_at, ticket.estimated_completion) == (None, None)

    board.move(number, "cooking", by=CHEF)
    cooking = board.ticket(number)
    assert (cooking.processed_by, cooking.changed_by, cooking.cooking_started_at) == (
        "chef_mario",
        "chef_mario",
        cooking.changed_at,
    )
    assert cooking.estimated_completion is not None
    board.expedite.query("update orders set accepted_by = 'bar'")
    board.move(number, "ready", by=CHEF)
    ready = board.ticket(number)
    assert (ready.status, ready.accepted_by, ready.completed_at) == ("ready", "bar", ready.changed_at)


def test_its_dishes_come_with_notes_and_what_the_menu_says_of_them(board: Board) -> None:
    board.expedite.query("""
        insert into menu_items (name_key, name, category, price, ingredients, allergens) values
            ('margherita pizza', 'Margherita Pizza', 'food', 15.99, '[]', '{gluten,milk}'),
            ('espresso', 'Espresso', 'drink', 2, '[]', '{}')
    """)
    number = board.place()
    board.expedite.query("""
        insert into order_items (order_id, position, name, quantity, price, note)
        select id, position, name, quantity, 2, note from orders, (values
            (2, 'Espresso', 2, null), (3, 'Something else', 10, 'very hot')) i (position, name, quantity, note);
        update orders set allergies = '{milk,fish}'
    """)
    ticket = board.ticket(number)
    assert ticket.items == [
        Item(1, "Margherita Pizza", None, ("gluten", "milk")),
        Item(2, "Espresso", None, ()),
        Item(10, "Something else", "very hot", None),
    ]
    assert ticket.allergies == ["milk", "fish"]
    assert ticket.dishes_with("milk") == ["Margherita Pizza"]
    board.expedite.query("update menu_items set allergens = '{fish}' where name_key = 'espresso'")
    assert board.ticket(number).dishes_with("fish") == ["Espresso"]


def test_it_says_who_called_it_back_and_why(board: Board) -> None:
    number = board.place()
    for step in ("cooking", "ready"):
        board.move(number, step, by=CHEF)
        assert board.ticket(number).is_recalled is False
    board.move(number, "cooking", reason="one box was missing")
    ticket = board.ticket(number)
    assert (ticket.is_recalled, ticket.changed_by, ticket.reason) == (True, "anna", "one box was missing")
    board.move(number, "ready")
    assert board.ticket(number).is_recalled is False


def test_it_says_who_sent_it_to_the_front(board: Board) -> None:
    number = board.place()
    board.front(number)
    ticket = board.ticket(number)
    assert (ticket.priority, ticket.changed_by, ticket.reason) == (10, "anna", "sent to the front")
    assert ticket.front_at == ticket.changed_at
    board.front(number, undo=True)
    assert (board.ticket(number).priority, board.ticket(number).front_at) == (1, None)


def test_it_says_when_it_is_tried_again_while_it_waits_for_that(board: Board) -> None:
    number = board.place()
    board.expedite.query("update orders set retry_at = now() + interval '1 minute', tries = 2")
    ticket = board.ticket(number)
    assert (ticket.retry_at is not None, ticket.tries) == (True, 2)
    board.expedite.query("update orders set retry_at = now() - interval '1 s'")
    assert (board.ticket(number).retry_at, board.ticket(number).tries) == (None, 2)
    board.expedite.query("update orders set retry_at = now() + interval '1 minute', tries = 5")
    board.move(number, "failed", reason="on fire")
    failed = board.ticket(number)
    assert (failed.retry_at, failed.tries, failed.reason) == (None, 5, "on fire")


# --- which, and in what order --------------------------------------------------------------------------------


def test_the_latest_sent_to_the_front_then_the_most_urgent_then_the_oldest(board: Board) -> None:
    low, high, middle, next_low, first, second = (board.place(price=price) for price in (15, 150, 75, 15, 15, 15))
    board.front(second)
    board.front(first)
    wanted = [first, second, high, middle, low, next_low]
    found = board.read()
    assert found.lanes["received"] == wanted
    assert [ticket.number for ticket in found.tickets] == wanted
    for number in wanted:
        board.move(number, "cooking")
    assert board.lane("cooking") == wanted
    for number in wanted:
        board.move(number, "ready")
    assert (board.lane("cooking"), board.lane("ready")) == ([], wanted)


def test_those_of_one_moment_are_in_the_order_of_their_numbers(board: Board) -> None:
    placed = [board.place() for _ in range(3)]
    board.expedite.query("update orders set placed_at = '2026-11-22'")
    board.expedite.query("update orders set reason = 'x' where number = %s", placed[0])
    assert board.lane("received") == placed


def test_an_order_is_shown_until_its_customer_has_it(board: Board) -> None:
    taken, sent = board.place(), board.place("delivery")
    for number in (taken, sent):
        board.move(number, "cooking", "ready")
    board.move(sent, "out_for_delivery")
    lanes = board.read().lanes
    assert (lanes["ready"], lanes["out_for_delivery"]) == ([taken], [sent])
    board.move(taken, "completed")
    board.move(sent, "completed")
    assert not any(board.read().lanes.values())
    assert not board.read().tickets


def test_one_that_ended_badly_is_shown_until_it_is_cleared_or_old(board: Board) -> None:
    waited, cooked, accepted, failed, old = [board.place() for _ in range(5)]
    board.move(cooked, "cooking")
    board.expedite.query("update orders set accepted_by = 'bar' where number = %s", accepted)
    for number in (waited, cooked, accepted):
        board.move(number, "cancelled", reason="guest left")
    for number in (failed, old):
        board.move(number, "failed", reason="out of basil")
    board.expedite.query("update orders set updated_at = now() - interval '13 hours' where number = %s", old)
    lanes = board.read().lanes
    assert lanes["cancelled"] == [cooked, accepted]  # nobody has to stop what nobody had in hand
    assert lanes["failed"] == [failed]
    board.expedite.query("update orders set cleared_at = now()")
    assert not any(board.read().lanes.values())


@pytest.mark.parametrize("status", ["received", "cooking"])
@pytest.mark.parametrize("priority", [1, 10])
def test_of_very_many_the_most_urgent_are_shown(board: Board, status: str, priority: int) -> None:
    most = open_orders.MAX_SHOWN[status]
    board.many(most + 5, status, priority)
    urgent, in_front = board.place(price=75), board.place()
    board.front(in_front)
    if status == "cooking":
        board.move(urgent, "cooking")
        board.move(in_front, "cooking")
    lane = board.lane(status)
    oldest = f"ORD_20200101_{most + 5:06}"
    assert len(lane) == most
    assert lane[:3] == ([in_front, urgent, oldest] if priority == 1 else [in_front, oldest, lane[2]])
    assert (urgent in lane) == (priority == 1)
    assert len(board.read().tickets) == most


@pytest.mark.parametrize("status", ["ready", "out_for_delivery", "cancelled", "failed"])
def test_of_very_many_that_are_made_or_ended_the_newest_are_shown(board: Board, status: str) -> None:
    most = open_orders.MAX_SHOWN[status]
    board.many(most + 5, status)
    lane = board.lane(status)
    assert set(lane) == {f"ORD_20200101_{n:06}" for n in range(1, most + 1)}
    assert lane == sorted(lane, reverse=True)  # the oldest of them first


# --- what has changed since ----------------------------------------------------------------------------------


def test_what_has_changed_since_is_told_and_what_is_there(board: Board, transaction: Transaction) -> None:
    stays, moves_on, leaves, comes_late = [board.place() for _ in range(4)]
    with transaction() as begun_before:
        moves.move(begun_before, "kitchen_service", comes_late, "cooking", ANNA)
        then = board.snapshot()
        board.move(moves_on, "cooking")
        board.move(leaves, "cancelled")
        new = board.place()
        found = board.read(then)
        assert numbers(found) == {moves_on, new}
        assert found.lanes["received"] == [stays, comes_late, new]
        assert found.lanes["cooking"] == [moves_on]
        later = board.snapshot()
    assert numbers(board.read(later)) == {comes_late}
    assert numbers(board.read(then)) == {moves_on, comes_late, new}
    assert numbers(board.read(board.snapshot())) == set()
    assert board.read(board.snapshot()).lanes == board.read().lanes


def test_those_of_before_there_were_stamps_have_not_changed(board: Board) -> None:
    number = board.place()
    board.expedite.query("alter table orders disable trigger orders_stamp; update orders set changed_in = null")
    found = board.read("1:1:")
    assert (found.lanes["received"], found.tickets) == ([number], [])
    assert board.ticket(number).changed_in is None


@pytest.mark.parametrize("status", ["received", "cooking", "ready", "failed"])
def test_one_that_is_shown_since_others_left_is_told_too(board: Board, status: str) -> None:
    """It has not changed itself."""
    most = open_orders.MAX_SHOWN[status]
    board.many(most + 5, status)
    before = board.read()
    shown = dict(zip(before.lanes[status], before.tickets, strict=True))
    then = board.snapshot()
    leaving = before.lanes[status][:5] if status in ("received", "cooking") else before.lanes[status][-5:]
    board.expedite.query("update orders set status = 'completed' where number = any(%s)", list(leaving))
    found = board.read(then)
    assert len(set(found.lanes[status]) - set(before.lanes[status])) == 5
    # A screen that takes what it is told has a ticket for each number, and the right one.
    shown.update((ticket.number, ticket) for ticket in found.tickets)
    assert [shown[number] for number in found.lanes[status]] == list(board.read().tickets)
    assert len(found.tickets) == open_orders._EDGE


# --- counts, dishes, and who takes what ----------------------------------------------------------------------


def test_all_are_counted_by_status_and_type_shown_or_not(board: Board) -> None:
    board.many(open_orders.MAX_SHOWN["received"] + 50, "received")
    board.many(open_orders.MAX_COUNTED + 50, "ready")
    board.many(3, "completed")
    board.place("dine_in")
    cooking, sent = board.place("delivery"), board.place("delivery")
    board.move(cooking, "cooking")
    board.move(sent, "cooking", "ready", "out_for_delivery")
    with board._transaction() as session:
        assert open_orders.counts(session) == {
            ("received", "takeout"): 250,
            ("received", "dine_in"): 1,
            ("cooking", "delivery"): 1,
            ("ready", "takeout"): 1000,
            ("out_for_delivery", "delivery"): 1,
        }


def test_what_is_still_to_make_is_of_all_that_wait_and_cook(board: Board) -> None:
    board.many(open_orders.MAX_SHOWN["received"] + 50, "received")
    board.expedite.query(
        "insert into order_items (order_id, position, name, quantity, price) select id, 1, 'Tea', 2, 2 from orders"
    )
    waiting, cooking, ready = board.place("dine_in"), board.place(), board.place()
    board.move(cooking, "cooking")
    board.move(ready, "cooking", "ready")
    with board._transaction() as session:
        assert open_orders.still_to_make(session) == [
            ToMake("takeout", "Tea", 500),
            ToMake("dine_in", "Margherita Pizza", 1),
            ToMake("takeout", "Margherita Pizza", 1),
        ]
    board.move(waiting, "cancelled")
    board.move(cooking, "ready")
    with board._transaction() as session:
        assert open_orders.still_to_make(session) == [ToMake("takeout", "Tea", 500)]


def test_the_types_that_nobody_takes_are_known_and_who_took_them_last(board: Board) -> None:
    def worker(name: str, types: str, status: str, seconds: int) -> None:
        board.expedite.query(
            "insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at,"
            " last_seen, cooking_speed) values (%s, gen_random_uuid(), %s, %s, 30, now(),"
            " timestamptz '2026-11-22 20:43Z' - make_interval(secs => %s), 1)",
            name,
            types,
            status,
            seconds,
        )

    def found() -> list[Uncovered]:
        with board._transaction() as session:
            return open_orders.uncovered(session)

    assert found() == [Uncovered(each, None, None) for each in ("dine_in", "takeout", "delivery")]
    worker("anna", "{delivery,takeout}", "offline", 240)
    worker("luigi", "{delivery}", "online", 600)  # who was never heard of again
    assert [(each.order_type, each.last_taken_by) for each in found()] == [
        ("dine_in", None),
        ("takeout", "anna"),
        ("delivery", "anna"),
    ]
    board.expedite.query("update workers set last_seen = now() where name = 'luigi'")
    assert [(each.order_type, each.last_taken_by) for each in found()] == [("dine_in", None), ("takeout", "anna")]
    assert found()[1].until == board.expedite.query("select last_seen from workers where name = 'anna'")[0][0]


def test_what_is_read_belongs_together_in_one_transaction(board: Board, database_url: str) -> None:
    number = board.place()
    engine = create_engine(
        DIALECT, creator=lambda: psycopg2.connect(database_url), isolation_level="REPEATABLE READ"
    )
    with sessionmaker(engine, class_=Session)() as session:
        at = str(session.execute(text("select cast(pg_current_snapshot() as text)")).scalar_one())
        board.move(number, "cooking")
        assert open_orders.read(session).lanes["received"] == [number]
        assert open_orders.counts(session) == {("received", "takeout"): 1}
    engine.dispose()
    assert numbers(board.read(at)) == {number}
