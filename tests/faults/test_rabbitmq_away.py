"""RabbitMQ stops, crashes or freezes while everything runs. No service is started again."""

import time
from collections import Counter

import pytest
import requests

from devstack.rabbitmq import RabbitMQ
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.servers import frozen, take_down


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_orders_are_taken_and_tracked_meanwhile_and_cooked_and_announced_once_it_is_back(
    expedite: Expedite, rabbitmq: RabbitMQ, how: str
) -> None:
    expedite.start("order_service", wait=False)
    notifiers = [expedite.start("notifier_service", wait=False) for _ in range(2)]
    worker = expedite.start_worker()
    for process in expedite.processes:
        process.wait_ready()
    for notifier in notifiers:  # so their queues are there
        eventually(lambda notifier=notifier: notifier.actions("rabbitmq_connected"))
    before = expedite.place_number()
    expedite.wait_for(before, "ready")
    for notifier in notifiers:
        eventually(lambda notifier=notifier: len(notifier.printed()) == 2)

    take_down(rabbitmq, how)
    meanwhile = [expedite.place_number() for _ in range(5)]
    expedite.start("tracking_service")
    for number in meanwhile:
        assert expedite.track(f"/orders/{number}/status")["current_status"] == "received"
        assert [step["status"] for step in expedite.track(f"/orders/{number}/history")] == ["received"]
    assert [row["worker_name"] for row in expedite.track("/workers/status")] == ["chef_mario"]
    eventually(lambda: worker.health("ready").status_code == 503)
    assert worker.health("live").status_code == 200

    rabbitmq.start()
    for number in meanwhile:
        expedite.wait_for(number, "ready", within=30)
        assert expedite.history(number) == ["received", "cooking", "ready"]
    expected = [
        f"Notification for order {number}: Status changed from '{old}' to '{new}' by chef_mario."
        for number in [before, *meanwhile]
        for old, new in (("received", "cooking"), ("cooking", "ready"))
    ]
    for notifier in notifiers:
        eventually(lambda notifier=notifier: len(notifier.printed()) >= len(expected), 30)
    eventually(expedite.is_settled, 30)
    for notifier in notifiers:
        assert Counter(notifier.printed()) == Counter(expected)
    for process in expedite.processes:
        process.wait_ready()


def test_what_was_cooking_when_it_crashed_is_finished_once(expedite: Expedite, rabbitmq: RabbitMQ) -> None:
    expedite.start("order_service")
    workers = [expedite.start_worker(name, wait=False, COOKING_SPEED=0.3) for name in ("anna", "bruno")]
    for worker in workers:
        worker.wait_ready()
    numbers = [expedite.place_number() for _ in range(2)]
    eventually(lambda: expedite.in_hand() == 2)

    rabbitmq.kill()
    rabbitmq.start()
    assert expedite.in_hand() == 2

    for number in numbers:
        expedite.wait_for(number, "ready", within=60)
        assert expedite.history(number) == ["received", "cooking", "ready"]
    eventually(expedite.is_settled, 30)
    assert expedite.query("select sum(orders_processed) from workers") == [(2,)]
    assert len(expedite.cooked()) == 2


def test_a_frozen_rabbitmq_keeps_nobody_from_ordering(expedite: Expedite, rabbitmq: RabbitMQ) -> None:
    desk = expedite.start("order_service", wait=False)
    worker = expedite.start_worker()
    desk.wait_ready()

    with frozen(rabbitmq):
        started = time.monotonic()
        numbers = [expedite.place_number() for _ in range(5)]
        assert time.monotonic() - started < 10
        assert requests.get(f"{desk.url}/orders/{numbers[0]}", timeout=5).status_code == 200
        eventually(
            lambda: desk.actions("rabbitmq_publish_failed") or worker.actions("rabbitmq_publish_failed"), 30
        )
        assert [expedite.status(number) for number in numbers] == ["received"] * 5

    for number in numbers:
        expedite.wait_for(number, "ready", within=40)
        assert expedite.history(number) == ["received", "cooking", "ready"]
    eventually(expedite.is_settled, 30)
