"""A cluster of three RabbitMQ nodes, quorum queues, and everything running on it: nodes are killed, cut off and
started anew under load. No service is started again, no order is lost, cooked twice or left."""

import contextlib
import uuid
from collections.abc import Iterator

import amqp
import pytest

from common.orders import topology
from common.rabbitmq import broker
from devstack.processes import free_port
from devstack.rabbitmq import RabbitMQ
from tests.soak import books
from tests.soak.load import Load
from tests.support.cluster import NODES, Cluster
from tests.support.eventually import eventually
from tests.support.expedite import Expedite

_RATE = 12  # orders a second
_MOST = 10_000  # of them
_QUEUE = "kitchen.takeout"
_COOKED_TWICE = """
    select o.number from orders o join order_status_log l on l.order_id = o.id where o.status = 'ready'
    group by o.number
    having count(*) filter (where l.status = 'cooking') <> 1 or count(*) filter (where l.status = 'ready') <> 1
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes of the newest release."""
    with contextlib.closing(Cluster(tmp_path_factory.mktemp("cluster"), "4.3")) as running:
        yield running


@pytest.fixture
def rabbitmq(cluster: Cluster) -> RabbitMQ:
    """One of the nodes, in the place of the shared one."""
    return cluster.nodes[NODES[0]]


@pytest.fixture
def amqp_uri(cluster: Cluster) -> Iterator[str]:
    """An empty vhost of the cluster, in the place of one of the shared node."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    cluster.add_vhost(name)
    yield cluster.amqp_uri(name)
    for node in cluster.nodes.values():  # what a test that failed has left
        if not node.is_running:
            node.start()
    cluster.nodes[NODES[0]].delete_vhost(name)


@pytest.fixture
def vhost(amqp_uri: str) -> str:
    return amqp_uri.rpartition("/")[2]


@contextlib.contextmanager
def under_load(expedite: Expedite) -> Iterator[None]:
    """Everything but tracking, and customers who order and cancel, for the length of a block; after it the books
    must balance. A change that is heard of after a later one is not said; but after the block all is said again.
    """
    quorum = {"QUEUE_TYPE": "quorum"}
    sweeping = {"SWEEP_INTERVAL": 2, "SWEEP_GRACE": 10}
    desks = [expedite.start("order_service", wait=False, **sweeping, **quorum) for _ in range(2)]
    notifier = expedite.start("notifier_service", wait=False, **quorum)
    workers = {"COOKING_SPEED": 0, "PREFETCH": 5, "HEARTBEAT_INTERVAL": 1, **quorum}
    for name in ("dora", "emil"):
        expedite.start("kitchen_service", wait=False, WORKER_NAME=name, **workers)
    for process in expedite.processes:
        process.wait_ready(60)

    before = books.opening(expedite)
    nobody = f"127.0.0.1:{free_port()}"
    load = Load([desk.address for desk in desks], [nobody], _MOST, _RATE)
    load.start()
    try:
        goes_on(expedite)
        yield
        load.orders = 0  # those that are being placed are the last
        load.wait(120)
    finally:
        load.stop()
    balance = books.balance(expedite, load, [], before, within=90)
    assert balance.is_even, f"\n{balance}"
    assert expedite.query(_COOKED_TWICE) == []
    assert [process for process in expedite.processes if process.popen.poll() is not None] == []
    number = expedite.place_number()
    said = f"Notification for order {number}: Status changed from 'cooking' to 'ready' by "
    eventually(lambda: any(line.startswith(said) for line in notifier.printed()), 30)


def ready(expedite: Expedite) -> int:
    """How many orders are."""
    return int(expedite.query("select count(*) from orders where status = 'ready'")[0][0])


def goes_on(expedite: Expedite) -> None:
    """Until what is placed from now on for two seconds would be cooked."""
    enough = ready(expedite) + 2 * _RATE
    eventually(lambda: ready(expedite) >= enough, 60)


def test_the_node_that_leads_the_kitchens_queues_is_killed(
    expedite: Expedite, cluster: Cluster, vhost: str
) -> None:
    with under_load(expedite):
        leader = cluster.leader_of(vhost, _QUEUE)
        cluster.nodes[leader].kill()
        goes_on(expedite)
        cluster.nodes[leader].start()
        eventually(cluster.is_whole, 60)
        goes_on(expedite)


def test_the_node_that_leads_the_kitchens_queues_is_cut_off(
    expedite: Expedite, cluster: Cluster, vhost: str
) -> None:
    with under_load(expedite):
        leader = cluster.leader_of(vhost, _QUEUE)
        with cluster.cut_off(leader):
            goes_on(expedite)
            eventually(lambda: not cluster.is_whole(), 30)
            assert cluster.leader_of(vhost, _QUEUE, asked=next(n for n in NODES if n != leader)) != leader
            goes_on(expedite)
        eventually(cluster.is_whole, 60)
        goes_on(expedite)


def test_all_nodes_are_started_anew_one_after_the_other(expedite: Expedite, cluster: Cluster) -> None:
    with under_load(expedite):
        for node in cluster.nodes.values():
            node.stop()
            goes_on(expedite)
            node.start()
            eventually(cluster.is_whole, 60)
            goes_on(expedite)


def test_a_ticket_whose_pause_is_over_is_kept_until_there_is_room_in_its_queue(
    cluster: Cluster, vhost: str, amqp_uri: str
) -> None:
    node, retry = cluster.nodes[NODES[0]], topology.retry_queue(0.5)
    with broker.connected(amqp_uri, heartbeat=0) as connection:
        channel = connection.channel()
        topology.declare(channel, "quorum", [0.5])
        node.ctl("set_policy", "-p", vhost, "full", "^kitchen", '{"max-length": 1}', "--apply-to", "queues")
        eventually(lambda: "full" in node.ctl("list_policies", "-p", vhost))
        for _ in range(5):
            broker.publish(connection, amqp.Message("{}", delivery_mode=2), retry, _QUEUE)

        def is_kept() -> bool:
            """RabbitMQ tries again every three minutes, for which nobody waits here."""
            waiting = channel.queue_declare(_QUEUE, passive=True).message_count
            kept = cluster.kept_in(vhost, retry)
            return bool(waiting and kept and waiting + kept == 5)

        eventually(is_kept, 30, every=0.5)
