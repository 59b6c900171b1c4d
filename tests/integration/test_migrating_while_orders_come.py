"""A database full of orders is migrated while customers go on ordering."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.integration.test_migrations import alembic, differences
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite

FULL = 2000  # orders
PATIENCE = 5  # seconds that a customer's statement waits for a lock, as STATEMENT_TIMEOUT lets it

# What reads or writes all of a table takes seconds when it is big; here every such statement takes three.
_BIG_TABLES = """
    create schema watch;
    create table watch.slow (statement text);
    create function watch.be_slow() returns event_trigger language plpgsql as $$
    begin
        if current_query() ~* 'create (unique )?index'
            or current_query() ~* 'alter table .*(validate|foreign key|check|unique|set not null)'
            and current_query() !~* 'not valid'
        then
            insert into watch.slow values (current_query());
            perform pg_sleep(3);
        end if;
    end $$;
    create function watch.refuse() returns event_trigger language plpgsql as $$
    begin
        raise 'all of a table is written anew';
    end $$;
    create event trigger be_slow on ddl_command_end execute function watch.be_slow();
    create event trigger refuse on table_rewrite execute function watch.refuse();
"""
_PLACE = (
    "insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,"
    " sequence, placed_at, updated_at) values (%s, 'Ada', 'takeout', 15.99, 1, 10, 'received', 1, now(), now())"
)


@pytest.fixture
def old(database_url: str, expedite: Expedite) -> Expedite:
    """A database as it was before there were accounts, with orders and keys in it."""
    alembic(database_url, "downgrade", "0002")
    expedite.query(
        "insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,"
        " sequence, placed_at, updated_at) select 'OLD_' || n, 'Ada', 'takeout', 15.99, 1, 10, 'completed', 3,"
        f" now(), now() from generate_series(1, {FULL}) n"
    )
    expedite.query(
        "insert into idempotency_keys (key, fingerprint, created_at) select 'key ' || n, '', now()"
        f" from generate_series(1, {FULL}) n"
    )
    return expedite


def upgrade(database_url: str, log: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [Path(sys.executable).parent / "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        stdout=log.open("ab"),
        stderr=subprocess.STDOUT,
    )


@contextlib.contextmanager
def session(url: str, statement: str) -> Iterator[None]:
    """Another session, in a transaction that has run `statement`, for the length of a block."""
    connection = psycopg2.connect(url)
    try:
        connection.cursor().execute(statement)
        yield
    finally:
        connection.close()


@contextlib.contextmanager
def customers(url: str, patience: float) -> Iterator[list[str]]:
    """They place orders and read them while the block runs; gives what they were refused."""
    refused: list[str] = []
    placed = 0
    is_over = threading.Event()

    def order_on() -> None:
        nonlocal placed
        connection = psycopg2.connect(url, options=f"-c lock_timeout={patience}s")
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            while not is_over.wait(0.02):
                try:
                    cursor.execute(_PLACE, (f"NEW_{placed}",))
                    cursor.execute("select status from orders where number = %s", (f"NEW_{placed}",))
                    placed += 1
                except psycopg2.Error as exc:
                    refused.append(str(exc))

    thread = threading.Thread(target=order_on)
    thread.start()
    try:
        eventually(lambda: placed > 0)
        yield refused
        already = placed
        eventually(lambda: placed > already)
    finally:
        is_over.set()
        thread.join(30)


@pytest.mark.matrix
def test_orders_come_while_big_tables_are_changed(old: Expedite, database_url: str, tmp_path: Path) -> None:
    old.query(_BIG_TABLES)
    with customers(database_url, patience=1) as refused:
        assert upgrade(database_url, tmp_path / "log").wait(60) == 0, (tmp_path / "log").read_text()
    assert refused == []
    assert old.query("select count(*) from watch.slow") != [(0,)]

    assert differences(database_url) == []
    assert old.query("select conname from pg_constraint where not convalidated") == []
    assert old.query("select indexrelid::regclass from pg_index where not indisvalid") == []
    assert old.query("select count(*) from orders where number like 'OLD%%'") == [(FULL,)]
    assert old.query("select count(*) from idempotency_keys where key like 'guest:key %%'") == [(FULL,)]


@pytest.mark.matrix
def test_who_reads_for_long_holds_nobody_up(old: Expedite, database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with customers(database_url, PATIENCE) as refused:
        with session(database_url, "select 1 from orders limit 1"):
            migration = upgrade(database_url, log)
            eventually(lambda: refused or log.read_text().count("trying again") == 2, within=40)
        assert migration.wait(60) == 0, log.read_text()
    assert refused == []
    assert differences(database_url) == []


def test_an_index_that_was_interrupted_is_built_anew(old: Expedite, database_url: str, tmp_path: Path) -> None:
    valid = "select indisvalid from pg_index where indexrelid = to_regclass('ix_orders_customer')"
    # The build waits for this transaction, which is older.
    with session(database_url, "begin isolation level repeatable read; select 1"):
        migration = upgrade(database_url, tmp_path / "log")
        building = (
            "select pid from pg_stat_activity where query ilike 'create index%%' and wait_event_type = 'Lock'"
        )
        ((pid,),) = eventually(lambda: old.query(f"{building} and datname = current_database()"), within=30)
        with customers(database_url, patience=1) as refused:
            assert old.query(valid) == [(False,)]
        assert refused == []
        old.query("select pg_terminate_backend(%s)", pid)
        assert migration.wait(30) != 0
    assert old.query(valid) == [(False,)]
    alembic(database_url, "upgrade", "head")
    assert old.query(valid) == [(True,)]
    assert differences(database_url) == []


@pytest.mark.matrix
def test_two_migrations_at_once_are_one(old: Expedite, database_url: str, tmp_path: Path) -> None:
    old.query(_BIG_TABLES)
    both = [upgrade(database_url, tmp_path / f"log{n}") for n in range(2)]
    assert [migration.wait(60) for migration in both] == [0, 0]
    said = "".join((tmp_path / f"log{n}").read_text() for n in range(2))
    assert said.count("Running upgrade 0002 -> ") == 1
    assert differences(database_url) == []
