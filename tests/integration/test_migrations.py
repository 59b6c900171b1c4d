"""The models and the migrations describe the same tables, and the house stays open while they run."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, create_engine, inspect

from common.notifications import tables as _notifications  # noqa: F401  (its tables are of the same metadata)
from common.orders.tables import Base
from common.postgres.sessions import DIALECT
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite
from tests.support.locks import held, waiting_for_locks


def differences(database_url: str) -> list[object]:
    engine = create_engine(DIALECT, creator=lambda: psycopg2.connect(database_url))
    try:
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))
    finally:
        engine.dispose()


def constraints(database_url: str) -> set[tuple[str, str]]:
    engine = create_engine(DIALECT, creator=lambda: psycopg2.connect(database_url))
    try:
        found = inspect(engine)
        return {
            (table, str(check["name"]))
            for table in Base.metadata.tables
            for check in found.get_check_constraints(table)
        }
    finally:
        engine.dispose()


def alembic(database_url: str, *arguments: str) -> str:
    return subprocess.run(
        [Path(sys.executable).parent / "alembic", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
    ).stdout


def test_models_and_migrations_agree(database_url: str) -> None:
    assert differences(database_url) == []
    assert constraints(database_url) == {
        (table.name, str(each.name))
        for table in Base.metadata.tables.values()
        for each in table.constraints
        if isinstance(each, CheckConstraint)
    }


def test_migrations_go_all_the_way_down_and_up_again(database_url: str, expedite: Expedite) -> None:
    alembic(database_url, "downgrade", "base")
    left = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')"
    assert expedite.query(left) == [("alembic_version",)]
    assert expedite.query("select proname from pg_proc where pronamespace = 'public'::regnamespace") == []
    alembic(database_url, "upgrade", "head")
    assert differences(database_url) == []
    assert expedite.query("select tgname from pg_trigger where tgname = 'wake_relay'") == [("wake_relay",)]


# --- while the house is open -------------------------------------------------------------------------------

REVISIONS = [each.revision for each in ScriptDirectory(str(ROOT / "alembic")).walk_revisions()][::-1]

#: What has others wait for as long as a table is large, or breaks what old code still does.
_FORBIDDEN = {
    "an index is made or dropped CONCURRENTLY": r"(create( unique)? index|drop index) (?!concurrently)",
    "a rule for rows is NOT VALID at first": r"add constraint (?!.*not valid)",
    "a type is not changed in place": r"alter column \w+ (set data )?type",
    "a column that is there may stay empty": r"alter column \w+ set not null",
    "a new column is empty or constant": r"add column (?!.*default ('?\d|'\{\}'|true|false)).*(default|not null)",
    "nothing is renamed under old code": r"rename (column|to)",
    "no table is rewritten": r"(vacuum full|cluster|alter table .* set (un)?logged)",
}


def breaches(sql: str) -> list[str]:
    """The rules that a revision's statements break, for tables that it did not make itself."""
    new = set(re.findall(r"create table (\w+)", sql.lower()))
    found = []
    for statement in re.split(r";\s*\n", sql.lower()):
        words = " ".join(statement.split())
        table = re.search(r"(?:alter table(?: only)?|index .* on) (\w+)", words)
        if table is None or table[1] not in new:
            found += [f"{rule}: {words}" for rule, pattern in _FORBIDDEN.items() if re.search(pattern, words)]
    return found


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_revision_keeps_nobody_from_working(revision: str) -> None:
    before = "base" if revision == REVISIONS[0] else REVISIONS[REVISIONS.index(revision) - 1]
    sql = alembic("postgresql://nowhere/nothing", "upgrade", f"{before}:{revision}", "--sql")
    assert "version_num" in sql.lower()
    assert breaches(sql) == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX ix ON orders (status)",
        "CREATE UNIQUE INDEX ix ON orders (status)",
        "DROP INDEX ix_orders_open",
        "ALTER TABLE orders ADD CONSTRAINT ck CHECK (total_amount > 0)",
        "ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY(a) REFERENCES users (id)",
        "ALTER TABLE orders ALTER COLUMN total_amount TYPE NUMERIC(12, 2)",
        "ALTER TABLE orders ALTER COLUMN reason SET NOT NULL",
        "ALTER TABLE orders ADD COLUMN token UUID DEFAULT gen_random_uuid()",
        "ALTER TABLE orders ADD COLUMN tip NUMERIC NOT NULL",
        "ALTER TABLE orders RENAME COLUMN reason TO why",
    ],
)
def test_the_rules_are_seen_to_be_broken(statement: str) -> None:
    assert breaches(f"{statement};\n")
    new = "CREATE TABLE orders (\n id BIGINT\n);\n" if "INDEX ix ON" in statement or "TABLE" in statement else ""
    assert not new or breaches(f"{new}{statement};\n") == []


def test_a_table_in_use_is_waited_for_and_others_are_let_past(database_url: str, expedite: Expedite) -> None:
    """A long look at orders, a backup's say, keeps a migration from its lock; orders go on meanwhile."""
    alembic(database_url, "downgrade", "0003")
    with ThreadPoolExecutor(1) as pool:
        with held(expedite, "select from orders"):
            migrating = pool.submit(alembic, database_url, "upgrade", "head")
            eventually(lambda: waiting_for_locks(expedite) == 1)
            # Whoever comes waits for a moment, behind the migration, and no longer than it waits.
            for _ in range(3):
                expedite.query("set statement_timeout = '5s'; update orders set reason = null")
            assert not migrating.done()
        migrating.result(60)
    assert differences(database_url) == []


def test_two_at_once_do_it_once(database_url: str) -> None:
    alembic(database_url, "downgrade", "0002")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: alembic(database_url, "upgrade", "head"), range(3)))
    assert differences(database_url) == []


def test_an_index_that_was_made_by_half_is_made_again(database_url: str, expedite: Expedite) -> None:
    alembic(database_url, "downgrade", "0004")
    expedite.query("create index ix_orders_customer on orders (customer_id)")
    expedite.query("update pg_index set indisvalid = false where indexrelid = 'ix_orders_customer'::regclass")
    alembic(database_url, "upgrade", "head")
    assert differences(database_url) == []
    assert expedite.query("select count(*) from pg_index where not indisvalid") == [(0,)]
    assert expedite.query("select count(*) from pg_constraint where not convalidated") == [(0,)]
