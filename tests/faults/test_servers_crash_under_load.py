"""PostgreSQL and RabbitMQ are killed while customers order and workers cook as fast as they can."""

import pytest

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.support.customers import numbers, ordering
from tests.support.eventually import eventually
from tests.support.expedite import Expedite


def start(expedite: Expedite) -> str:
    """Everything but tracking; gives order_service's address."""
    desk = expedite.start("order_service", wait=False)
    notifier = expedite.start("notifier_service", wait=False)
    expedite.start_worker("anna", wait=False)
    expedite.start_worker("bruno", wait=False, PREFETCH=5)
    for process in expedite.processes:
        process.wait_ready()
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queue is there
    return desk.url


def assert_cooked_and_announced_once(expedite: Expedite, taken: set[str]) -> None:
    placed = [row[0] for row in expedite.query("select number from orders order by number")]
    assert taken <= set(placed)
    eventually(lambda: expedite.query("select distinct status from orders") == [("ready",)], 60)
    eventually(expedite.is_settled, 30)
    assert sorted(expedite.cooked()) == placed
    assert expedite.query("select sum(orders_processed) from workers") == [(len(placed),)]
    [notifier] = [process for process in expedite.processes if process.service == "notifier_service"]
    eventually(lambda: len(notifier.printed()) >= 2 * len(placed), 30)
    assert len(set(notifier.printed())) == len(notifier.printed()) == 2 * len(placed)


@pytest.mark.one_of_its_kind
def test_postgresql_killed_under_load_loses_and_doubles_nothing(expedite: Expedite, postgres: Postgres) -> None:
    url = start(expedite)
    with ordering(url, customers=5) as answers:
        eventually(lambda: len(numbers(answers)) >= 50, 20)
        postgres.kill()
        eventually(lambda: any(answer.status_code == 503 for answer in list(answers)), 20)
        postgres.start()
        before = len(numbers(answers))
        eventually(lambda: len(numbers(answers)) >= before + 20, 30)

    assert {answer.status_code for answer in answers} == {201, 503}
    assert_cooked_and_announced_once(expedite, numbers(answers))


def test_rabbitmq_killed_under_load_loses_and_doubles_nothing(expedite: Expedite, rabbitmq: RabbitMQ) -> None:
    url = start(expedite)
    with ordering(url, customers=5) as answers:
        eventually(lambda: len(numbers(answers)) >= 50, 20)
        rabbitmq.kill()
        before = len(numbers(answers))
        eventually(lambda: len(numbers(answers)) >= before + 20, 30)
    rabbitmq.start()

    assert {answer.status_code for answer in answers} == {201}
    assert_cooked_and_announced_once(expedite, numbers(answers))
