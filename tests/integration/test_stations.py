"""One kitchen process that is many workers."""

import psycopg2
import pytest

from devstack.rabbitmq import RabbitMQ
from tests.support.eventually import eventually
from tests.support.expedite import PIZZA, Expedite

HARDLY_COOKS = 0.05  # speed: a takeout takes 200 s
KINDS = ("dine_in", "takeout", "delivery")
WHERE = {"takeout": {}, "dine_in": {"table_number": 7}, "delivery": {"delivery_address": "12 Baker Street"}}
PRICES = {1: 15.99, 5: 75.00, 10: 150.00}
# What was written by one statement has the same transaction, and the same command in it.
STATEMENTS = "select count(distinct (xmin::text, cmin::text)), count(*) from workers where status = %s"


def names(worker: str, stations: int) -> list[str]:
    return sorted(f"{worker} {number}" for number in range(1, stations + 1))


def one_each(names: list[str], count: int = 1) -> list[tuple[str, int]]:
    return [(name, count) for name in names]


def test_stations_cook_at_the_same_time_each_under_its_own_name(expedite: Expedite, rabbitmq: RabbitMQ) -> None:
    expedite.start("order_service")
    expedite.start("tracking_service")
    cook = expedite.start_worker("bar", STATIONS=20, COOKING_SPEED=2)
    bar, vhost = names("bar", 20), expedite.amqp_uri.rpartition("/")[2]

    def connections() -> int:
        lines = rabbitmq.ctl("list_connections", "-q", "vhost", "pid").splitlines()
        return sum(line.startswith(f"{vhost}\t") for line in lines)

    at_first = connections()
    for _ in range(20):
        expedite.place()
    eventually(lambda: expedite.in_hand() == 20)
    assert connections() == at_first
    assert expedite.query("select processed_by from orders order by 1") == [(name,) for name in bar]
    eventually(lambda: expedite.query("select count(*) from orders where status = 'ready'") == [(20,)], 20)

    shown = expedite.track("/workers/status")
    assert [(row["worker_name"], row["status"], row["orders_processed"]) for row in shown] == [
        (name, "online", 1) for name in bar
    ]
    assert expedite.query(
        "select changed_by, count(*) from order_status_log where status <> 'received' group by 1 order by 1"
    ) == one_each(bar, 2)
    completed = eventually(lambda: len(cook.actions("order_completed")) == 20 and cook.actions("order_completed"))
    assert sorted(line["details"]["worker_name"] for line in completed) == bar
    eventually(expedite.is_settled)


def test_each_station_has_as_many_orders_in_hand_as_its_prefetch(expedite: Expedite) -> None:
    expedite.start("order_service")
    expedite.start_worker("bar", STATIONS=3, PREFETCH=2, COOKING_SPEED=HARDLY_COOKS)
    for _ in range(8):
        expedite.place()
    eventually(lambda: expedite.in_hand() == 6 and expedite.waiting("kitchen.takeout") == 2)
    assert expedite.query(
        "select processed_by, count(*) from orders where status = 'cooking' group by 1 order by 1"
    ) == one_each(names("bar", 3), 2)


def test_free_hands_take_the_most_urgent_and_the_oldest_of_all_queues(expedite: Expedite) -> None:
    expedite.start("order_service")
    wanted = [("takeout", 1), ("dine_in", 5), ("delivery", 1), ("takeout", 10), ("takeout", 5), ("dine_in", 10),
              ("takeout", 1), ("takeout", 5)]  # fmt: skip
    placed = [
        (
            expedite.place_number(order_type=kind, **WHERE[kind], items=[{**PIZZA, "price": PRICES[priority]}]),
            priority,
        )
        for kind, priority in wanted
    ]
    eventually(lambda: sum(expedite.waiting(f"kitchen.{kind}") for kind in KINDS) == len(placed))

    expedite.start_worker("bar", STATIONS=6, COOKING_SPEED=HARDLY_COOKS)
    eventually(lambda: expedite.in_hand() == 6)
    in_order = [number for number, _ in sorted(placed, key=lambda order: -order[1])]
    assert set(expedite.cooked()) == set(in_order[:6])
    assert {body["order_number"] for kind in KINDS for body in expedite.tickets(kind)} == set(in_order[6:])


def test_all_stations_are_registered_or_none(expedite: Expedite) -> None:
    expedite.start_worker("bar 3")
    refused = expedite.start_worker("bar", STATIONS=5, wait=False)

    assert refused.popen.wait(30) == 1
    [line] = eventually(lambda: refused.actions("worker_registration_failed"))
    assert (line["level"], line["details"]["worker_name"]) == ("ERROR", "bar 3")
    assert expedite.query("select name, status from workers") == [("bar 3", "online")]


def test_the_names_of_a_killed_process_can_be_taken_over_at_once(expedite: Expedite) -> None:
    killed = expedite.start_worker("bar", STATIONS=5)
    killed.kill()
    expedite.start_worker("bar", STATIONS=7)
    assert expedite.query("select name, status from workers order by 1") == [
        (name, "online") for name in names("bar", 7)
    ]
    assert expedite.query("select count(distinct instance) from workers") == [(1,)]


def test_a_process_that_lost_one_of_its_names_leaves_none_online(expedite: Expedite) -> None:
    frozen = expedite.start_worker("bar", STATIONS=3, HEARTBEAT_INTERVAL=0.5)
    with frozen.frozen():
        eventually(lambda: expedite.query("select 1 from workers where last_seen < now() - interval '1 s'"))
        expedite.start_worker("bar 2", HEARTBEAT_INTERVAL=30)

    assert frozen.popen.wait(20) == 1
    [line] = eventually(lambda: frozen.actions("worker_registration_failed"))
    assert line["details"]["worker_name"] == "bar 2"
    assert expedite.query("select name from workers where status = 'online'") == [("bar 2",)]


def test_a_thousand_stations_are_one_statement_and_a_handful_of_connections(expedite: Expedite) -> None:
    expedite.start("order_service")
    cook = expedite.start_worker("bar", STATIONS=1000, HEARTBEAT_INTERVAL=1)
    assert expedite.query(STATEMENTS, "online") == [(1, 1000)]
    assert expedite.query("select count(*) from workers where cardinality(heartbeats) = 1") == [(1000,)]

    beaten = "select count(*) from workers where cardinality(heartbeats) > 1"
    eventually(lambda: expedite.query(beaten) == [(1000,)])
    assert expedite.query(STATEMENTS, "online") == [(1, 1000)]
    ours = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    assert expedite.query(ours)[0][0] < 25  # two processes

    number = expedite.place_number()
    expedite.wait_for(number, "ready")
    assert cook.stop() == 0
    assert expedite.query(STATEMENTS, "offline") == [(1, 1000)]


def test_what_cooks_leaves_the_other_workers_their_places(expedite: Expedite) -> None:
    expedite.start("order_service")
    cook = expedite.start_worker("bar", STATIONS=30, COOKING_SPEED=HARDLY_COOKS, MAX_WORKERS=20, MAX_CONCURRENT=10)
    numbers = [expedite.place_number() for _ in range(30)]
    eventually(lambda: expedite.in_hand() == 30)
    with expedite.rpc() as rpc:
        assert rpc.kitchen_service.move_order(numbers[0], "cancelled", "anna")["status"] == "cancelled"
    eventually(lambda: cook.actions("order_interrupted"))
    assert len(cook.actions("order_interrupted")) == 1


def test_sigterm_finishes_what_all_stations_have_in_hand(expedite: Expedite) -> None:
    expedite.start("order_service")
    cook = expedite.start_worker("bar", STATIONS=10, COOKING_SPEED=2)
    numbers = [expedite.place_number() for _ in range(12)]
    eventually(lambda: expedite.in_hand() == 10)

    assert cook.stop() == 0
    histories = sorted(tuple(expedite.history(number)) for number in numbers)
    assert histories == [("received",)] * 2 + [("received", "cooking", "ready")] * 10
    assert expedite.query("select orders_processed, status from workers") == [(1, "offline")] * 10
    eventually(lambda: expedite.waiting("kitchen.takeout") == 2)


def test_what_is_not_done_within_the_grace_is_given_back(expedite: Expedite) -> None:
    expedite.start("order_service")
    cook = expedite.start_worker("bar", STATIONS=10, COOKING_SPEED=HARDLY_COOKS, STOP_GRACE=6)
    for _ in range(10):
        expedite.place()
    eventually(lambda: expedite.in_hand() == 10)

    assert cook.stop() == 0
    assert expedite.query(STATEMENTS, "offline") == [(1, 10)]
    eventually(lambda: expedite.waiting("kitchen.takeout") == 10)

    expedite.start_worker("heir", STATIONS=10)
    done = "select count(*) from orders where status = 'ready' and processed_by like 'heir %%'"
    eventually(lambda: expedite.query(done) == [(10,)], 20)
    assert len(expedite.cooked()) == 10


def test_stations_of_a_staffed_kitchen_hand_tickets_over_in_turn(expedite: Expedite) -> None:
    expedite.start("order_service")
    expedite.start_worker("pass", STATIONS=3, COOKING="staffed")
    accepted = "select accepted_by from orders where number = %s"
    for name in names("pass", 3):
        number = expedite.place_number()
        eventually(lambda name=name, number=number: expedite.query(accepted, number) == [(name,)])
    eventually(expedite.is_settled)


@pytest.mark.parametrize("stations", [1, 3])
def test_each_station_counts_for_estimates(expedite: Expedite, stations: int) -> None:
    expedite.start("order_service")
    expedite.start_worker("pass", STATIONS=stations, COOKING="staffed", COOKING_SPEED=1)
    for _ in range(30):
        expedite.place()  # ten seconds each

    def minutes() -> float:
        """How long the newest order is expected to take."""
        placed = expedite.place()
        [[seconds]] = expedite.query(
            "select extract(epoch from first_estimate - placed_at)::float8 from orders where number = %s",
            placed["order_number"],
        )
        return float(seconds)

    expected = 10 + 300 / stations
    eventually(lambda: expected <= minutes() < expected + 60, 20, every=2.5)


def test_a_heartbeat_that_waits_for_the_first_of_its_workers_holds_no_other(expedite: Expedite) -> None:
    """As a transaction that counts what they cooked, which holds what it has come to in the order of names."""
    cook = expedite.start_worker("bar", STATIONS=9, HEARTBEAT_INTERVAL=0.5)
    holder = psycopg2.connect(expedite.database_url)
    try:
        with holder.cursor() as cursor:
            cursor.execute("select 1 from workers where name = 'bar 1' for update")
            eventually(lambda: expedite.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'"))
            cursor.execute("select 1 from workers where name <> 'bar 1' for update nowait")
    finally:
        holder.close()
    assert not cook.actions("db_query_failed")
