"""Workers: what they take, how much they hold, and who counts as there."""

import pytest

from common.orders.tables import MAX_HEARTBEATS
from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.support.eventually import eventually
from tests.support.expedite import Expedite

HARDLY_COOKS = 0.05  # speed: a takeout takes 200 s


def test_a_worker_takes_only_the_types_it_is_set_up_for(expedite: Expedite) -> None:
    expedite.start("order_service")
    expedite.start_worker("bar", ORDER_TYPES="dine_in")
    takeout = expedite.place_number()
    delivery = expedite.place_number(order_type="delivery", delivery_address="12 Baker Street")
    dine_in = expedite.place_number(order_type="dine_in", table_number=4)

    expedite.wait_for(dine_in, "ready")
    assert (expedite.status(takeout), expedite.status(delivery)) == ("received", "received")
    eventually(lambda: (expedite.waiting("kitchen.takeout"), expedite.waiting("kitchen.delivery")) == (1, 1))

    expedite.start_worker("window", ORDER_TYPES="takeout,delivery")
    expedite.wait_for(takeout, "ready")
    expedite.wait_for(delivery, "ready")
    assert expedite.query("select processed_by from orders order by placed_at") == [
        ("window",), ("window",), ("bar",),
    ]  # fmt: skip


@pytest.mark.parametrize(("workers", "prefetch"), [(2, 1), (1, 3)])
def test_a_worker_holds_as_many_orders_as_its_prefetch_across_its_queues(
    expedite: Expedite, rabbitmq: RabbitMQ, workers: int, prefetch: int
) -> None:
    expedite.start("order_service")
    for worker in range(workers):
        expedite.start_worker(f"chef_{worker}", COOKING_SPEED=HARDLY_COOKS, PREFETCH=prefetch)
    held = workers * prefetch
    for _ in range(held):
        expedite.place()
        expedite.place(order_type="dine_in", table_number=4)
    eventually(lambda: expedite.in_hand() == held)

    more = expedite.place_number(order_type="delivery", delivery_address="12 Baker Street")
    eventually(lambda: expedite.waiting("kitchen.delivery") == 1)
    vhost = expedite.amqp_uri.rpartition("/")[2]
    lines = rabbitmq.ctl("list_queues", "-q", "-p", vhost, "name", "messages_unacknowledged").splitlines()
    unacknowledged = [int(line.split()[1]) for line in lines if line.startswith("kitchen.")]
    assert len(unacknowledged) == 3
    assert sum(unacknowledged) == held
    assert expedite.status(more) == "received"
    assert expedite.query(
        "select processed_by, count(*) from orders where status = 'cooking' group by 1 order by 1"
    ) == [(f"chef_{worker}", prefetch) for worker in range(workers)]


def test_a_second_worker_of_the_same_name_ends_with_exit_code_1(expedite: Expedite) -> None:
    first = expedite.start_worker("chef_mario")
    second = expedite.start_worker("chef_mario", wait=False)

    assert second.popen.wait(30) == 1
    [refused] = eventually(lambda: second.actions("worker_registration_failed"))
    assert (refused["level"], refused["details"]["worker_name"]) == ("ERROR", "chef_mario")
    assert first.popen.poll() is None
    assert expedite.query("select name, status from workers") == [("chef_mario", "online")]


def test_a_killed_worker_shows_offline_and_its_name_can_be_taken_over(expedite: Expedite) -> None:
    expedite.start("tracking_service")
    worker = expedite.start_worker("chef_mario", HEARTBEAT_INTERVAL=1)

    def shown() -> dict[str, str]:
        [row] = expedite.track("/workers/status")
        return row

    at_first = shown()
    assert (at_first["worker_name"], at_first["status"]) == ("chef_mario", "online")
    eventually(lambda: shown()["last_seen"] > at_first["last_seen"])
    eventually(lambda: shown()["status"] == "online")

    worker.kill()
    last_seen = shown()["last_seen"]
    eventually(lambda: shown()["status"] == "offline")
    assert shown()["last_seen"] == last_seen

    expedite.start_worker("chef_mario", HEARTBEAT_INTERVAL=1)
    eventually(lambda: shown()["status"] == "online")


def heartbeats(expedite: Expedite) -> list[str]:
    [row] = expedite.track("/workers/status")
    beats: list[str] = row["heartbeats"]
    assert beats == sorted(beats, reverse=True)
    return beats


@pytest.mark.matrix
def test_a_workers_last_heartbeats_are_known_also_when_it_is_started_again(expedite: Expedite) -> None:
    expedite.start("tracking_service")
    worker = expedite.start_worker("bar", HEARTBEAT_INTERVAL=0.2, ORDER_TYPES="dine_in,takeout")
    [shown] = expedite.track("/workers/status")
    assert (shown["order_types"], shown["heartbeat_interval"]) == (["dine_in", "takeout"], 0.2)
    first = eventually(lambda: heartbeats(expedite))[-1]
    eventually(lambda: len(heartbeats(expedite)) == MAX_HEARTBEATS and first not in heartbeats(expedite))
    assert worker.stop() == 0
    before = heartbeats(expedite)
    assert len(before) == MAX_HEARTBEATS

    # So the time between is seen to be without any.
    worker = expedite.start_worker("bar", HEARTBEAT_INTERVAL=0.2)
    assert before[0] in heartbeats(expedite)
    assert worker.stop() == 0
    # At another interval they would be misread.
    expedite.start_worker("bar", HEARTBEAT_INTERVAL=3600)
    assert len(heartbeats(expedite)) == 1


def test_that_a_worker_lives_without_its_lock_is_no_heartbeat(expedite: Expedite) -> None:
    expedite.start("tracking_service")
    expedite.start_worker("bar", HEARTBEAT_INTERVAL=3600)
    [before] = expedite.track("/workers/status")
    expedite.query(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database ="
        " (select oid from pg_database where datname = current_database())"
    )
    eventually(lambda: expedite.track("/workers/status")[0]["last_seen"] > before["last_seen"])
    assert heartbeats(expedite) == before["heartbeats"]


@pytest.mark.matrix
def test_a_killed_workers_name_is_free_before_its_heartbeats_are_missed(expedite: Expedite) -> None:
    killed = expedite.start_worker("chef_mario")  # a heartbeat every 30 s
    killed.kill()
    again = expedite.start_worker("chef_mario", wait=False)
    eventually(lambda: again.actions("worker_registered"), 20)
    expedite.start("order_service")
    expedite.wait_for(expedite.place_number(), "ready")


def test_a_worker_that_lost_postgresql_for_a_moment_keeps_its_name(
    private_postgres: Postgres, amqp_uri: str
) -> None:
    """All locks are gone when PostgreSQL starts again, and the workers live."""
    expedite = Expedite(private_postgres.url, amqp_uri)
    try:
        first = expedite.start_worker("chef_mario")
        private_postgres.kill()
        private_postgres.start()
        second = expedite.start_worker("chef_mario", wait=False)
        assert second.popen.wait(40) == 1
        assert first.popen.poll() is None
    finally:
        expedite.stop_all()


def test_a_worker_whose_name_was_taken_while_it_was_frozen_ends_with_exit_code_1(expedite: Expedite) -> None:
    frozen = expedite.start_worker("chef_mario", HEARTBEAT_INTERVAL=0.5)
    with frozen.frozen():
        eventually(
            lambda: expedite.query("select 1 from workers where last_seen < now() - interval '1 s'"),
        )
        expedite.start_worker("chef_mario", HEARTBEAT_INTERVAL=30)

    assert frozen.popen.wait(20) == 1
    eventually(lambda: frozen.actions("worker_registration_failed"))
    assert expedite.query("select status from workers") == [("online",)]


def test_sigterm_finishes_the_order_in_hand_takes_no_other_and_shows_the_worker_offline(
    expedite: Expedite,
) -> None:
    expedite.start("order_service")
    worker = expedite.start_worker(COOKING_SPEED=2, HEARTBEAT_INTERVAL=60)
    in_hand, waiting = expedite.place_number(), expedite.place_number()
    expedite.wait_for(in_hand, "cooking")

    assert worker.stop() == 0
    assert expedite.history(in_hand) == ["received", "cooking", "ready"]
    assert expedite.history(waiting) == ["received"]
    assert expedite.query("select status, orders_processed from workers") == [("offline", 1)]
    eventually(lambda: expedite.waiting("kitchen.takeout") == 1)
    eventually(lambda: [line["message"] for line in worker.actions("graceful_shutdown")][-1:] == ["stopped"])


def test_idle_services_end_on_sigterm_with_exit_code_0(expedite: Expedite) -> None:
    services = ("order_service", "tracking_service", "notifier_service", "kitchen_service")
    for service in services:
        expedite.start(service, wait=False)
    for process in expedite.processes:
        process.wait_ready()

    assert expedite.stop_together(within=15) == dict.fromkeys(services, 0)
