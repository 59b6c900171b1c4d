"""Numbers without gap or double, and an order that is written whole or not at all."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema
import psycopg2
import pytest
from sqlalchemy.exc import DBAPIError

from common.observability import logs
from common.orders import events
from order_service.orders import placing
from order_service.orders.placing import NewOrder
from tests.integration.conftest import Transaction
from tests.support import forms as order_form
from tests.support.expedite import Expedite, an_order

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TABLES = ("orders", "order_items", "order_status_log", "outbox")


def new_order(**changes: Any) -> NewOrder:
    return NewOrder.of(order_form.read(an_order(**changes)), "customer")


def place(transaction: Transaction, *orders: NewOrder, at: datetime | None = NOON) -> list[str]:
    with transaction() as session:
        return [placed.number for placed in placing.place(session, orders or [new_order()], at)]


def counts(expedite: Expedite) -> list[int]:
    return [expedite.query(f"select count(*) from {table}")[0][0] for table in TABLES]


def test_the_days_first_is_001_and_what_comes_after_999_is_1000(
    transaction: Transaction, expedite: Expedite
) -> None:
    assert place(transaction) == ["ORD_20261122_001"]
    expedite.query("update order_numbers set last = 998")
    assert [place(transaction)[0] for _ in range(3)] == [
        "ORD_20261122_999",
        "ORD_20261122_1000",
        "ORD_20261122_1001",
    ]


def test_the_day_is_utcs(transaction: Transaction) -> None:
    last_moment = datetime(2026, 11, 22, 23, 59, 59, 999_999, UTC)
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    placed = [place(transaction, at=at)[0] for at in (NOON, last_moment, midnight, last_moment)]
    assert placed == ["ORD_20261122_001", "ORD_20261122_002", "ORD_20261123_001", "ORD_20261122_003"]


def test_a_hundred_at_once_get_a_hundred_numbers_in_a_row(transaction: Transaction, expedite: Expedite) -> None:
    with ThreadPoolExecutor(20) as threads:
        futures = [threads.submit(place, transaction) for _ in range(100)]
        numbers = sorted(future.result(60)[0] for future in futures)
    assert numbers == [f"ORD_20261122_{n:03}" for n in range(1, 101)]
    assert counts(expedite) == [100, 100, 100, 100]


def test_several_orders_in_one_call_keep_their_sequence(transaction: Transaction, expedite: Expedite) -> None:
    orders = [new_order(customer_name=name) for name in ("Ada", "Bob", "Cleo")]
    numbers = place(transaction, *orders)
    assert numbers == ["ORD_20261122_001", "ORD_20261122_002", "ORD_20261122_003"]
    stored = expedite.query("select number, customer_name from orders order by number")
    assert stored == list(zip(numbers, ("Ada", "Bob", "Cleo"), strict=True))
    sent = expedite.query("select body ->> 'order_number', body ->> 'customer_name' from outbox order by id")
    assert sent == stored


def test_an_order_that_fails_leaves_nothing_not_even_a_gap(transaction: Transaction, expedite: Expedite) -> None:
    place(transaction)
    impossible = replace(new_order(), total_amount=Decimal("1e15"))
    with pytest.raises(DBAPIError):
        place(transaction, new_order(), impossible)
    assert counts(expedite) == [1, 1, 1, 1]
    assert place(transaction) == ["ORD_20261122_002"]


def test_an_order_that_is_rolled_back_leaves_nothing_not_even_a_gap(
    transaction: Transaction, expedite: Expedite
) -> None:
    def change_of_mind() -> None:
        with transaction() as session:
            placing.place(session, [new_order()], NOON)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        change_of_mind()
    assert counts(expedite) == [0, 0, 0, 0]
    assert place(transaction) == ["ORD_20261122_001"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"order_type": "dine_in", "table_number": 100},
        {"order_type": "delivery", "delivery_address": "ул. Ленина, дом 5"},
        {
            "customer_name": "Zoë O’Brien",
            "items": [{"name": '"; drop', "quantity": 10, "price": Decimal("999.99")}] * 20,
        },
        {"items": [{"name": "Gum \\u0041 %s :orders", "quantity": 3, "price": Decimal("0.01")}]},
    ],
    ids=["takeout", "dine_in", "delivery", "largest", "smallest"],
)
def test_what_was_ordered_is_stored_and_announced_to_the_cent(
    transaction: Transaction, expedite: Expedite, changes: dict[str, Any]
) -> None:
    logs.begin_request("till-7")
    order = new_order(**changes)
    [number] = place(transaction, order)

    [stored] = expedite.query(
        "select customer_name, order_type, table_number, delivery_address, total_amount, priority, status,"
        " sequence, placed_at from orders where number = %s",
        number,
    )
    form = order.form
    assert stored == (
        form.customer_name,
        form.order_type,
        form.table_number,
        form.delivery_address,
        order.total_amount,
        order.priority,
        "received",
        1,
        NOON,
    )
    items = expedite.query("select name, quantity, price from order_items order by position")
    assert items == [(item.name, item.quantity, item.price) for item in form.items]
    assert sum(quantity * price for _, quantity, price in items) == order.total_amount
    assert expedite.query("select sequence, status, changed_by from order_status_log") == [
        (1, "received", "customer")
    ]

    [(event_id, exchange, key, priority, request_id, body)] = expedite.query(
        "select event_id::text, exchange, routing_key, priority, request_id, body from outbox"
    )
    jsonschema.Draft7Validator(events.contract("order_placed")).validate(body)
    assert (exchange, key) == ("order_service.events", f"order_placed.{form.order_type}")
    assert (priority, request_id) == (order.priority, "till-7")
    assert body["event_id"] == event_id
    assert body["request_id"] == "till-7"
    assert body["order_number"] == number
    assert body["placed_at"] == "2026-11-22T12:00:00.000Z"
    assert "placed_by" not in body
    assert expedite.query("select body ->> 'total_amount' from outbox") == [(str(order.total_amount),)]


def test_a_number_is_held_until_its_transaction_ends(transaction: Transaction, database_url: str) -> None:
    with transaction() as session, psycopg2.connect(database_url) as other, other.cursor() as cursor:
        placing.place(session, [new_order()], NOON)
        cursor.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            cursor.execute("insert into order_numbers values ('2026-11-22', 1)")
