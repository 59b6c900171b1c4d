"""`GET /metrics`: what happened is counted, what is there is measured, and Prometheus can read it."""

from collections.abc import Iterable
from pathlib import Path

import amqp
import pytest
import requests
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.orders import moves
from tests.support import rows
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order
from tests.support.rows import Transaction
from tests.support.scraping import figures

NO_SERVER = "127.0.0.1:1"
TIMED = "expedite_order_status_seconds"


def summed(processes: Iterable[Process], *sample: str) -> float:
    """A figure of several processes, added up."""
    return sum(figures(process).get(sample, 0) for process in processes)


def test_what_happened_is_counted(expedite: Expedite) -> None:
    door = expedite.start("order_service")
    worker = expedite.start_worker()
    for _ in range(3):
        expedite.place()
    assert requests.post(f"{door.url}/orders", json=an_order(items=[]), timeout=10).status_code == 422
    eventually(lambda: figures(worker).get(("expedite_kitchen_tickets_total", "done")) == 3)

    # The sweeper takes a connection of the pool now and then, too.
    at_the_door = eventually(
        lambda: now if (now := figures(door))["expedite_database_pool", "in_use"] == 0 else None
    )
    at_the_stove = figures(worker)
    assert at_the_stove["expedite_kitchen_tickets_total", "dead_lettered"] == 0
    assert at_the_door["expedite_http_request_seconds_count", "POST", "/orders", "201"] == 3
    assert at_the_door["expedite_http_request_seconds_count", "POST", "/orders", "422"] == 1
    assert 0 < at_the_door["expedite_http_request_seconds_sum", "POST", "/orders", "201"] < 30
    assert at_the_door["expedite_group_commit_rows_sum",] == 3  # orders
    assert at_the_stove["expedite_group_commit_rows_sum",] == 6  # moves
    assert at_the_door["expedite_orders_placed_total", "takeout"] == 3
    assert at_the_door["process_resident_memory_bytes",] > 1e6
    assert at_the_door["expedite_database_pool_size",] == 10
    assert at_the_door["expedite_database_pool", "waiting"] == 0
    assert at_the_door["expedite_database_pool", "idle"] > 0
    assert at_the_stove["expedite_streams_max",] == 1200

    both = (door, worker)
    eventually(lambda: summed(both, "expedite_outbox_published_total", "order_status_changed") == 6)
    assert summed(both, "expedite_outbox_published_total", "order_placed.takeout") == 3
    assert summed(both, "expedite_relay_leading") == 1


def test_a_status_is_timed_once_by_whoever_ends_it(expedite: Expedite) -> None:
    door = expedite.start("order_service")
    cooks = [expedite.start_worker(name) for name in ("anna", "bruno")]
    numbers = [expedite.place_number() for _ in range(6)]
    for number in numbers:
        expedite.wait_for(number, "ready")
    everybody = [door, *cooks]
    for status in ("received", "cooking"):
        eventually(lambda status=status: summed(everybody, f"{TIMED}_count", "takeout", status) == 6)
    for process in cooks:
        process.stop()

    slow = numbers[0]
    expedite.query("update orders set updated_at = updated_at - interval '100 seconds' where number = %s", slow)
    with expedite.rpc() as rpc:
        for _ in range(2):  # the second time changes nothing
            rpc.order_service.complete_order(slow)
    cancelled = expedite.place(order_type="delivery", delivery_address="12 Harbour Street")
    assert requests.post(expedite.with_key(cancelled, "/cancel"), timeout=10).status_code == 200
    at_the_door = figures(door)
    assert at_the_door[f"{TIMED}_count", "takeout", "ready"] == 1
    assert 100 <= at_the_door[f"{TIMED}_sum", "takeout", "ready"] < 200
    assert at_the_door[f"{TIMED}_count", "delivery", "received"] == 1
    assert (f"{TIMED}_count", "takeout", "received") not in at_the_door


def test_what_is_there_is_measured(expedite: Expedite) -> None:
    expedite.start("order_service", AMQP_URI=f"amqp://guest:guest@{NO_SERVER}//")
    tracking = expedite.start("tracking_service", STUCK_RECEIVED=900)
    expedite.place()
    stuck = expedite.place_number(order_type="dine_in", table_number=5)
    expedite.query("update orders set updated_at = now() - interval '16 minutes' where number = %s", stuck)
    expedite.query(
        "update outbox set created_at = now() - interval '60 seconds' where body ->> 'order_number' = %s", stuck
    )
    expedite.query(
        "insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,"
        " orders_processed, cooking_speed)"
        " select name, gen_random_uuid(), '{takeout}', 'offline', 30, now(), now() - gone, 41, 1"
        " from (values ('anna', interval '23 hours'), ('bruno', interval '25 hours')) as those (name, gone)"
    )
    expedite.query(
        "insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,"
        " orders_processed, cooking_speed)"
        " values ('carla', gen_random_uuid(), '{takeout,dine_in}', 'online', 30, now(), now(), 7, 1)"
    )
    cooks = "update orders set status = 'cooking', processed_by = %s, cooking_worker = {} where number = %s"
    expedite.query(cooks.format("gen_random_uuid()"), "carla", expedite.place_number())
    expedite.query(cooks.format("null"), "A Person", expedite.place_number())
    expedite.query("update orders set status = 'ready' where number = %s", expedite.place_number())
    expected = {
        ("expedite_database_up",): 1,
        ("expedite_orders_open", "takeout", "received"): 1,
        ("expedite_orders_open", "dine_in", "received"): 1,
        ("expedite_orders_open", "delivery", "received"): 0,
        ("expedite_orders_open", "takeout", "cooking"): 2,
        ("expedite_orders_made", "ready"): 1,
        ("expedite_orders_made", "out_for_delivery"): 0,
        ("expedite_orders_stuck", "received"): 1,
        ("expedite_orders_stuck", "cooking"): 0,
        ("expedite_outbox_rows",): 5,
        ("expedite_worker_online", "anna"): 0,
        ("expedite_worker_orders_processed_total", "anna"): 41,
        ("expedite_worker_cooking", "takeout", "carla"): 1,
        ("expedite_worker_cooking", "dine_in", "carla"): 0,
        ("expedite_workers_online", "takeout"): 1,
        ("expedite_workers_online", "delivery"): 0,
    }
    eventually(lambda: expected.items() <= figures(tracking).items())
    assert 60 <= figures(tracking)["expedite_outbox_oldest_seconds",] < 120
    assert ("expedite_worker_online", "bruno") not in figures(tracking)
    assert not any("A Person" in sample for sample in figures(tracking))


def test_without_postgresql_they_are_there_and_say_so(expedite: Expedite) -> None:
    tracking = expedite.start("tracking_service", wait=False, DATABASE_URL=f"postgresql://nobody@{NO_SERVER}/none")
    eventually(lambda: tracking.health("live").status_code == 200)
    assert figures(tracking)["expedite_database_up",] == 0
    eventually(lambda: figures(tracking)["expedite_database_refusing",] == 1)


def test_dead_letters_are_counted_where_they_lie(expedite: Expedite) -> None:
    worker = expedite.start_worker()
    assert figures(worker)["expedite_dead_letters",] == 0
    with expedite.channel() as channel:
        for _ in range(3):
            channel.basic_publish(amqp.Message("no order"), routing_key="kitchen.takeout")
    eventually(lambda: figures(worker)["expedite_dead_letters",] == 3)
    eventually(lambda: figures(worker)["expedite_kitchen_tickets_total", "dead_lettered"] == 3)


def test_without_rabbitmq_nothing_is_said_of_dead_letters(expedite: Expedite) -> None:
    worker = expedite.start("kitchen_service", wait=False, AMQP_URI=f"amqp://guest:guest@{NO_SERVER}//")
    eventually(lambda: worker.health("live").status_code == 200)
    assert ("expedite_dead_letters",) not in figures(worker)
    eventually(lambda: figures(worker)["expedite_retries_total", "work_queue"] > 0)
    eventually(lambda: figures(worker)["expedite_retries_total", "relay"] > 0)


def test_processes_that_share_a_folder_answer_for_each_other_while_they_live(
    expedite: Expedite, tmp_path: Path
) -> None:
    doors = [expedite.start("order_service", PROMETHEUS_MULTIPROC_DIR=tmp_path) for _ in range(2)]
    for door in (*doors, doors[0]):
        expedite.place(door)
    for door in doors:
        assert figures(door)["expedite_http_request_seconds_count", "POST", "/orders", "201"] == 3
        assert figures(door)["expedite_database_pool_size",] == 20
    eventually(lambda: figures(doors[0])["expedite_relay_leading",] == 1)

    doors[1].kill()
    assert figures(doors[0])["expedite_orders_placed_total", "takeout"] == 3
    assert figures(doors[0])["expedite_database_pool_size",] == 10
    eventually(lambda: figures(doors[0])["expedite_relay_leading",] == 1, 30)  # whichever of them led


def test_a_move_that_is_taken_back_is_not_timed(transaction: Transaction) -> None:
    rows.put(transaction, "ORD_20261126_001", "dine_in")

    def timed() -> float:
        labels = {"status": "received", "order_type": "dine_in"}
        return REGISTRY.get_sample_value(f"{TIMED}_count", labels) or 0

    def move_and_fail() -> None:
        with transaction() as session:
            moves.move(session, "kitchen_service", "ORD_20261126_001", "cooking", rows.STAFF)
            session.execute(text("select 1 / 0"))

    before = timed()
    with pytest.raises(DBAPIError):
        move_and_fail()
    assert timed() == before
    with transaction() as session:
        moves.move(session, "kitchen_service", "ORD_20261126_001", "cooking", rows.STAFF)
        assert timed() == before  # not yet
    assert timed() == before + 1
