"""The queues are made anew, for a broker of another release that knows nothing, or because they shall be of
another kind: every order that waits is cooked once, and no dead letter is lost."""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import amqp
import pytest

from common.rabbitmq import broker
from devstack.rabbitmq import RabbitMQ
from tests.conftest import running_rabbitmq
from tests.support import oven
from tests.support.customers import numbers, ordering
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite

_PAUSES = {"RETRY_PAUSES": "0.2,0.2"}


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """The newest release, in the place of this machine's."""
    with running_rabbitmq(tmp_path_factory.mktemp("rabbitmq"), release="4.3") as node:
        yield node


@contextlib.contextmanager
def channel_at(amqp_uri: str) -> Iterator[amqp.Channel]:
    with broker.connected(amqp_uri, heartbeat=0) as connection:
        yield connection.channel()


def rebuild(expedite: Expedite, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "order_service.rebuild_queues"],
        cwd=ROOT,
        env=expedite.environment(**{**_PAUSES, **settings}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_each_is_cooked_once(expedite: Expedite) -> None:
    eventually(lambda: expedite.query("select distinct status from orders") == [("ready",)], 60)
    eventually(expedite.is_settled, 30)
    placed = [row[0] for row in expedite.query("select number from orders order by number")]
    assert sorted(expedite.cooked()) == placed
    assert expedite.query("select count(*) from order_status_log where status = 'ready'") == [(len(placed),)]


def test_an_empty_broker_of_a_new_release_gets_what_waits_while_customers_order(
    database_url: str, tmp_path: Path
) -> None:
    before = RabbitMQ(tmp_path / "before", release="3.10")
    before.start()
    (tmp_path / "after").mkdir()
    shutil.copy(tmp_path / "before/node.json", tmp_path / "after/node.json")
    after: RabbitMQ | None = None
    expedite = Expedite(database_url, f"{before.amqp_uri}%2F")
    try:
        desk = expedite.start("order_service", SWEEP_INTERVAL=3600)  # the sweeper has no part in it
        for price in (15.99, 75, 150) * 4:
            expedite.place(items=[{"name": "Truffle", "quantity": 1, "price": price}])
            expedite.place(order_type="dine_in", table_number=2)
        settings = {"COOKING_SPEED": 0.01, "HEARTBEAT_INTERVAL": 0.3, "ORDER_TYPES": "takeout"}
        killed = expedite.start_worker("killed", **settings)
        eventually(lambda: expedite.in_hand() == 1)
        killed.kill()  # so one order is being cooked, by nobody
        eventually(lambda: expedite.query("select 1 from workers where last_seen < now() - interval '2 s'"))
        eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)])

        with ordering(desk.url, customers=1, pause=0.1) as answers:
            eventually(lambda: len(numbers(answers)) >= 5)
            before.stop()
            after = RabbitMQ(tmp_path / "after", release="4.3")
            assert after.amqp_uri == before.amqp_uri
            after.start()
            done = rebuild(expedite)
            taken = len(numbers(answers))
            eventually(lambda: len(numbers(answers)) >= taken + 5)
        assert done.returncode == 0, done.stderr
        assert {answer.status_code for answer in answers} == {201}
        eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)], 20)
        assert "Tickets that are sent again: 0." in rebuild(expedite).stdout  # all are in their queues
        expedite.start_worker("heir")
        assert_each_is_cooked_once(expedite)
        assert numbers(answers) <= set(expedite.cooked())
    finally:
        expedite.stop_all()
        before.stop()
        if after is not None:
            after.stop()


def test_queues_of_another_kind_are_made_anew_with_what_waits_and_with_their_dead_letters(
    expedite: Expedite, rabbitmq: RabbitMQ
) -> None:
    expedite.query(oven.BREAK)
    expedite.start("order_service", **_PAUSES)
    notifier = expedite.start("notifier_service")
    worker = expedite.start_worker(**_PAUSES)
    unlucky = expedite.place_number(customer_name="Unlucky")
    expedite.wait_for(unlucky, "failed")
    eventually(lambda: expedite.waiting("dead_letters") == 1)
    worker.stop()
    for _ in range(5):
        expedite.place_number()
    eventually(lambda: expedite.waiting("kitchen.takeout") == 5)
    eventually(lambda: expedite.waiting("notifier.deliveries") == 0)
    for process in expedite.processes:
        process.stop()
    with expedite.channel() as channel:  # a change that nobody has been told
        channel.basic_publish(amqp.Message("{}"), "", "notifier.deliveries")
    eventually(lambda: expedite.waiting("notifier.deliveries") == 1)

    refused = rebuild(expedite, QUEUE_TYPE="quorum")
    assert refused.returncode == 1
    assert "notifier.deliveries holds 1" in refused.stderr
    assert expedite.waiting("kitchen.takeout") == 5
    with expedite.channel() as channel:
        channel.queue_purge("notifier.deliveries")

    other = rabbitmq.add_vhost("before")
    with channel_at(other) as channel:
        channel.queue_declare("dead_letters", durable=True, auto_delete=False)
        channel.basic_publish(amqp.Message(json.dumps({"order_number": "ORD_1"})), "", "dead_letters")
        channel.queue_declare("dead_letters", passive=True)  # whose answer comes behind it
    for tries in range(2):  # the second has nothing to do
        done = rebuild(expedite, QUEUE_TYPE="quorum", AMQP_URI_BEFORE=other)
        assert done.returncode == 0, done.stderr
        assert urlsplit(other).password not in done.stdout + done.stderr
        assert f"Tickets that are sent again: {0 if tries else 5}." in done.stdout
    rabbitmq.delete_vhost("before")
    assert expedite.waiting("dead_letters") == 2

    expedite.query(oven.HEAL)
    quorum = {**_PAUSES, "QUEUE_TYPE": "quorum"}
    expedite.start("order_service", **quorum)
    expedite.start_worker(**quorum)
    replayed = subprocess.run(
        [sys.executable, "-m", "kitchen_service.dead_letters", "replay", "--all", "--reason", "fire"],
        cwd=ROOT,
        env=expedite.environment(**quorum),
        check=True,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert unlucky in replayed.stdout
    assert_each_is_cooked_once(expedite)
    assert notifier.popen.poll() == 0
