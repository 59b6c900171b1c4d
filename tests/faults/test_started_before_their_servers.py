"""A service that starts before PostgreSQL or RabbitMQ waits for it, says so, and does not exit."""

import pytest

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process

SERVICES = ("order_service", "kitchen_service", "tracking_service", "notifier_service")


def started(expedite: Expedite) -> dict[str, Process]:
    """All four services, as soon as they answer at all."""
    processes = {service: expedite.start(service, wait=False, COOKING_SPEED=0) for service in SERVICES}
    for process in processes.values():
        eventually(lambda process=process: process.health("live").status_code == 200, 30)
    return processes


def waits_for(process: Process) -> list[str]:
    """What its /health/ready says is missing, with a 503; nothing with a 200."""
    answer = process.health("ready")
    checks: dict[str, str] = answer.json()["checks"]
    down = [name for name, found in checks.items() if found != "ok"]
    assert answer.status_code in (200, 503)
    assert answer.headers["Content-Type"].startswith("application/")
    return down if answer.status_code == 503 else []


@pytest.mark.one_of_its_kind
def test_without_rabbitmq_orders_are_taken_and_tracked_and_the_others_wait(
    expedite: Expedite, rabbitmq: RabbitMQ
) -> None:
    rabbitmq.stop()
    processes = started(expedite)
    assert {service: waits_for(process) for service, process in processes.items()} == {
        "order_service": [],
        "tracking_service": [],
        "kitchen_service": ["rabbitmq"],
        "notifier_service": ["rabbitmq"],
    }
    assert processes["order_service"].health("ready").json()["checks"]["rabbitmq"] == "down"
    number = expedite.place_number()
    assert expedite.track(f"/orders/{number}/status")["current_status"] == "received"
    for service in ("kitchen_service", "notifier_service", "order_service"):
        process = processes[service]
        eventually(
            lambda process=process: (
                process.actions("rabbitmq_connection_failed") or process.actions("rabbitmq_publish_failed")
            )
        )

    rabbitmq.start()
    for process in processes.values():
        process.wait_ready()
    expedite.wait_for(number, "ready")
    # The broker that it was ready for is not yet the one that it listens to.
    eventually(lambda: processes["notifier_service"].actions("rabbitmq_connected"))
    heard_by_all = expedite.place_number()
    expedite.wait_for(heard_by_all, "ready")
    eventually(
        lambda: [heard_by_all in line for line in processes["notifier_service"].printed()][-2:] == [True] * 2
    )


def test_without_postgresql_the_services_wait(expedite: Expedite, postgres: Postgres) -> None:
    postgres.stop()
    processes = started(expedite)
    assert {service: waits_for(process) for service, process in processes.items()} == {
        service: ["database"] for service in SERVICES
    }
    for process in processes.values():
        eventually(lambda process=process: process.actions("db_connection_failed"))

    postgres.start()
    for process in processes.values():
        process.wait_ready()
    number = expedite.place_number()
    expedite.wait_for(number, "ready")


def test_services_that_wait_for_their_servers_end_on_sigterm_with_exit_code_0(
    expedite: Expedite, rabbitmq: RabbitMQ, postgres: Postgres
) -> None:
    rabbitmq.stop()
    postgres.stop()
    started(expedite)

    assert expedite.stop_together(within=15) == dict.fromkeys(SERVICES, 0)


def test_running_services_end_on_sigterm_with_exit_code_0_while_rabbitmq_is_away(
    expedite: Expedite, rabbitmq: RabbitMQ
) -> None:
    processes = started(expedite)
    for process in processes.values():
        process.wait_ready()
    rabbitmq.kill()
    eventually(lambda: processes["notifier_service"].actions("rabbitmq_connection_failed"))

    assert expedite.stop_together(within=15) == dict.fromkeys(SERVICES, 0)
    assert expedite.query("select status from workers") == [("offline",)]
