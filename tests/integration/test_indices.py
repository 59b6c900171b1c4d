"""What is asked all the time finds its rows by an index; and there is no index that nothing of it uses."""

import dataclasses
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql

from common.accounts.access import Person
from common.errors import NotFound
from common.http import paging
from common.notifications.tables import NotificationDelivery
from common.orders import open_orders, queries
from common.orders.moves import Actor, Mover
from common.orders.tables import Base, Order
from common.postgres import group_commit
from common.postgres.breaker import Breaker
from common.settings import load_config
from devstack.postgres import Postgres
from kitchen_service.board import reading as board_reading
from kitchen_service.settings import KitchenSettings
from notifier_service.deliveries import claims, records
from order_service.orders import listing
from order_service.personal_data import erasure, export
from tests.conftest import copied_database
from tests.integration.conftest import Transaction
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tracking_service import gauges, status_reader
from tracking_service.dashboard import days, reading
from tracking_service.lobby import reading as lobby_reading
from tracking_service.status_reader import StatusReader
from tracking_service.tracker import reading as tracker_reading

FINISHED = 100_000
READY = 20_000
OPEN = 300
_FILL = """
    insert into users (email, username, username_key, password_hash, role)
        select n || '@example.com', 'user ' || n, 'user ' || n, 'x', 'customer' from generate_series(1, 1000) n;
    insert into orders (number, customer_id, customer_name, order_type, total_amount, priority, prep_seconds,
            status, sequence, placed_at, updated_at, cooking_started_at)
        select 'ORD_20260101_' || lpad(n::text, 6, '0'),
            case when n %% 10 = 0 then (select min(id) from users) + n %% 1000 end,
            'Ada', (array['dine_in', 'takeout', 'delivery'])[1 + n %% 3], 20, (array[1, 5, 10])[1 + n %% 3], 10,
            case when n <= {orders} - {open} - {ready} then 'completed' when n <= {orders} - {open} then 'ready'
                when n %% 2 = 0 then 'received' else 'cooking' end,
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
    insert into notification_deliveries (event_id, channel, kind, recipient, order_number, status, ended_at)
        select gen_random_uuid(), 'email', 'order_status_changed', n %% 1000 || '@example.com',
            'ORD_20260101_' || lpad(n::text, 6, '0'), case when n <= {open} then 'waiting' else 'sent' end,
            case when n > {open} then now() - n * interval '1 second' end
        from generate_series(1, {orders}) n;
    update notification_deliveries set status = 'failed' where id %% 1000 = 999 and status = 'sent';
    update notification_deliveries set user_id = id / 100 where id %% 100 = 0;
    insert into ended_sign_ins (sign_in, ended_at)
        select n, now() - n * interval '1 second' from generate_series(1, {orders}) n;
    insert into mail_addresses (address, confirmed_at)
        select n || '@example.com', now() from generate_series(1, 1000) n;
    analyze
"""
ONE = "ORD_20260101_000042"


def fill(orders: int, open: int, ready: int = 0) -> str:
    """SQL: so many orders, of which some are open and some ready; the others are completed."""
    return _FILL.format(orders=orders, open=open, ready=ready)


def plain(statement: Any, **values: Any) -> str:
    """A statement with its parameters written into it."""
    given = statement.bindparams(**values) if values else statement
    return str(given.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))


def _of_some(statement: Any) -> str:
    """A statement about several orders."""
    return str(statement.text).replace(":ids", "array[5, 6, 7]")


def _board_gone() -> str:
    """What has left a board since a snapshot."""
    statement = str(board_reading._GONE.text)
    return statement.replace(":after", "'1:1:'").replace(":statuses", "array['completed', 'cancelled', 'failed']")


def _deliveries(**of: str) -> str:
    """The latest of them."""
    row = NotificationDelivery
    return plain(select(row).filter_by(**of).order_by(row.id.desc()).limit(51))


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
        "how many are made": (plain(gauges._COUNTED), {"ix_orders_after_cooking"}),
        "what workers have in hand": (plain(gauges._IN_HAND), {"ix_orders_open"}),
        "what is stuck": (plain(queries._STUCK, received=900, cooking=300), {"ix_orders_open"}),
        "what is stuck, for everybody": (
            plain(queries._PUBLIC_STUCK, received=900, cooking=300),
            {"ix_orders_open", "pk_workers"},
        ),
        "what screens show": (
            plain(open_orders._OPEN, after=None),
            {"ix_orders_open", "ix_orders_after_cooking", "pk_orders", "pk_order_items", "pk_order_status_log"},
        ),
        "what screens have missed": (
            plain(open_orders._OPEN, after="1:1:"),
            {"ix_orders_open", "ix_orders_after_cooking", "pk_orders", "pk_order_items", "pk_order_status_log"},
        ),
        "how much screens show": (plain(open_orders._COUNTS), {"ix_orders_open", "ix_orders_after_cooking"}),
        "what is still to make": (plain(open_orders._TO_MAKE), {"ix_orders_open", "pk_order_items"}),
        "what a board can recall": (plain(board_reading._RECALLABLE, window=600), {"ix_orders_after_cooking"}),
        "when something last left a lane": (plain(board_reading._LAST), {"pk_orders"}),
        "what has left a board": (
            _board_gone(),
            {"pk_orders", "pk_order_status_log"},
        ),
        "an order": (plain(one), {"uq_orders_number"}),
        "its items": (items, {"pk_order_items"}),
        "a customer's orders": (plain(own), {"ix_orders_customer"}),
        "a guest's orders": (
            "select id from orders where lower(notification_email) = 'ada@example.com' and customer_id is null",
            {"ix_orders_notification_email"},
        ),
        "the latest orders": (plain(latest), {"pk_orders"}),
        "who signs in": ("select * from users where email = '7@example.com'", {"uq_users_email"}),
        "which keys are old": (
            "select key from idempotency_keys where created_at < now() - interval '12 hours' order by created_at"
            " limit 2000",
            {"ix_idempotency_keys_created_at"},
        ),
        "a tracker": (plain(tracker_reading._BY_NUMBER, number=ONE), {"uq_orders_number", "pk_workers"}),
        "trackers that are watched": (_of_some(tracker_reading._BY_IDS), {"pk_orders", "pk_workers"}),
        "their histories": (_of_some(tracker_reading._HISTORY), {"pk_order_status_log", "pk_workers"}),
        "their items": (_of_some(tracker_reading._ITEMS), {"pk_order_items"}),
        "the lobby's numbers that are being made": (
            plain(lobby_reading._MADE, since=datetime(2026, 1, 1, tzinfo=UTC)),
            {"ix_orders_open", "pk_order_status_log"},
        ),
        "the lobby's numbers that are ready": (
            plain(lobby_reading._READY, since=datetime(2026, 1, 1, tzinfo=UTC)),
            {"ix_orders_after_cooking"},
        ),
        "how many there are of each status": (
            plain(reading._COUNTS),
            {"ix_orders_open", "ix_orders_after_cooking"},
        ),
        "what waits, and for whom": (plain(reading._WAITING, received=900, cooking=300), {"ix_orders_open"}),
        "what cooks too long": (plain(reading._COOKING, received=900, cooking=300), {"ix_orders_open"}),
        "who has what in hand": (plain(reading._IN_HAND), {"ix_orders_open"}),
        "what was set aside": (plain(reading._FAILED), {"ix_orders_after_cooking", "pk_order_status_log"}),
        "deliveries that are due": (
            plain(text(claims._TAKE), channel="email", after="", places=5, lease=60.0),
            {
                "ix_notification_deliveries_waiting",
                "ix_notification_deliveries_in_hand",
                "pk_notification_deliveries",
            },
        ),
        "deliveries of an order": (_deliveries(order_number=ONE), {"ix_notification_deliveries_order"}),
        "deliveries to somebody": (
            _deliveries(recipient="7@example.com"),
            {"ix_notification_deliveries_recipient"},
        ),
        "deliveries that failed": (_deliveries(status="failed"), {"ix_notification_deliveries_failed"}),
        "deliveries by a channel that failed": (
            _deliveries(channel="email", status="failed"),
            {"ix_notification_deliveries_failed"},
        ),
        "letters of who is erased": (
            plain(erasure._ERASE_LETTERS[0], email="7@example.com"),
            {"ix_notification_deliveries_recipient"},
        ),
        "letters about an account that is erased": (
            plain(erasure._ERASE_LETTERS[1], account=7),
            {"ix_notification_deliveries_user"},
        ),
        "what was sent of what somebody signed": (
            plain(erasure._SIGNED_NEWS, after=50_000, name="anna"),
            {"pk_notification_deliveries"},
        ),
        "deliveries of who asks for all": (
            plain(export._DELIVERIES, email="7@example.com", account=7).replace("NULL", f"array['{ONE}']"),
            {
                "ix_notification_deliveries_recipient",
                "ix_notification_deliveries_user",
                "ix_notification_deliveries_order",
                "pk_notification_deliveries",
            },
        ),
        "deliveries that wait": (plain(records._WAITING), {"ix_notification_deliveries_waiting"}),
        "deliveries that are old": (
            "select id from notification_deliveries where ended_at < now() - interval '12 hours'"
            " order by ended_at limit 1000",
            {"ix_notification_deliveries_ended"},
        ),
        "sign-ins that ended long ago": (
            "delete from ended_sign_ins where ended_at < now() - interval '33 hours'",
            {"ix_ended_sign_ins_ended_at"},
        ),
        "whose token it is": ("select * from users where id = 7", {"pk_users"}),
    }


@pytest.fixture(scope="module")
def full(running: Expedite) -> Expedite:
    running.query(fill(FINISHED + READY + OPEN, OPEN, READY))
    return running


OLD, RECENT = 200_000, 3_000
# A thousand orders a day for some months, and then two busy days; each with its history.
FILL_DAYS = """
    insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status, sequence,
            placed_at, updated_at)
        select 'ORD_' || to_char(at, 'YYYYMMDD') || '_' || n, 'Ada',
            (array['dine_in', 'takeout', 'delivery'])[1 + n %% 3], 20, 1, 10, 'completed',
            4, at, at
        from generate_series(1, {old} + {recent}) n, lateral (
            select now() - case when n <= {old} then interval '2 days' + ({old} - n) * interval '86 seconds'
                else ({old} + {recent} - n) * interval '50 seconds' end as at
        ) placed;
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
        select id, step, (array['received', 'cooking', 'ready', 'completed'])[step], 'mario',
            placed_at + step * interval '100 seconds'
        from orders, generate_series(1, 4) step order by placed_at + step * interval '100 seconds'
"""


def asked_by_the_dashboard() -> dict[str, tuple[str, set[str]]]:
    """Of the orders of two days."""
    now = datetime.now(UTC)
    two = days.of_now(now, ZoneInfo("UTC"))
    since = {"since": two.before_begins, "ends": two.ends}
    today = {"begins": two.begins, "ends": two.ends}
    by_key = {"ix_orders_placed_at", "pk_order_status_log"}
    return {
        "orders by hour": (plain(reading._HOURS, **since, by_then=two.by_then), {"ix_orders_placed_at"}),
        "times in steps": (plain(reading._STEPS, **since, begins=two.begins), by_key),
        "what each has done": (plain(reading._DONE, **today), by_key),
    }


@pytest.fixture(scope="module")
def years(postgres: Postgres) -> Iterator[Expedite]:
    """A house that has been open for long."""
    with copied_database(postgres.url) as database_url:
        running = Expedite(database_url, "")
        running.query(FILL_DAYS.format(old=OLD, recent=RECENT))
        running.query("vacuum analyze")  # as PostgreSQL does by itself in time
        yield running


@pytest.mark.parametrize("name", asked_by_the_dashboard())
def test_the_dashboard_reads_two_days_however_many_there_have_been(years: Expedite, name: str) -> None:
    query, indices = asked_by_the_dashboard()[name]
    explained(years, query)
    whole = explained(years, query)
    plan = nodes(whole)
    assert {node["Index Name"] for node in plan if "Index Name" in node} == indices
    assert not [node for node in plan if node["Node Type"] == "Seq Scan"]
    read = int(whole["Shared Hit Blocks"] + whole["Shared Read Blocks"])
    [(orders,)] = years.query("select pg_relation_size('orders') / 8192")
    # A sixtieth of the orders, with what lies beside them; and for each, some pages of its history.
    assert read < orders / 10 + (5 * RECENT if "pk_order_status_log" in indices else 0)


@pytest.mark.parametrize("asked", [{"from": 0, "to": 1}, {"to": 1}, {"from": 0, "sort": "placed_at"}])
def test_a_page_of_long_ago_reads_no_more_than_its_days(years: Expedite, asked: dict[str, Any]) -> None:
    [(day,)] = years.query("select min(placed_at)::date + 30 from orders")
    moments = {name: str(day + timedelta(days=at)) for name, at in asked.items() if name != "sort"}
    wanted = paging.read({**asked, **moments})
    listed = listing.read(wanted, Person("employee"), ZoneInfo("UTC"))
    by = Order.id if "sort" in asked else Order.id.desc()
    statement = select(Order).where(*listed.conditions).order_by(by).limit(50)
    explained(years, plain(statement))
    plan = explained(years, plain(statement))
    assert plan["Actual Rows"] == 50
    # Some days more than are asked for, of a thousand orders each.
    assert int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) < 300


def test_what_can_be_recalled_is_found_however_many_nobody_completed(expedite: Expedite) -> None:
    expedite.query(fill(5_000, 10, 4_000))
    expedite.query(
        "update orders set updated_at = now() - interval '1 day', completed_at = now() - interval '1 day'"
    )
    expedite.query("update orders set updated_at = now(), completed_at = now() where id <= 3 and status = 'ready'")
    expedite.query("vacuum analyze orders")
    query, _ = asked_all_the_time()["what a board can recall"]
    explained(expedite, query)
    plan = explained(expedite, query)
    assert int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) < 20


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
    asked = {**asked_all_the_time(), **asked_by_the_dashboard()}
    used = {index for _, indices in asked.values() for index in indices}
    keys = {
        str(constraint.name)  # these keep rules, whoever looks something up by them
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
    }
    there = {row[0] for row in full.query("select indexname from pg_indexes where schemaname = 'public'")}
    assert there - keys - {"alembic_version_pkc"} <= used
    assert used <= there


def test_an_orders_status_costs_the_same_however_many_orders_there_are(full: Expedite, expedite: Expedite) -> None:
    expedite.query(fill(100, 10))

    def pages(running: Expedite, name: str) -> int:
        query, _ = asked_all_the_time()[name]
        explained(running, query)
        plan = explained(running, query)
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    # A level or two more of each index, and no more.
    assert pages(full, "statuses") <= pages(expedite, "statuses") + 2
    assert pages(full, "a history") <= pages(expedite, "a history") + 5


def test_what_screens_show_costs_the_same_however_many_are_ready(full: Expedite) -> None:
    query, _ = asked_all_the_time()["what screens show"]
    plan = explained(full, query)
    shown = plan["Actual Rows"]
    assert shown == OPEN + open_orders.MAX_SHOWN["ready"]
    assert max(node["Actual Rows"] for node in nodes(plan)) == shown
    scans = [node for node in nodes(plan) if "Relation Name" in node]
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in scans) < 10 * shown


ROWS_READ = "select (seq_tup_read + idx_tup_fetch)::int from pg_stat_user_tables where relname = 'orders'"


@pytest.mark.parametrize("service", ["order_service", "tracking_service"])
def test_those_who_ask_for_waiting_orders_share_a_look_at_the_queue(expedite: Expedite, service: str) -> None:
    expedite.query(fill(3_000, 3_000))
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
    breaker = Breaker(config, lambda: None)
    prepared: StatusReader | Mover = (
        StatusReader(config, breaker) if what == "a status" else Mover(config, breaker)
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
    expedite.query(fill(3_000, 300).rstrip().removesuffix("analyze"))
    if when_planned == "analyzed when empty":  # what helps then is that plans grow old
        monkeypatch.setattr(group_commit, "monotonic", lambda: time.monotonic() + group_commit._PLAN_LIFE)
    eventually(lambda: expedite.query(READ)[0][0] > 3_000)  # foreign keys; sessions count when they end
    expedite.query("select pg_stat_reset()")
    ask("ORD_20260101_000042" if what == "a status" else "ORD_20260101_002999")
    prepared.close()
    eventually(lambda: expedite.query(READ)[0][0] > 0)
    assert expedite.query(READ)[0][0] < FEW
