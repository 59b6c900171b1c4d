"""The models and the migrations describe the same tables."""

import os
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, create_engine, inspect

from common.models import Base
from common.settings import sqlalchemy_url
from tests.expedite import ROOT, Expedite


def differences(database_url: str) -> list[object]:
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True}
            return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))
    finally:
        engine.dispose()


def constraints(database_url: str) -> set[tuple[str, str]]:
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        found = inspect(engine)
        return {
            (table, str(check["name"]))
            for table in Base.metadata.tables
            for check in found.get_check_constraints(table)
        }
    finally:
        engine.dispose()


def alembic(database_url: str, *arguments: str) -> None:
    subprocess.run(
        [Path(sys.executable).parent / "alembic", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        check=True,
        capture_output=True,
        timeout=60,
    )


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
