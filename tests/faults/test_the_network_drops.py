"""The network between the services and their servers is cut or goes silent. No service is started again."""

import amqp
import pytest
import requests

from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order
from tests.support.proxy import Proxy, through


def test_a_worker_that_loses_rabbitmq_only_finishes_what_it_cooks_and_nobody_begins_it_again(
    expedite: Expedite, to_rabbitmq: Proxy
) -> None:
    expedite.start("order_service")
    expedite.start_worker("cut_off", COOKING_SPEED=0.5, AMQP_URI=through(to_rabbitmq, expedite.amqp_uri))
    number = expedite.place_number()
    expedite.wait_for(number, "cooking")
    heir = expedite.start_worker("heir")

    to_rabbitmq.cut()
    eventually(lambda: heir.actions("order_in_other_hands"))
    assert expedite.query("select processed_by, status, fence from orders") == [("cut_off", "cooking", 1)]

    expedite.wait_for(number, "ready")
    assert expedite.history(number) == ["received", "cooking", "ready"]
    eventually(expedite.is_settled)
    assert expedite.query("select name, orders_processed from workers order by name") == [
        ("cut_off", 1),
        ("heir", 0),
    ]


def test_a_ticket_that_had_failed_before_is_left_to_the_worker_that_cooks_it_now(
    expedite: Expedite, to_rabbitmq: Proxy
) -> None:
    expedite.start("order_service")
    number = expedite.place_number()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    expedite.query("update orders set retry_at = now()")
    with expedite.channel() as channel:
        ticket = channel.basic_get("kitchen.takeout")
        again = amqp.Message(
            ticket.body, delivery_mode=2, content_type="application/json", application_headers={"attempts": 1}
        )
        channel.basic_publish(again, "", "kitchen.takeout")
        channel.basic_ack(ticket.delivery_tag)

    expedite.start_worker("cooks", COOKING_SPEED=0.5, AMQP_URI=through(to_rabbitmq, expedite.amqp_uri))
    expedite.wait_for(number, "cooking")
    other = expedite.start_worker("other")
    to_rabbitmq.cut()
    eventually(lambda: other.actions("order_in_other_hands"))
    to_rabbitmq.heal()

    expedite.wait_for(number, "ready")
    assert expedite.query("select name, orders_processed from workers order by name") == [
        ("cooks", 1),
        ("other", 0),
    ]


@pytest.mark.one_of_its_kind
def test_a_worker_that_is_cut_off_altogether_loses_its_order_and_cannot_move_it_later(
    expedite: Expedite, to_rabbitmq: Proxy, to_postgres: Proxy
) -> None:
    expedite.start("order_service")
    direct = expedite.database_url
    expedite.database_url = through(to_postgres, direct)
    cut_off = expedite.start_worker("cut_off", COOKING_SPEED=0.5, AMQP_URI=through(to_rabbitmq, expedite.amqp_uri))
    expedite.database_url = direct
    number = expedite.place_number()
    expedite.wait_for(number, "cooking")
    expedite.start_worker("heir", COOKING_SPEED=2)

    to_postgres.cut()
    to_rabbitmq.cut()
    eventually(lambda: expedite.query("select processed_by from orders") == [("heir",)])
    expedite.wait_for(number, "ready")

    to_postgres.heal()
    to_rabbitmq.heal()
    eventually(lambda: cut_off.actions("order_interrupted") or cut_off.actions("order_skipped"), 30)
    cut_off.wait_ready()
    eventually(expedite.is_settled)
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert expedite.query("select name, orders_processed from workers order by name") == [
        ("cut_off", 0),
        ("heir", 1),
    ]


@pytest.mark.parametrize("fault", ["cut", "silence"])
def test_orders_are_taken_while_rabbitmq_cannot_be_reached_and_cooked_afterwards(
    expedite: Expedite, to_rabbitmq: Proxy, fault: str
) -> None:
    expedite.amqp_uri, direct = through(to_rabbitmq, expedite.amqp_uri), expedite.amqp_uri
    desk = expedite.start("order_service", wait=False)
    worker = expedite.start_worker()
    notifier = expedite.start("notifier_service")
    desk.wait_ready()
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queue is there

    getattr(to_rabbitmq, fault)()
    numbers = [expedite.place_number() for _ in range(3)]
    eventually(lambda: desk.actions("rabbitmq_publish_failed") or worker.actions("rabbitmq_publish_failed"), 30)

    to_rabbitmq.heal()
    for number in numbers:
        expedite.wait_for(number, "ready", within=40)
        assert expedite.history(number) == ["received", "cooking", "ready"]
    eventually(lambda: len(notifier.printed()) == 6, 40)
    expedite.amqp_uri = direct
    eventually(expedite.is_settled, 20)


@pytest.mark.parametrize("fault", ["cut", "silence"])
def test_requests_are_answered_503_while_postgresql_cannot_be_reached(
    expedite: Expedite, to_postgres: Proxy, fault: str
) -> None:
    direct = expedite.database_url
    expedite.database_url = through(to_postgres, direct)
    desk = expedite.start("order_service", wait=False)
    worker = expedite.start_worker()
    desk.wait_ready()
    expedite.database_url = direct
    before = expedite.place_number()
    expedite.wait_for(before, "ready")

    getattr(to_postgres, fault)()
    answer = requests.post(f"{desk.url}/orders", json=an_order(), timeout=30)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]

    to_postgres.heal()
    after = eventually(expedite.place_number, 30)
    expedite.wait_for(after, "ready", within=40)
    desk.wait_ready()
    worker.wait_ready()
