"""PostgreSQL restarts, crashes or freezes while everything runs. No service is started again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from devstack.postgres import Postgres
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order
from tests.support.servers import frozen, take_down

MORE_THAN_THE_POOL = 25


def is_503(answer: requests.Response) -> bool:
    """Refused as it should be while the database is away."""
    return (
        answer.status_code == 503
        and answer.headers["Content-Type"] == "application/problem+json"
        and int(answer.headers["Retry-After"]) > 0
        and answer.json()["code"] == "unavailable"
    )


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_services_come_back_by_themselves_and_finish_what_was_cooking_once(
    expedite: Expedite, postgres: Postgres, how: str
) -> None:
    desk = expedite.start("order_service", wait=False)
    tracking = expedite.start("tracking_service", wait=False)
    notifier = expedite.start("notifier_service", wait=False)
    worker = expedite.start_worker(COOKING_SPEED=3)
    for process in expedite.processes:
        process.wait_ready()
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queue is there
    cooking, waiting = expedite.place_number(), expedite.place_number()
    expedite.wait_for(cooking, "cooking")

    take_down(postgres, how)
    assert is_503(requests.post(f"{desk.url}/orders", json=an_order(), timeout=20))
    assert is_503(requests.get(f"{desk.url}/orders/{cooking}", timeout=20))
    assert is_503(requests.get(f"{tracking.url}/orders/{cooking}/status", timeout=20))
    assert is_503(requests.get(f"{tracking.url}/workers/status", timeout=20))
    for process in (desk, tracking, worker):
        eventually(lambda process=process: is_503(process.health("ready")))  # who asks share a look a second
        assert process.health("live").status_code == 200
    # Long enough that the order is done while PostgreSQL is away.
    eventually(lambda: worker.actions("db_transaction_failed"), 20)

    postgres.start()
    later = eventually(expedite.place_number)
    for number in (cooking, waiting, later):
        expedite.wait_for(number, "ready", within=30)
        assert expedite.history(number) == ["received", "cooking", "ready"]
    eventually(expedite.is_settled)
    eventually(lambda: len(notifier.printed()) == 6)
    assert expedite.query("select orders_processed from workers") == [(3,)]
    for process in expedite.processes:
        process.wait_ready()


def test_a_frozen_postgres_is_answered_for_in_bounded_time(expedite: Expedite, postgres: Postgres) -> None:
    desk = expedite.start("order_service", wait=False)
    tracking = expedite.start("tracking_service", wait=False)
    worker = expedite.start_worker(wait=False)
    for process in expedite.processes:
        process.wait_ready()
    number = expedite.place_number()
    expedite.wait_for(number, "ready")
    assert expedite.track(f"/orders/{number}/status")["current_status"] == "ready"

    with frozen(postgres):
        for process in (desk, tracking, worker):
            eventually(lambda process=process: is_503(process.health("ready")))
        with ThreadPoolExecutor(MORE_THAN_THE_POOL + 1) as pool:
            answers = [
                pool.submit(requests.post, f"{desk.url}/orders", json=an_order(), timeout=30)
                for _ in range(MORE_THAN_THE_POOL)
            ]
            answers.append(pool.submit(requests.get, f"{tracking.url}/orders/{number}/status", timeout=30))
        assert all(is_503(answer.result()) for answer in answers)
        for process in (desk, tracking, worker):
            assert process.health("live").status_code == 200

    later = eventually(expedite.place_number, 30)
    expedite.wait_for(later, "ready", within=40)
    for process in expedite.processes:
        process.wait_ready()


def test_a_worker_that_is_stopped_while_postgres_is_away_gives_its_order_back(
    expedite: Expedite, postgres: Postgres
) -> None:
    expedite.start("order_service")
    stopped = expedite.start_worker("stopped", COOKING_SPEED=2)
    number = expedite.place_number()
    expedite.wait_for(number, "cooking")

    postgres.stop()
    eventually(lambda: stopped.actions("db_transaction_failed"), 20)
    assert stopped.stop(within=40) == 0

    postgres.start()
    expedite.start_worker("heir")
    expedite.wait_for(number, "ready", within=30)
    assert expedite.history(number) == ["received", "cooking", "ready"]
