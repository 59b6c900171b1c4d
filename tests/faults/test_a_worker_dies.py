"""A worker that dies or freezes with an order in hand: another one finishes it, once."""

import json

import amqp
import pytest

from devstack.rabbitmq import RabbitMQ
from tests.support.eventually import eventually
from tests.support.expedite import Expedite


@pytest.mark.one_of_its_kind
def test_another_worker_finishes_what_a_killed_one_was_cooking(expedite: Expedite) -> None:
    expedite.start("order_service")
    killed = expedite.start_worker("killed", COOKING_SPEED=0.1)
    number = expedite.place_number()
    expedite.wait_for(number, "cooking")
    expedite.start_worker("heir")

    killed.kill()

    expedite.wait_for(number, "ready")
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert expedite.query("select name, orders_processed from workers order by name") == [
        ("heir", 1),
        ("killed", 0),
    ]
    assert expedite.query("select processed_by from orders") == [("heir",)]
    eventually(expedite.is_settled)


def test_an_order_is_finished_when_its_worker_and_rabbitmq_were_killed_together(
    expedite: Expedite, rabbitmq: RabbitMQ
) -> None:
    expedite.start("order_service")
    killed = expedite.start_worker("killed", COOKING_SPEED=0.1)
    number = expedite.place_number()
    expedite.wait_for(number, "cooking")
    expedite.start_worker("heir")

    rabbitmq.kill()
    killed.kill()
    rabbitmq.start()

    expedite.wait_for(number, "ready", within=60)
    assert expedite.history(number) == ["received", "cooking", "ready"]


def test_an_order_is_finished_when_its_worker_dies_after_rabbitmq_was_killed(
    expedite: Expedite, rabbitmq: RabbitMQ
) -> None:
    expedite.start("order_service")
    killed = expedite.start_worker("killed", COOKING_SPEED=0.1)
    number = expedite.place_number()
    expedite.wait_for(number, "cooking")
    heir = expedite.start_worker("heir")

    rabbitmq.kill()
    rabbitmq.start()
    eventually(
        lambda: any(heir.actions(action) for action in ("order_in_other_hands", "order_processing_started")), 30
    )
    killed.kill()

    expedite.wait_for(number, "ready", within=60)
    assert expedite.history(number) == ["received", "cooking", "ready"]


def test_a_frozen_worker_that_wakes_up_moves_nothing_that_another_has_taken_over(expedite: Expedite) -> None:
    expedite.start("order_service")
    number = expedite.place_number()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    [body] = expedite.tickets("takeout")
    sleeper = expedite.start_worker("sleeper", COOKING_SPEED=5.5, HEARTBEAT_INTERVAL=0.5)
    expedite.wait_for(number, "cooking")
    with sleeper.frozen():
        heir = expedite.start_worker("heir", COOKING_SPEED=2)
        eventually(lambda: expedite.query("select 1 from workers where last_seen < now() - interval '1.2 s'"))
        with expedite.channel() as channel:
            channel.basic_publish_confirm(
                amqp.Message(json.dumps(body), delivery_mode=2), "order_service.events", "order_placed.takeout"
            )
        eventually(lambda: expedite.query("select processed_by from orders") == [("heir",)], 20)

    # It had so little left to cook that it does not look whether the order is still its own: the fence stops it.
    eventually(lambda: sleeper.actions("order_skipped"), 20)
    assert expedite.status(number) == "cooking"
    expedite.wait_for(number, "ready")
    eventually(lambda: heir.actions("order_completed"))
    assert not sleeper.actions("order_completed")
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert expedite.query("select name, orders_processed from workers order by name") == [
        ("heir", 1),
        ("sleeper", 0),
    ]
