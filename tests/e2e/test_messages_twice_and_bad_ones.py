"""What comes twice has its effect once; what nobody can cook stands in nobody's way."""

import json
from typing import Any

import amqp
import pytest

from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process


def a_ticket(expedite: Expedite, order_number: str) -> str:
    """The body of the one message that waits for a takeout, which stays where it is."""
    [body] = expedite.tickets("takeout")
    assert body["order_number"] == order_number
    return json.dumps(body)


def publish(expedite: Expedite, body: str | bytes, exchange: str, routing_key: str) -> None:
    with expedite.channel() as channel:
        channel.confirm_select()
        message = amqp.Message(body, content_type="application/json", content_encoding="utf-8", delivery_mode=2)
        channel.basic_publish_confirm(message, exchange, routing_key)


def changes(notifier: Process, order_number: str) -> list[str]:
    return [line["details"]["new_status"] for line in notifier.actions("notification_received")
            if line["details"]["order_number"] == order_number]  # fmt: skip


def test_an_order_whose_message_comes_three_times_is_cooked_and_announced_once(expedite: Expedite) -> None:
    expedite.start("order_service")
    notifier = expedite.start("notifier_service")
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queue is there
    number = expedite.place_number()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    body = a_ticket(expedite, number)
    for _ in range(2):
        publish(expedite, body, "order_service.events", "order_placed.takeout")
    assert expedite.waiting("kitchen.takeout") == 3

    worker = expedite.start_worker()
    eventually(lambda: len(worker.actions("order_skipped")) == 2)
    eventually(lambda: changes(notifier, number) == ["cooking", "ready"])
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert expedite.query("select orders_processed from workers") == [(1,)]
    eventually(expedite.is_settled)


@pytest.mark.matrix
def test_a_second_message_for_an_order_that_is_cooking_is_left_alone_by_other_workers(expedite: Expedite) -> None:
    expedite.start("order_service")
    notifier = expedite.start("notifier_service")
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queue is there
    number = expedite.place_number()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    body = a_ticket(expedite, number)
    cook = expedite.start_worker("cook", COOKING_SPEED=0.5)
    expedite.wait_for(number, "cooking")

    other = expedite.start_worker("other", COOKING_SPEED=2)
    publish(expedite, body, "order_service.events", "order_placed.takeout")
    eventually(lambda: other.actions("order_in_other_hands"))
    assert expedite.status(number) == "cooking"

    expedite.wait_for(number, "ready")
    eventually(lambda: changes(notifier, number) == ["cooking", "ready"])
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert expedite.query("select name, orders_processed from workers order by name") == [
        ("cook", 1),
        ("other", 0),
    ]
    assert len(cook.actions("order_processing_started")) == 1
    assert not other.actions("order_processing_started")


def test_a_second_message_that_comes_to_the_worker_itself_changes_nothing(expedite: Expedite) -> None:
    expedite.start("order_service")
    number = expedite.place_number()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    body = a_ticket(expedite, number)
    cook = expedite.start_worker("cook", COOKING_SPEED=4, PREFETCH=3)
    expedite.wait_for(number, "cooking")
    publish(expedite, body, "order_service.events", "order_placed.takeout")

    expedite.wait_for(number, "ready")
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert len(cook.actions("order_processing_started")) == 1
    assert cook.stop() == 0
    eventually(expedite.is_settled)


def test_messages_that_nobody_can_cook_are_put_aside_at_once_with_the_reason(expedite: Expedite) -> None:
    expedite.start("order_service")
    number = expedite.place_number()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    body = json.loads(a_ticket(expedite, number))
    bad: dict[str, str | bytes] = {
        "no JSON": b"\xff{not json",
        "no object": "[]",
        "nested too deeply": "[" * 30_000,
        "breaks the contract": json.dumps({**body, "priority": "high"}),
        "unknown order": json.dumps({**body, "order_number": "ORD_20200101_001"}),
    }
    for each in bad.values():
        publish(expedite, each, "", "kitchen.takeout")

    expedite.start_worker()
    behind = expedite.place_number()
    expedite.wait_for(behind, "ready")
    expedite.wait_for(number, "ready")
    eventually(lambda: expedite.waiting("dead_letters") == len(bad))
    reasons = {}
    with expedite.channel() as channel:
        while (message := channel.basic_get("dead_letters", no_ack=True)) is not None:
            headers: dict[str, Any] = message.headers
            assert (headers["queue"], headers["failed_by"]) == ("kitchen.takeout", "chef_mario")
            reasons[message.body if isinstance(message.body, bytes) else message.body.encode()] = headers["reason"]
    assert len(reasons) == len(bad)
    for name, reason_starts in {
        "no JSON": "ContractBroken",
        "no object": "ContractBroken",
        "nested too deeply": "ContractBroken",
        "breaks the contract": "ContractBroken: order_placed: data.priority",
        "unknown order": "NotFound",
    }.items():
        sent = bad[name]
        assert reasons[sent if isinstance(sent, bytes) else sent.encode()].startswith(reason_starts)
