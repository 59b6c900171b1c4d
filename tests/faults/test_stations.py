"""A kitchen process of many stations dies, loses its broker, or is done with everything in one moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process

HARDLY_COOKS = 0.05  # speed: a takeout takes 200 s
READY = "select count(*) from orders where status = 'ready'"
# What the history of each order must be, and that nobody has it twice.
HISTORIES = """
    select history, count(*) from (
        select array_agg(l.status order by l.sequence) as history
        from orders o join order_status_log l on l.order_id = o.id group by o.id
    ) as each group by 1
"""
TROUBLE = ("db_query_failed", "db_transaction_failed", "message_processing_failed")


def place(expedite: Expedite, orders: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: expedite.place(), range(orders)))


def must_be_cooked_once(expedite: Expedite, orders: int, within: float = 60) -> None:
    """Every order was begun once and finished once, and was counted once, and no ticket is left."""
    eventually(lambda: expedite.query(READY) == [(orders,)], within)
    assert expedite.query(HISTORIES) == [(["received", "cooking", "ready"], orders)]
    assert expedite.query("select sum(orders_processed) from workers") == [(orders,)]
    assert expedite.query("select count(*) from orders where tries > 0") == [(0,)]
    eventually(expedite.is_settled, 30)
    assert expedite.waiting("dead_letters") == 0


def troubles(process: Process) -> list[str]:
    return [line["message"] for action in TROUBLE for line in process.actions(action)]


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("heirs", [20, 1])
def test_all_that_a_killed_process_had_in_hand_is_taken_over_once(expedite: Expedite, heirs: int) -> None:
    expedite.start("order_service")
    killed = expedite.start_worker("killed", STATIONS=50, COOKING_SPEED=HARDLY_COOKS)
    place(expedite, 50)
    eventually(lambda: expedite.in_hand() == 50)
    heir = expedite.start_worker("heir", STATIONS=heirs, COOKING_SPEED=100)

    killed.kill()

    must_be_cooked_once(expedite, 50)
    assert expedite.query("select count(*), max(fence) from orders where processed_by like 'heir%%'") == [(50, 2)]
    assert expedite.query("select max(orders_processed) from workers where name like 'killed%%'") == [(0,)]
    assert len({line["details"]["order_number"] for line in heir.actions("order_completed")}) == 50
    assert not troubles(heir)


def test_a_thousand_orders_of_a_killed_process_are_taken_over_without_a_storm(expedite: Expedite) -> None:
    expedite.start("order_service")
    killed = expedite.start_worker("killed", STATIONS=1000, COOKING_SPEED=0.02)
    place(expedite, 1000)
    eventually(lambda: expedite.in_hand() == 1000, 60)
    heir = expedite.start_worker("heir", STATIONS=1000, COOKING_SPEED=10)

    killed.kill()

    must_be_cooked_once(expedite, 1000, within=120)
    assert not troubles(heir)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_cooks_while_rabbitmq_is_started_again_is_not_begun_anew(
    expedite: Expedite, rabbitmq: RabbitMQ, how: str
) -> None:
    expedite.start("order_service")
    cook = expedite.start_worker("bar", STATIONS=250, COOKING_SPEED=0.4)
    other = expedite.start_worker("other", STATIONS=10)
    place(expedite, 200)
    eventually(lambda: expedite.in_hand() + expedite.query(READY)[0][0] == 200)
    before = len(cook.actions("order_processing_started"))

    {"stop": rabbitmq.stop, "kill": rabbitmq.kill}[how]()
    rabbitmq.start()

    must_be_cooked_once(expedite, 200)
    assert len(cook.actions("order_processing_started")) == before
    assert expedite.query("select max(fence) from orders") == [(1,)]
    # Once for the loss, and while it was away.
    assert len([line for line in cook.actions("rabbitmq_connected") if "waiting for" in line["message"]]) == 2
    assert not troubles(other)


def test_a_thousand_that_are_done_in_one_moment_wait_their_turn(expedite: Expedite) -> None:
    expedite.start("order_service")
    place(expedite, 1000)
    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)], 30)
    # That a slow machine's PostgreSQL takes longer than its five seconds is none of this test's troubles.
    bounds = {"STATEMENT_TIMEOUT": 60}
    cook = expedite.start_worker("bar", STATIONS=1000, COOKING_SPEED=1, HEARTBEAT_INTERVAL=1, **bounds)
    eventually(lambda: expedite.query("select count(*) from orders where status <> 'received'") == [(1000,)], 60)
    with cook.frozen():  # and all are due when it goes on
        due = "select bool_and(estimated_completion < now()) from orders where status = 'cooking'"
        eventually(lambda: expedite.query(due) == [(True,)], 20)
    must_be_cooked_once(expedite, 1000, within=120)
    assert expedite.query("select count(*) from workers where orders_processed = 1") == [(1000,)]
    assert not troubles(cook)


def test_heartbeats_and_moves_of_many_stations_do_not_wait_for_each_other(expedite: Expedite) -> None:
    expedite.start("order_service")
    place(expedite, 600)
    cook = expedite.start_worker("bar", STATIONS=100, HEARTBEAT_INTERVAL=0.1)
    must_be_cooked_once(expedite, 600)
    assert not troubles(cook)


def test_a_thousand_in_hand_live_through_a_restart_of_postgresql(
    private_postgres: Postgres, amqp_uri: str
) -> None:
    expedite = Expedite(private_postgres.url, amqp_uri)
    try:
        expedite.start("order_service")
        expedite.start_worker("bar", STATIONS=1000, COOKING_SPEED=0.4)
        place(expedite, 1000)
        eventually(lambda: expedite.waiting("kitchen.takeout") == 0 and expedite.in_hand() > 0, 60)
        private_postgres.kill()
        private_postgres.start()
        eventually(lambda: expedite.query(READY) == [(1000,)], 120)
        assert expedite.query(HISTORIES) == [(["received", "cooking", "ready"], 1000)]
        assert expedite.query("select count(*) from orders where tries > 0") == [(0,)]
        eventually(expedite.is_settled, 60)
    finally:
        expedite.stop_all()
