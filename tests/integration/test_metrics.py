"""`GET /metrics`: what happened is counted, what is there is measured, and Prometheus can read it."""

from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process, an_order

NO_SERVER = "127.0.0.1:1"


def figures(process: Process) -> dict[tuple[str, ...], float]:
    """All of a process's samples, by name and the values of their labels in the order of the labels' names."""
    answer = requests.get(f"{process.url}/metrics", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_happened_is_counted(expedite: Expedite) -> None:
    door = expedite.start("order_service")
    worker = expedite.start_worker()
    for _ in range(3):
        expedite.place()
    assert requests.post(f"{door.url}/orders", json=an_order(items=[]), timeout=10).status_code == 422
    eventually(lambda: figures(worker).get(("expedite_kitchen_tickets_total", "done")) == 3)

    at_the_door, at_the_stove = figures(door), figures(worker)
    assert at_the_stove["expedite_kitchen_tickets_total", "dead_lettered"] == 0
    assert at_the_door["expedite_http_request_seconds_count", "POST", "/orders", "201"] == 3
    assert at_the_door["expedite_http_request_seconds_count", "POST", "/orders", "422"] == 1
    assert 0 < at_the_door["expedite_http_request_seconds_sum", "POST", "/orders", "201"] < 30
    assert at_the_door["expedite_group_commit_rows_sum",] == 3  # orders
    assert at_the_stove["expedite_group_commit_rows_sum",] == 6  # moves
    assert at_the_door["process_resident_memory_bytes",] > 1e6

    def published(routing_key: str) -> float:
        """By either relay: one of them leads."""
        return sum(
            figures(each).get(("expedite_outbox_published_total", routing_key), 0) for each in (door, worker)
        )

    eventually(lambda: published("order_status_changed") == 6)
    assert published("order_placed.takeout") == 3


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
    expected = {
        ("expedite_database_up",): 1,
        ("expedite_orders_open", "takeout", "received"): 1,
        ("expedite_orders_open", "dine_in", "received"): 1,
        ("expedite_orders_open", "delivery", "received"): 0,
        ("expedite_orders_open", "takeout", "cooking"): 0,
        ("expedite_orders_stuck", "received"): 1,
        ("expedite_orders_stuck", "cooking"): 0,
        ("expedite_outbox_rows",): 2,
        ("expedite_worker_online", "anna"): 0,
        ("expedite_worker_orders_processed_total", "anna"): 41,
    }
    eventually(lambda: expected.items() <= figures(tracking).items())
    assert 60 <= figures(tracking)["expedite_outbox_oldest_seconds",] < 120
    assert ("expedite_worker_online", "bruno") not in figures(tracking)


def test_without_postgresql_they_are_there_and_say_so(expedite: Expedite) -> None:
    tracking = expedite.start("tracking_service", wait=False, DATABASE_URL=f"postgresql://nobody@{NO_SERVER}/none")
    eventually(lambda: tracking.health("live").status_code == 200)
    assert figures(tracking)["expedite_database_up",] == 0


def test_processes_that_share_a_folder_answer_for_each_other(expedite: Expedite, tmp_path: Path) -> None:
    doors = [expedite.start("order_service", PROMETHEUS_MULTIPROC_DIR=tmp_path) for _ in range(2)]
    for door in (*doors, doors[0]):
        expedite.place(door)
    for door in doors:
        assert figures(door)["expedite_http_request_seconds_count", "POST", "/orders", "201"] == 3
