"""Migrations run against the database that config.yml names (DATABASE_URL in the environment), while the
restaurant is open. The rules for that stand in docs/operations.md, and tests/integration/test_migrations.py holds
each of them.
"""

import logging
import time
from logging.config import fileConfig
from pathlib import Path

from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import OperationalError

from alembic import context
from common.notifications import tables as _notifications  # noqa: F401  (its tables are of the same metadata)
from common.orders.tables import Base
from common.postgres import servers
from common.postgres.sessions import DIALECT
from common.settings import Settings, load_config

_ONE_AT_A_TIME = 0x0D7B0C6  # advisory lock: two migrations started at once wait for each other
# Whoever waits for a table's lock has all others wait behind it. So a migration gives up soon, and tries again.
_LOCK_TIMEOUT_MS = 1500
_CONNECT_SECONDS = 10
_TRIES = 40
_PAUSE = 1.5  # seconds between two tries, in which those who waited go on
_TURN_SECONDS = 900.0  # that another migration is waited for
_log = logging.getLogger("alembic.runtime.migration")

if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)


def run() -> None:
    """Bring the database to the wanted revision."""
    if context.is_offline_mode():  # --sql: for who wants to read it first
        context.configure(dialect_name="postgresql", literal_binds=True, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    config = load_config(Path(__file__).parent.parent / "config.yml")
    address = Settings.of(config, "order_service").session_url
    session = f"-c lock_timeout={_LOCK_TIMEOUT_MS} -c client_min_messages=warning"
    options = {"connect_timeout": _CONNECT_SECONDS, "options": session}
    engine = create_engine(
        DIALECT,
        poolclass=pool.NullPool,
        creator=lambda: servers.connect(address, _CONNECT_SECONDS, **options),
    )
    with engine.connect() as connection:
        _wait_for_our_turn(connection)
        for attempt in range(1, _TRIES + 1):
            try:
                _migrate(connection)
                return
            except OperationalError as exc:
                if not isinstance(exc.orig, LockNotAvailable) or attempt == _TRIES:
                    raise
            _log.warning("a table is in use; waiting, and trying again (%s of %s)", attempt, _TRIES)
            time.sleep(_PAUSE)


def _migrate(connection: Connection) -> None:
    """Each revision in a transaction of its own: what is done stays done when a later one is tried again."""
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def _wait_for_our_turn(connection: Connection) -> None:
    """By asking: who waits in a statement holds a snapshot, and an index that is made meanwhile waits for that."""
    deadline = time.monotonic() + _TURN_SECONDS
    while not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _ONE_AT_A_TIME}):
        connection.commit()
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"another migration has run for {_TURN_SECONDS:g} s; wait for it, and run this again"
            )
        time.sleep(_PAUSE / 3)
    connection.commit()


run()
