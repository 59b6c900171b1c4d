"""What is asked all the time finds its rows by an index; and there is no index that nothing of it uses."""

import dataclasses
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from common.errors import NotFound
from common.orders import queries
from common.orders.moves import Actor, Mover
from common.orders.tables import Base, Order
from common.postgres import group_commit
from common.postgres.breaker import Breaker
from common.settings import load_config
from kitchen_service.settings import KitchenSettings
from tests.integration.conftest import Transaction
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tracking_service import gauges, status_reader
from tracking_service.status_reader import StatusReader

ORDERS = 50_000
OPEN = 300
FILL = """
    insert into users (email, username, username_key, password_hash, role)
        select n || '@example.com', 'user ' || n, 'user ' || n, 'x', 'customer' from generate_series(1, 1000) n;
    insert into orders (number, customer_id, customer_name, order_type, total_amount, priority, prep_seconds,
            status, sequence, placed_at, updated_at, cooking_started_at)
        select 'ORD_20260101_' || lpad(n::text, 6, '0'),
            case when n %% 10 = 0 then (select min(id) from users) + n %% 1000 end,
            'Ada', (array['dine_in', 'takeout', 'delivery'])[1 + n %% 3], 20, (array[1, 5, 10])[1 + n %% 3], 10,
            case when n <= {orders} - {open} then 'completed' when n %% 2 = 0 then 'received' else 'cooking' end,
            1, now() - n * interval '1 second', now(), now()
        from generate_series(1, {orders}) n;
    insert into order_items (order_id, position, name, quantity, price)
        select id, 1, 'Tea', 1, 20 from orders;
    insert into idempotency_keys (key, fingerprint, created_at)
        select n, 'x', now() - n * interval '1 second' from generate_series(1, {orders}) n;
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
        select id, 1, 'received', 'customer', now() from orders;
    insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,
            cooking_speed)
        select 'chef ' || n, gen_random_uuid(), array['takeout'], 'offline', 30, now(), now(), 1
        from generate_series(1, 1000) n;
    analyze
"""
ONE = "ORD_20260101_000042"


def plain(statement: Any, **values: Any) -> str:
    """A statement with its parameters written into it."""
    given = statement.bindparams(**values) if values else statement
    return str(given.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))


def asked_all_the_time() -> dict[str, tuple[str, set[str]]]:
    """Each query, and the indices that it uses on the tables that grow."""
    one = select(Order).where(Order.number == ONE)
    own = select(Order).where(Order.customer_id == 7).order_by(Order.id.desc()).limit(50)
    latest = select(Order).order_by(Order.id.desc()).limit(50)
    items = "select * from order_items where order_id in (5, 6, 7) order by order_id, position"
    return {
        "statuses": (
            status_reader._STANDING.replace("$1", f"'[\"{ONE}\"]'::jsonb"),
            {"uq_orders_number", "pk_workers"},
        ),
        "a status": (plain(queries._STANDING, number=ONE), {"uq_orders_number"}),
        "a history": (plain(queries._HISTORY, number=ONE), {"uq_orders_number", "pk_order_status_log"}),
        "a history for everybody": (
            plain(queries._PUBLIC_HISTORY, number=ONE),
            {"uq_orders_number", "pk_order_status_log", "pk_workers"},
        ),
        "what waits": (plain(queries._WAITING), {"ix_orders_open"}),
        "what cooks": (plain(queries._COOKING), {"ix_orders_open"}),
        "the kitchen's load": (plain(queries._LOAD), {"ix_orders_open"}),
        "what is open": (plain(gauges._ORDERS), {"ix_orders_open"}),
        "how many are stuck": (plain(gauges._STUCK, received=900, cooking=300), {"ix_orders_open"}),
        "what is stuck": (plain(queries._STUCK, received=900, cooking=300), {"ix_orders_open"}),
        "what is stuck, for everybody": (
            plain(queries._PUBLIC_STUCK, received=900, cooking=300),
            {"ix_orders_open", "pk_workers"},
        ),
        "an order": (plain(one), {"uq_orders_number"}),
        "its items": (items, {"pk_order_items"}),
        "a customer's orders": (plain(own), {"ix_orders_customer"}),
        "the latest orders": (plain(latest), {"pk_orders"}),
        "who signs in": ("select * from users where email = '7@example.com'", {"uq_users_email"}),
        "which keys are old": (
            "select key from idempotency_keys where created_at < now() - interval '12 hours' order by created_at"
            " limit 2000",
            {"ix_idempotency_keys_created_at"},
        ),
        "whose token it is": ("select * from users where id = 7", {"pk_users"}),
    }


@pytest.fixture(scope="module")
def full(running: Expedite) -> Expedite:
    running.query(FILL.format(orders=ORDERS, open=OPEN))
    return running


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def explained(running: Expedite, query: str) -> dict[str, Any]:
    [(plan,)] = running.query(f"explain (analyze, buffers, format json) {query.replace('%', '%%')}")
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", asked_all_the_time())
def test_a_query_uses_its_index_and_reads_no_table_as_a_whole(full: Expedite, name: str) -> None:
    query, indices = asked_all_the_time()[name]
    plan = nodes(explained(full, query))
    assert {node["Index Name"] for node in plan if "Index Name" in node} == indices
    # Workers are few.
    assert {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"} <= {"workers"}


def test_there_is_no_index_that_nobody_asked_for(full: Expedite) -> None:
    used = {index for _, indices in asked_all_the_time().values() for index in indices}
    keys = {
        str(constraint.name)  # these keep rules, whoever looks something up by them
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
    }
    there = {row[0] for row in full.query("select indexname from pg_indexes where schemaname = 'public'")}
    assert there - keys - {"alembic_version_pkc"} <= used
    assert used <= there


def test_an_orders_status_costs_the_same_however_many_orders_there_are(full: Expedite, expedite: Expedite) -> None:
    expedite.query(FILL.format(orders=100, open=10))

    def pages(running: Expedite, name: str) -> int:
        query, _ = asked_all_the_time()[name]
        explained(running, query)
        plan = explained(running, query)
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    # A level or two more of each index, and no more.
    assert pages(full, "statuses") <= pages(expedite, "statuses") + 2
    assert pages(full, "a history") <= pages(expedite, "a history") + 4


ROWS_READ = "select (seq_tup_read + idx_tup_fetch)::int from pg_stat_user_tables where relname = 'orders'"


@pytest.mark.parametrize("service", ["order_service", "tracking_service"])
def test_those_who_ask_for_waiting_orders_share_a_look_at_the_queue(expedite: Expedite, service: str) -> None:
    expedite.query(FILL.format(orders=3_000, open=3_000))
    process = expedite.start(service)
    eventually(lambda: expedite.query(ROWS_READ)[0][0] > 3_000)  # sessions count when they end
    expedite.query("select pg_stat_reset()")
    path = "/orders/ORD_20260101_000042" + ("/status" if service == "tracking_service" else "")
    for _ in range(100):
        assert requests.get(f"{process.url}{path}", timeout=5).json()["estimated_completion"] is not None
    process.stop()
    eventually(lambda: expedite.query(ROWS_READ)[0][0] > 1_500)
    assert expedite.query(ROWS_READ)[0][0] < 100 * 1_500 / 2


# Index entries that a statement may read for one order, at 3,000: a few, and not each.
FEW = 30
READ = "select sum(idx_tup_read)::int from pg_stat_user_indexes where relname = 'orders'"


@pytest.mark.parametrize("when_planned", ["never analyzed", "analyzed when empty"])
@pytest.mark.parametrize("what", ["a status", "a move"])
def test_what_was_planned_for_empty_tables_costs_no_more_when_they_are_full(
    expedite: Expedite, transaction: Transaction, monkeypatch: pytest.MonkeyPatch, what: str, when_planned: str
) -> None:
    kitchen = KitchenSettings.of(load_config(ROOT / "config.yml"), "kitchen_service")
    config = dataclasses.replace(kitchen, database_url=expedite.database_url)
    sessions: Any = SimpleNamespace(begin=transaction)
    prepared: StatusReader | Mover = (
        StatusReader(config, Breaker(config)) if what == "a status" else Mover(config, Breaker(config))
    )

    def ask(number: str) -> None:
        if isinstance(prepared, StatusReader):
            prepared.standing(number)
        else:
            prepared.move(sessions, "order_service", number, "failed", Actor("anna", "employee"))

    if when_planned == "analyzed when empty":
        expedite.query("vacuum analyze orders")
    with pytest.raises(NotFound):
        ask("ORD_20250101_001")
    expedite.query(FILL.format(orders=3_000, open=300).rstrip().removesuffix("analyze"))
    if when_planned == "analyzed when empty":  # what helps then is that plans grow old
        monkeypatch.setattr(group_commit, "monotonic", lambda: time.monotonic() + group_commit._PLAN_LIFE)
    eventually(lambda: expedite.query(READ)[0][0] > 3_000)  # foreign keys; sessions count when they end
    expedite.query("select pg_stat_reset()")
    ask("ORD_20260101_000042" if what == "a status" else "ORD_20260101_002999")
    prepared.close()
    eventually(lambda: expedite.query(READ)[0][0] > 0)
    assert expedite.query(READ)[0][0] < FEW
