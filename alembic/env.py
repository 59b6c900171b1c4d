"""Migrations run against the database that config.yaml names (DATABASE_URL in the environment)."""

from logging.config import fileConfig
from pathlib import Path

from sqlalchemy import create_engine, pool, text

from alembic import context
from common.models import Base
from common.settings import database_url, load, sqlalchemy_url

_ONE_AT_A_TIME = 0x0D7B0C6  # advisory lock: two migrations started at once wait for each other

if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)


def run() -> None:
    """Bring the database to the wanted revision."""
    config = load(Path(__file__).parent.parent / "config.yaml")
    engine = create_engine(
        sqlalchemy_url(database_url(config, "order_service")),
        poolclass=pool.NullPool,
        connect_args={"connect_timeout": 10, "options": "-c lock_timeout=30000"},
    )
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        context.configure(connection=connection, target_metadata=Base.metadata)
        context.run_migrations()


run()
