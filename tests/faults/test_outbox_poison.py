"""What the broker will not take keeps back nothing but itself, and what it cannot take now waits until it can."""

import json
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import amqp
import pytest
import requests

from devstack.rabbitmq import RabbitMQ
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order
from tests.support.queues import full

NOWHERE = "amqp://guest:guest@127.0.0.1:1/"
LAST = 9  # attempts after which the next one is the last

# A row like the first one, but for where it goes.
_BAD_ROW = """
    insert into outbox (event_id, exchange, routing_key, priority, request_id, body)
    select gen_random_uuid(), %s, %s, priority, request_id, body || '{"customer_name": "Bad Row"}'
    from outbox order by id limit 1 returning id, event_id::text
"""
_BACKLOG = """
    insert into outbox (event_id, exchange, routing_key, priority, request_id, body)
    select gen_random_uuid(), exchange, routing_key, priority, request_id,
        body || jsonb_build_object('order_number', 'ORD_20200101_' || n)
    from generate_series(1, 20000) n, (select * from outbox limit 1) like_this order by n
"""


def left(expedite: Expedite) -> int:
    return int(expedite.query("select count(*) from outbox")[0][0])


def numbers(bodies: list[dict[str, Any]]) -> list[str]:
    return [body["order_number"] for body in bodies]


def first_copies(expedite: Expedite) -> list[str]:
    """The orders that wait, without the copies of what shared a batch with a row that broke it."""
    return list(dict.fromkeys(numbers(expedite.tickets("takeout"))))


def letters(expedite: Expedite) -> list[amqp.Message]:
    """What is in dead_letters; it stays there."""
    found = []
    with expedite.channel() as channel:
        while (message := channel.basic_get("dead_letters")) is not None:
            found.append(message)
        channel.basic_recover(requeue=True)
    return found


def complaints(relay: Process) -> Counter[str]:
    """How often the relay said of each event that it could not be published."""
    return Counter(
        line["details"]["event_id"]
        for line in relay.actions("rabbitmq_publish_failed")
        if line["level"] == "ERROR" and line["details"].get("event_id")
    )


@pytest.mark.one_of_its_kind
def test_rows_that_cannot_be_published_hold_up_nobody_and_become_dead_letters(expedite: Expedite) -> None:
    unheard = expedite.start("order_service", AMQP_URI=NOWHERE)
    good, bad = [expedite.place_number()], {}
    for exchange, routing_key in (
        ("no_such.events", "order_placed.takeout"),
        ("order_service.events", "x" * 300),
        ("order_service.events", "order_placed.nonsense"),
    ):
        bad[routing_key[:30]] = expedite.query(_BAD_ROW, exchange, routing_key)[0]
        good += [expedite.place_number() for _ in range(2)]
    unheard.kill()

    relay = expedite.start("order_service")
    eventually(lambda: expedite.waiting("kitchen.takeout") > 0, 20)
    eventually(lambda: first_copies(expedite) == good)
    ids = sorted(row_id for row_id, _ in bad.values())
    unroutable = bad["order_placed.nonsense"][0]
    state = "select id, attempts, retry_at - now() from outbox order by id"
    eventually(lambda: [row[:2] for row in expedite.query(state)] == [(row_id, 1) for row_id in ids])
    pauses = [row[2] for row in expedite.query(state)]
    expedite.query("update outbox set retry_at = now()")
    eventually(lambda: [row[:2] for row in expedite.query(state)] == [(row_id, 2) for row_id in ids])
    for earlier, row in zip(pauses, expedite.query(state), strict=True):
        assert row[2] > earlier > timedelta(0)
    # What comes later is not held up either.
    later = expedite.place_number(at=relay)
    eventually(lambda: first_copies(expedite) == [*good, later])
    assert letters(expedite) == []

    # After the last attempt what breaks its channel is a dead letter; what only has no queue goes on waiting.
    expedite.query("update outbox set retry_at = now(), attempts = %s", LAST)
    eventually(lambda: [row[:2] for row in expedite.query(state)] == [(unroutable, LAST + 1)])
    found = {message.properties["message_id"]: message for message in letters(expedite)}
    assert sorted(found) == sorted(event_id for row_id, event_id in bad.values() if row_id != unroutable)
    for message in found.values():
        assert json.loads(message.body)["customer_name"] == "Bad Row"
        assert message.properties["delivery_mode"] == 2
        assert message.headers["attempts"] == LAST + 1
        assert message.headers["failed_by"] == "order_service"
        assert message.headers["failed_at"].endswith("Z")
        assert message.headers["reason"]
    headers = found[bad["order_placed.takeout"][1]].headers
    assert "no_such.events" in headers["reason"]
    assert headers["queue"] == "kitchen.takeout"
    # Each attempt is logged, once its outcome is in the database.
    eventually(lambda: complaints(relay) == {event_id: 3 for _, event_id in bad.values()})
    assert first_copies(expedite) == [*good, later]


def test_orders_wait_for_room_in_a_full_queue_however_long_it_takes(
    expedite: Expedite, rabbitmq: RabbitMQ
) -> None:
    desk = expedite.start("order_service", SWEEP_INTERVAL=3600)
    with full(rabbitmq, expedite, at=2):
        placed = [expedite.place_number() for _ in range(6)]
        elsewhere = expedite.place_number(order_type="dine_in", table_number=1)
        eventually(lambda: numbers(expedite.tickets("dine_in")) == [elsewhere])
        eventually(lambda: left(expedite) == 4)
        eventually(lambda: expedite.query("select 1 from outbox having min(attempts) >= 1"))
        # As if it had been full for an hour.
        expedite.query("update outbox set retry_at = now(), attempts = greatest(attempts, %s)", LAST)
        eventually(lambda: expedite.query("select 1 from outbox having min(retry_at) > now()"))
        assert left(expedite) == 4
        assert letters(expedite) == []
        assert desk.health("live").status_code == 200

    expedite.query("update outbox set retry_at = now()")
    eventually(lambda: left(expedite) == 0)
    assert sorted(numbers(expedite.tickets("takeout"))) == placed
    expedite.start_worker()
    for number in placed:
        expedite.wait_for(number, "ready")


def test_a_backlog_is_sent_on_while_customers_are_served(expedite: Expedite) -> None:
    unheard = expedite.start("order_service", AMQP_URI=NOWHERE)
    expedite.place()
    expedite.query(_BACKLOG)
    unheard.kill()

    desk = expedite.start("order_service", SWEEP_INTERVAL=3600)
    eventually(lambda: desk.actions("order_published"))
    seconds, during = [], []
    deadline = time.monotonic() + 150
    while (waiting := left(expedite)) > 0:
        assert time.monotonic() < deadline, f"{waiting} rows are left"
        started = time.monotonic()
        assert desk.health("live").status_code == 200
        during.append(expedite.place_number(at=desk))
        seconds.append(time.monotonic() - started)

    assert during
    # One of them may have come just when the machine paused.
    assert not [each for each in sorted(seconds)[:-1] if each > 5]
    eventually(lambda: left(expedite) == 0)
    assert expedite.waiting("kitchen.takeout") == 20_001 + len(during)
    assert desk.actions("rabbitmq_publish_failed") == []


def test_while_the_brokers_disk_is_full_orders_are_taken_and_not_sent_over_and_over(
    expedite: Expedite, rabbitmq: RabbitMQ
) -> None:
    desks = [expedite.start("order_service", wait=False, SWEEP_INTERVAL=3600) for _ in range(2)]
    for desk in desks:
        desk.wait_ready()
    before = expedite.place_number()
    eventually(lambda: left(expedite) == 0)

    rabbitmq.ctl("set_disk_free_limit", "1000000GB")
    try:
        placed = [expedite.place_number(at=desk) for desk in desks * 3]
        eventually(
            lambda: any(
                "blocks publishing" in line["message"]
                for desk in desks
                for line in desk.actions("rabbitmq_publish_failed")
            )
        )
        sent = len(placed) - left(expedite)  # before the broker had noticed
        # For longer than any confirmation is waited for, and than an idle session of the relay may last.
        until = time.monotonic() + 17
        while time.monotonic() < until:
            answer = requests.post(f"{desks[0].url}/orders", json=an_order(), timeout=10)
            assert answer.status_code == 201
            placed.append(answer.json()["order_number"])
            time.sleep(0.5)
        assert left(expedite) == len(placed) - sent
    finally:
        rabbitmq.ctl("set_disk_free_limit", "50MB")

    last = expedite.place_number(at=desks[1])
    eventually(lambda: left(expedite) == 0, within=10)
    copies = Counter(numbers(expedite.tickets("takeout")))
    assert copies == Counter([before, *placed, last])
