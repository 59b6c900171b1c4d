"""What must hold on every release of RabbitMQ that Expedite runs on, with each kind of queue that it has there."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from devstack.rabbitmq import RabbitMQ
from tests.conftest import running_rabbitmq
from tests.support import oven
from tests.support.customers import numbers, ordering
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite

_KINDS = [("3.10", "classic"), ("4.0", "classic"), ("4.0", "quorum"), ("4.3", "classic"), ("4.3", "quorum")]
_LOOKS = 25  # more than RabbitMQ 4 lets a message come back by default, which is 20


@pytest.fixture(scope="module", params=_KINDS, ids="-".join)
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A release, and a kind of queue."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def rabbitmq(kind: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A node of that release, in the place of this machine's."""
    with running_rabbitmq(tmp_path_factory.mktemp("rabbitmq"), release=kind[0]) as node:
        assert node.ctl("version").startswith(f"{kind[0]}.")
        yield node


@pytest.fixture(autouse=True)
def _queue_type(kind: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE_TYPE", kind[1])


def dead_letters(expedite: Expedite, *arguments: str) -> list[dict[str, Any]]:
    """The command line of dead letters, in a process of its own."""
    command = [sys.executable, "-m", "kitchen_service.dead_letters", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=expedite.environment(), check=True, capture_output=True, text=True, timeout=90
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_broker_and_a_worker_killed_under_load_lose_and_double_nothing(
    expedite: Expedite, rabbitmq: RabbitMQ
) -> None:
    expedite.start("order_service", wait=False)
    notifier = expedite.start("notifier_service", wait=False)
    killed = expedite.start_worker("killed", wait=False)
    expedite.start_worker("heir", wait=False, PREFETCH=5)
    for process in expedite.processes:
        process.wait_ready()
    eventually(lambda: notifier.actions("rabbitmq_connected"))  # so its queue is there

    with ordering(expedite.url("order_service"), customers=2, pause=0.05) as answers:
        eventually(lambda: len(expedite.cooked()) >= 10, 20)
        killed.kill()
        eventually(lambda: len(numbers(answers)) >= 50, 20)
        rabbitmq.kill()
        before = len(numbers(answers))
        eventually(lambda: len(numbers(answers)) >= before + 10, 30)
        rabbitmq.start()
        cooked = len(expedite.cooked())
        eventually(lambda: len(expedite.cooked()) > cooked, 30)

    assert {answer.status_code for answer in answers} == {201}
    eventually(lambda: expedite.query("select distinct status from orders") == [("ready",)], 60)
    eventually(expedite.is_settled, 30)
    placed = [row[0] for row in expedite.query("select number from orders order by number")]
    assert numbers(answers) <= set(placed)
    assert sorted(expedite.cooked()) == placed
    assert expedite.query("select sum(orders_processed) from workers") == [(len(placed),)]
    eventually(lambda: len(notifier.printed()) >= 2 * len(placed), 30)
    assert set(Counter(notifier.printed()).values()) == {1}


def test_the_most_urgent_is_next_as_far_as_the_release_can(expedite: Expedite, kind: tuple[str, str]) -> None:
    expedite.start("order_service")
    prices = [15.99, 75, 150, 15.99, 75, 150]
    placed = [
        expedite.place_number(items=[{"name": "Truffle", "quantity": 1, "price": price}]) for price in prices
    ]
    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)])
    expedite.start_worker(ORDER_TYPES="takeout")
    eventually(lambda: len(expedite.cooked()) == len(placed), 20)
    if kind == ("4.0", "quorum"):  # two levels, of which each gets its turn
        assert set(expedite.cooked()) == set(placed)
    else:
        assert expedite.cooked() == [placed[n] for n in (2, 5, 1, 4, 0, 3)]


def test_what_fails_is_tried_again_and_a_dead_letter_stays_however_often_it_is_looked_at(
    expedite: Expedite,
) -> None:
    expedite.query(oven.BREAK)
    expedite.start("order_service")
    worker = expedite.start_worker(RETRY_PAUSES="0.3,0.3")
    unlucky = expedite.place_number(customer_name="Unlucky")
    behind = expedite.place_number()
    expedite.wait_for(behind, "ready")
    expedite.wait_for(unlucky, "failed")
    eventually(lambda: len(worker.actions("message_processing_failed")) >= 3)

    [letter] = dead_letters(expedite, "list")
    assert (letter["order_number"], letter["queue"], letter["attempts"]) == (unlucky, "kitchen.takeout", 3)
    for _ in range(_LOOKS):
        with expedite.channel() as channel:
            assert channel.basic_get("dead_letters") is not None
        eventually(lambda: expedite.waiting("dead_letters") == 1)

    expedite.query(oven.HEAL)
    assert [each["order_number"] for each in dead_letters(expedite, "replay", "--all")] == [unlucky]
    expedite.wait_for(unlucky, "ready")
    assert expedite.waiting("dead_letters") == 0
    eventually(expedite.is_settled)


def test_a_ticket_that_went_missing_is_sent_again_once(expedite: Expedite) -> None:
    desk = expedite.start("order_service", SWEEP_INTERVAL=0.3, SWEEP_GRACE=1)
    number = expedite.place_number()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    with expedite.channel() as channel:
        channel.queue_purge("kitchen.takeout")
    eventually(lambda: desk.actions("order_sent_again"))
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)

    expedite.start_worker()
    expedite.wait_for(number, "ready")
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert len(desk.actions("order_sent_again")) == 1
