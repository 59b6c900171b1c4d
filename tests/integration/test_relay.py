"""The outbox's relay: what is decided reaches the broker, in order, and leaves the outbox only then."""

import json
from collections.abc import Callable
from typing import Any

import amqp
import psycopg2
import pytest
import requests

from common.orders import events
from common.outbox import relay
from order_service.orders import placing
from order_service.orders.placing import NewOrder
from tests.integration.conftest import Transaction
from tests.support import forms as order_form
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order

QUEUES = ("kitchen.dine_in", "kitchen.takeout", "kitchen.delivery")
LEADERS = f"""
    select pid from pg_locks where locktype = 'advisory' and granted and objid = {relay._LEADER_LOCK}
        and database = (select oid from pg_database where datname = current_database())
"""
WOULD_LEAD = """
    select pid from pg_stat_activity
    where query like 'select pg_try_advisory_lock(%%' and datname = current_database()
"""
NOWHERE = "amqp://guest:guest@127.0.0.1:1/"


@pytest.fixture
def place(transaction: Transaction) -> Callable[..., str]:
    """Writes an order and its outbox row, as a process does that dies right after the commit."""

    def place(**changes: Any) -> str:
        order = NewOrder.of(order_form.read(an_order(**changes)), "customer")
        with transaction() as session:
            [placed] = placing.place(session, [order])
        return placed.number

    return place


def outbox_is_empty(expedite: Expedite) -> bool:
    return expedite.query("select count(*) from outbox") == [(0,)]


def taken(expedite: Expedite, queue: str) -> list[amqp.Message]:
    """All messages of a queue, in its order."""
    messages = []
    with expedite.channel() as channel:
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            messages.append(message)
    return messages


def numbers(messages: list[amqp.Message]) -> list[str]:
    return [json.loads(message.body)["order_number"] for message in messages]


def published(process: Process) -> dict[str, str]:
    """The orders that it says it has published, by their request's id."""
    return {line["request_id"]: line["details"]["order_number"] for line in process.actions("order_published")}


def test_what_a_dead_process_left_is_published_in_order_and_in_full(
    expedite: Expedite, place: Callable[..., str]
) -> None:
    dead = expedite.start("order_service", AMQP_URI=NOWHERE)
    placed = [expedite.place()["order_number"] for _ in range(3)]
    dead.kill()
    placed += [place() for _ in range(3)]
    urgent = place(items=[{"name": "Truffle", "quantity": 1, "price": 100.01}])
    left = expedite.query("select event_id::text, priority, request_id, body from outbox order by id")
    assert len(left) == 7

    process = expedite.start("order_service")
    eventually(lambda: outbox_is_empty(expedite))
    messages = taken(expedite, "kitchen.takeout")
    assert numbers(messages) == [urgent, *placed]
    rows = {row[3]["order_number"]: row for row in left}
    for message in messages:
        body = json.loads(message.body)
        events.check(events.ORDER_PLACED, body)
        event_id, priority, request_id, stored = rows[body["order_number"]]
        assert body == stored
        assert message.properties["message_id"] == event_id == body["event_id"]
        assert message.properties["priority"] == priority
        assert message.properties["delivery_mode"] == 2
        assert message.properties["content_type"] == "application/json"
        assert message.headers["nameko.request_id"] == request_id == body["request_id"]
        assert message.delivery_info["exchange"] == "order_service.events"
        assert message.delivery_info["routing_key"] == "order_placed.takeout"
    expected = {row[2]: number for number, row in rows.items()}
    eventually(lambda: published(process) == expected)


def test_an_order_nobody_could_get_is_kept_and_tried_again_and_holds_up_nothing(
    expedite: Expedite, place: Callable[..., str]
) -> None:
    process = expedite.start("order_service")
    eventually(lambda: expedite.query(LEADERS))
    with expedite.channel() as channel:
        channel.queue_delete("kitchen.dine_in")
    kept = place(order_type="dine_in", table_number=1)
    passed = [place(), place(order_type="delivery", delivery_address="12 Harbour Street")]
    eventually(lambda: expedite.waiting("kitchen.takeout") == expedite.waiting("kitchen.delivery") == 1)
    failed = eventually(lambda: process.actions("rabbitmq_publish_failed"))
    assert {line["details"]["order_number"] for line in failed} == {kept}
    eventually(lambda: outbox_is_empty(expedite), within=30)
    assert numbers(taken(expedite, "kitchen.dine_in")) == [kept]
    assert numbers(taken(expedite, "kitchen.takeout") + taken(expedite, "kitchen.delivery")) == passed


def test_a_change_of_status_that_nobody_follows_does_not_stay(
    expedite: Expedite, place: Callable[..., str]
) -> None:
    process = expedite.start("order_service")
    key = expedite.with_key(expedite.place(), "/cancel")
    assert requests.post(key, timeout=5).status_code == 200
    eventually(lambda: outbox_is_empty(expedite))
    assert process.actions("rabbitmq_publish_failed") == []


def test_a_row_stays_until_somebody_leads_and_only_one_does(expedite: Expedite, place: Callable[..., str]) -> None:
    rival = psycopg2.connect(expedite.database_url)
    try:
        rival.autocommit = True
        with rival.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", (relay._LEADER_LOCK,))
            processes = [expedite.start("order_service"), expedite.start("order_service")]
            placed = [place() for _ in range(20)]
            eventually(lambda: len(expedite.query(WOULD_LEAD)) == 2)
            assert expedite.query("select count(*) from outbox") == [(20,)]
            assert expedite.waiting("kitchen.takeout") == 0
            cursor.execute("select pg_advisory_unlock(%s)", (relay._LEADER_LOCK,))
        eventually(lambda: outbox_is_empty(expedite))
        assert numbers(taken(expedite, "kitchen.takeout")) == placed
        [(leader,)] = expedite.query(LEADERS)

        expedite.query("select pg_terminate_backend(%s)", leader)
        placed = [place() for _ in range(20)]
        eventually(lambda: outbox_is_empty(expedite))
        assert sorted(set(numbers(taken(expedite, "kitchen.takeout")))) == placed
        eventually(lambda: len(expedite.query(LEADERS)) == 1)
        assert sum(bool(process.actions("order_published")) for process in processes) >= 1
    finally:
        rival.close()


def test_the_topology_stays_as_it_is(expedite: Expedite) -> None:
    expedite.start("order_service")
    eventually(lambda: expedite.query(LEADERS))
    arguments = {"x-max-priority": 10, "x-dead-letter-exchange": "dead_letters"}
    with expedite.channel() as channel:
        for exchange, kind in (
            ("order_service.events", "topic"),
            ("kitchen_service.events", "topic"),
            ("dead_letters", "fanout"),
        ):
            channel.exchange_declare(exchange, kind, passive=True)
        for queue in (*QUEUES, "dead_letters"):
            assert channel.queue_declare(queue, passive=True).message_count == 0
        for queue in QUEUES:
            order_type = queue.removeprefix("kitchen.")
            channel.basic_publish(amqp.Message("x"), "order_service.events", f"order_placed.{order_type}")
            message = eventually(lambda queue=queue: channel.basic_get(queue))
            channel.basic_reject(message.delivery_tag, requeue=False)
            dead = eventually(lambda: channel.basic_get("dead_letters", no_ack=True))
            assert dead.headers["x-death"][0]["queue"] == queue
    # RabbitMQ refuses to declare again what differs in an argument, and says what it is.
    others = {"x-max-length": 100_000, "x-overflow": "reject-publish"}
    for queue in QUEUES:
        for name, other, current in (("x-max-priority", 9, "10"), ("x-dead-letter-exchange", "x", "dead_letters")):
            declared = {**arguments, **others, name: other}
            with expedite.channel() as channel, pytest.raises(amqp.exceptions.PreconditionFailed) as refusal:
                channel.queue_declare(queue, durable=True, auto_delete=False, arguments=declared)
            assert f"'{name}' for queue '{queue}'" in str(refusal.value)
            assert f"'{current}'" in str(refusal.value)
