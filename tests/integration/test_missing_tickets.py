"""Which tickets the sweeper takes for missing, by the orders alone."""

import pytest

from common.orders import front
from order_service.orders import sweeping
from tests.integration.conftest import Transaction
from tests.support.expedite import Expedite

_LONG_AGO = "now() - interval '1 day'"
_INSERT = """
    insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status, sequence,
        placed_at, updated_at, cooking_started_at, processed_by)
    select 'ORD_20261122_' || lpad((n + %s)::text, 6, '0'), 'Ada', %s, 10, %s, 0, %s, 1,
        {long_ago} + n * interval '1 ms', {long_ago} + n * interval '1 ms',
        case when %s = 'ready' then now() - interval '1 hour' end, 'anna'
    from generate_series(1, %s) n
"""


@pytest.fixture
def kitchen(expedite: Expedite) -> Expedite:
    expedite.query(
        "insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,"
        " cooking_speed) values ('anna', gen_random_uuid(), '{}', 'online', 30, now(), now(), 1)"
    )
    return expedite


def placed(kitchen: Expedite, order_type: str, status: str, count: int = 1, priority: int = 1) -> str:
    """So many orders in a row, taken by a worker if they are ready; returns the last one's number."""
    [(before,)] = kitchen.query("select count(*) from orders")
    kitchen.query(
        _INSERT.format(long_ago=f"{_LONG_AGO} + {before} * interval '1 ms'"),
        before,
        order_type,
        priority,
        status,
        status,
        count,
    )
    return f"ORD_20261122_{before + count:06}"


def missing(transaction: Transaction) -> list[str]:
    """While none of the queues is empty, and nothing waits in the outbox."""
    with transaction() as session:
        found = sweeping.send_missing_again(session, [], [], grace=60)
    return [order["order_number"] for order in found]


BACKLOG = sweeping._LOOKED_AT + 10


def test_an_order_is_missing_when_one_behind_it_was_taken(kitchen: Expedite, transaction: Transaction) -> None:
    lost = placed(kitchen, "takeout", "received")
    placed(kitchen, "takeout", "ready")
    placed(kitchen, "takeout", "received")
    assert missing(transaction) == [lost]


def test_it_is_found_also_when_more_wait_behind_it_than_are_looked_at(
    kitchen: Expedite, transaction: Transaction
) -> None:
    lost = placed(kitchen, "takeout", "received")
    placed(kitchen, "takeout", "ready")
    placed(kitchen, "takeout", "received", BACKLOG)
    assert missing(transaction) == [lost]


def test_it_is_found_also_when_another_has_waited_for_long_and_nobody_makes_that_kind(
    kitchen: Expedite, transaction: Transaction
) -> None:
    placed(kitchen, "delivery", "received")
    placed(kitchen, "dine_in", "ready", BACKLOG)
    lost = placed(kitchen, "takeout", "received")
    placed(kitchen, "takeout", "ready")
    placed(kitchen, "takeout", "received", BACKLOG)
    assert missing(transaction) == [lost]


def test_it_is_found_also_when_the_oldest_of_its_kind_has_waited_for_long(
    kitchen: Expedite, transaction: Transaction
) -> None:
    """That one has no priority, and lets all others past."""
    placed(kitchen, "takeout", "received")
    placed(kitchen, "takeout", "ready", BACKLOG, priority=10)
    lost = placed(kitchen, "takeout", "received", priority=10)
    placed(kitchen, "takeout", "ready", priority=10)
    assert missing(transaction) == [lost]


# --- whose priority has changed since their ticket was sent ---------------------------------------------------


def to_the_front(kitchen: Expedite, transaction: Transaction, number: str, *, undo: bool = False) -> None:
    """It was sent there, or back, an hour ago."""
    with transaction() as session:
        front.send(session, number, "anna", undo=undo)
    kitchen.query("update orders set sent_again_at = sent_again_at - interval '1 hour' where number = %s", number)
    kitchen.query("delete from outbox")


def test_those_that_were_taken_before_it_was_sent_to_the_front_say_nothing(
    kitchen: Expedite, transaction: Transaction
) -> None:
    waits = placed(kitchen, "takeout", "received")
    placed(kitchen, "takeout", "ready", priority=5)
    to_the_front(kitchen, transaction, waits)
    assert missing(transaction) == []


def test_it_is_missing_when_a_later_one_was_taken_since_and_its_ticket_goes_to_the_front_again(
    kitchen: Expedite, transaction: Transaction
) -> None:
    lost = placed(kitchen, "takeout", "received")
    to_the_front(kitchen, transaction, lost)
    later = placed(kitchen, "takeout", "ready")
    kitchen.query("update orders set placed_at = now() - interval '30 minutes' where number = %s", later)
    kitchen.query("update orders set cooking_started_at = now() - interval '20 minutes' where number = %s", later)
    assert missing(transaction) == [lost]
    assert kitchen.query("select priority, body ->> 'priority' from outbox") == [(10, "10")]


def test_one_that_was_taken_from_the_front_says_nothing_about_those_it_passed(
    kitchen: Expedite, transaction: Transaction
) -> None:
    placed(kitchen, "takeout", "received", priority=5)
    passed = placed(kitchen, "takeout", "received")
    to_the_front(kitchen, transaction, passed)
    kitchen.query(
        "update orders set status = 'cooking', cooking_started_at = now() - interval '30 minutes',"
        " processed_by = 'anna' where number = %s",
        passed,
    )
    assert missing(transaction) == []


def test_one_that_was_put_back_is_missing_only_by_those_that_came_since(
    kitchen: Expedite, transaction: Transaction
) -> None:
    waits = placed(kitchen, "takeout", "received")
    to_the_front(kitchen, transaction, waits)
    to_the_front(kitchen, transaction, waits, undo=True)
    # Its first ticket failed and comes again: it stands behind this one by now.
    placed(kitchen, "takeout", "ready")
    assert missing(transaction) == []


def test_one_that_was_taken_from_the_front_failed_and_was_put_back_says_nothing_about_those_it_passed(
    kitchen: Expedite, transaction: Transaction
) -> None:
    placed(kitchen, "takeout", "received")
    passed = placed(kitchen, "takeout", "received")
    to_the_front(kitchen, transaction, passed)
    kitchen.query(
        "update orders set cooking_started_at = now() - interval '30 minutes', processed_by = 'anna'"
        " where number = %s",
        passed,
    )
    to_the_front(kitchen, transaction, passed, undo=True)
    assert missing(transaction) == []
