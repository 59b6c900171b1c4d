"""A real Prometheus with the deployment's files, asking real services."""

from collections.abc import Iterator
from pathlib import Path

import amqp
import pytest

from devstack.rabbitmq import RabbitMQ
from tests.support.dashboard import QUERIES
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.prometheus import Prometheus, rules
from tests.support.rabbitmq_metrics import rabbitmq_url

pytestmark = pytest.mark.matrix

#: What has no series while all is well, or while nothing is sent.
SOMETIMES = ("ALERTS", "> 0", "== 0", 'status=~"5.."', "expedite_deliveries_total")


@pytest.fixture
def watched(expedite: Expedite, rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[Prometheus]:
    """Asks all services of `expedite`, in which one worker, chef_mario, cooks."""
    for service in ("order_service", "tracking_service", "notifier_service"):
        expedite.start(service)
    expedite.start_worker(HEARTBEAT_INTERVAL=1)
    targets = {process.service.removesuffix("_service"): [process.address] for process in expedite.processes}
    with rabbitmq_url(rabbitmq) as url:
        targets["rabbitmq"] = [url.removeprefix("http://").removesuffix("/metrics")]
        prometheus = Prometheus(tmp_path, targets)
        try:
            prometheus.start()
            yield prometheus
        finally:
            prometheus.stop()


def test_all_panels_have_something_to_show_and_nothing_burns(watched: Prometheus, expedite: Expedite) -> None:
    always = {target["expr"] for _, target in QUERIES if not any(sign in target["expr"] for sign in SOMETIMES)}

    def empty() -> set[str]:
        expedite.wait_for(expedite.place_number(), "ready")
        return {
            expression
            for expression in always
            if all(series["value"][1] == "NaN" for series in watched.query(expression))
        }

    eventually(lambda: not empty(), 30, every=1)
    for _, target in QUERIES:
        watched.query(target["expr"])
    for rule in rules():
        watched.query(rule["expr"])
    assert [up["value"][1] for up in watched.query("up")] == ["1"] * 5
    assert watched.firing() == {}


def test_a_worker_that_is_killed_is_missed_while_an_order_waits_and_no_longer_when_another_comes(
    watched: Prometheus, expedite: Expedite
) -> None:
    expedite.wait_for(expedite.place_number(), "ready")
    [worker] = [process for process in expedite.processes if process.service == "kitchen_service"]
    worker.kill()
    waiting = expedite.place_number(order_type="takeout")
    [missed] = eventually(lambda: watched.firing()["NoWorkerOnline"], 30)
    assert missed["labels"]["order_type"] == "takeout"
    assert missed["annotations"]["summary"] == "1 takeout orders wait, and no worker is online that takes them"
    [gone] = eventually(lambda: watched.firing()["NotScraped"], 30)
    assert gone["annotations"]["summary"] == f"kitchen does not answer ({worker.address})"

    expedite.start_worker("anna", KITCHEN_ADDRESS=worker.address)
    expedite.wait_for(waiting, "ready")
    eventually(lambda: watched.firing() == {}, 30)


def test_a_dead_letter_is_reported_until_somebody_has_seen_to_it(watched: Prometheus, expedite: Expedite) -> None:
    with expedite.channel() as channel:
        channel.basic_publish(amqp.Message("no order"), routing_key="kitchen.takeout")
    [reported] = eventually(lambda: watched.firing()["DeadLetters"], 30)
    assert reported["annotations"]["summary"] == "1 messages could not be processed"
    with expedite.rpc() as rpc:
        assert len(rpc.kitchen_service.drop_dead_letters(queue="kitchen.takeout")) == 1
    eventually(lambda: watched.firing() == {}, 30)
