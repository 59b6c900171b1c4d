"""Numbers without gap or double, and an order that is written whole or not at all."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

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


def place(transaction: Transaction, *orders: NewOrder, at: datetime | None = NOON, zone: str = "UTC") -> list[str]:
    with transaction() as session:
        placed = placing.place(session, orders or [new_order()], at, ZoneInfo(zone))
        return [each.number for each in placed]


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


@pytest.mark.parametrize(
    "zone",
    [
        "UTC",
        "America/Los_Angeles",  # midnight is at 8:00 UTC, in summer at 7:00
        "Asia/Tokyo",  # midnight is at 15:00 UTC of the day before
        "Asia/Kathmandu",  # at 18:15
        "Pacific/Kiritimati",  # at 10:00, the first of all
        "America/Havana",  # where summer begins and ends at midnight
    ],
)
@pytest.mark.parametrize("day", [date(2026, 11, 22), date(2026, 7, 4), date(2026, 3, 8), date(2026, 11, 1)])
def test_the_day_is_the_houses(transaction: Transaction, zone: str, day: date) -> None:
    here = ZoneInfo(zone)
    next_day = day + timedelta(days=1)
    noon = datetime.combine(day, time(12), here).astimezone(UTC)
    midnight = datetime.combine(next_day, time(), here).astimezone(UTC)
    last_moment = midnight - timedelta(microseconds=1)
    placed = [place(transaction, at=at, zone=zone)[0] for at in (noon, last_moment, midnight, last_moment)]
    today, tomorrow = f"ORD_{day:%Y%m%d}", f"ORD_{next_day:%Y%m%d}"
    assert placed == [f"{today}_001", f"{today}_002", f"{tomorrow}_001", f"{today}_003"]


def test_utcs_midnight_is_in_the_middle_of_an_evening_elsewhere(transaction: Transaction) -> None:
    evening = datetime(2026, 11, 22, 19, 30, tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)
    assert evening.day == 23
    at = [evening - timedelta(hours=5), evening, evening + timedelta(hours=5)]
    placed = [place(transaction, at=each, zone="America/Los_Angeles")[0] for each in at]
    assert placed == ["ORD_20261122_001", "ORD_20261122_002", "ORD_20261123_001"]


def test_a_house_that_changes_its_time_zone_gives_no_number_twice(
    transaction: Transaction, expedite: Expedite
) -> None:
    at = datetime(2026, 11, 22, 20, tzinfo=UTC)  # in Los Angeles noon, in Tokyo five o'clock of the next day
    zones = ["UTC", "America/Los_Angeles", "Asia/Tokyo", "UTC", "Asia/Tokyo", "America/Los_Angeles"]
    placed = [
        place(transaction, at=at + timedelta(hours=hours), zone=zone)[0] for hours in (0, 6, 13) for zone in zones
    ]
    assert len(set(placed)) == len(placed)
    by_day: dict[str, list[int]] = {}
    for number in placed:
        by_day.setdefault(number[:12], []).append(int(number[13:]))
    assert {day: sorted(found) for day, found in by_day.items()} == {
        day: list(range(1, len(found) + 1)) for day, found in by_day.items()
    }
    assert sorted(by_day) == ["ORD_20261122", "ORD_20261123"]
    assert expedite.query("select count(*) from order_numbers") == [(2,)]


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
        {
            "items": [
                {
                    "name": "Pizza",
                    "quantity": 1,
                    "price": Decimal("15.99"),
                    "note": """{"no": 'basil'} \\u0041 %s :at""",
                },
                {"name": "Tea", "quantity": 1, "price": Decimal("2.50"), "note": "x" * 140},
                {"name": "Tea", "quantity": 1, "price": Decimal("2.50")},
            ],
            "allergies": ["gluten", "nuts", "molluscs"],
        },
        {"items": [{"name": "Gum \\u0041 %s :orders", "quantity": 3, "price": Decimal("0.01")}]},
    ],
    ids=["takeout", "dine_in", "delivery", "largest", "notes", "smallest"],
)
def test_what_was_ordered_is_stored_and_announced_to_the_cent(
    transaction: Transaction, expedite: Expedite, changes: dict[str, Any]
) -> None:
    logs.begin_request("till-7")
    order = replace(new_order(**changes), first_estimate=NOON + timedelta(minutes=20, milliseconds=250))
    [number] = place(transaction, order)

    [stored] = expedite.query(
        "select customer_name, order_type, table_number, delivery_address, allergies, total_amount, priority,"
        " status, sequence, placed_at, first_estimate from orders where number = %s",
        number,
    )
    form = order.form
    assert stored == (
        form.customer_name,
        form.order_type,
        form.table_number,
        form.delivery_address,
        list(form.allergies),
        order.total_amount,
        order.priority,
        "received",
        1,
        NOON,
        order.first_estimate,
    )
    items = expedite.query("select name, quantity, price, note from order_items order by position")
    assert items == [(item.name, item.quantity, item.price, item.note) for item in form.items]
    assert sum(quantity * price for _, quantity, price, _ in items) == order.total_amount
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
    assert [item.get("note") for item in body["items"]] == [item.note for item in form.items]
    assert body["allergies"] == list(form.allergies)
    assert "placed_by" not in body
    assert expedite.query("select body ->> 'total_amount' from outbox") == [(str(order.total_amount),)]


def test_a_number_is_held_until_its_transaction_ends(transaction: Transaction, database_url: str) -> None:
    with transaction() as session, psycopg2.connect(database_url) as other, other.cursor() as cursor:
        placing.place(session, [new_order()], NOON)
        cursor.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            cursor.execute("insert into order_numbers values ('2026-11-22', 1)")
