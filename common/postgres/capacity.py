"""Whether PostgreSQL has room for what this process may hold, and keeps to its bounds."""

import logging

from sqlalchemy import text

from common.observability import logs
from common.postgres.sessions import Sessions
from common.settings import Settings

#: What a process holds of PostgreSQL's connections besides its pool: group commit, relay, a worker's lock, what
#: wakes streams, and a probe's at times. docs/operations.md adds them up.
_BESIDE_THE_POOL = {"order_service": 3, "kitchen_service": 5, "tracking_service": 4, "notifier_service": 2}
_ROOM = text("""
    select least(
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0),
            (select nullif(datconnlimit, -1) from pg_database where datname = current_database()),
            (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user)
        ) as most,
        (select count(*) from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid()) as open,
        (select setting::int / 1000.0 from pg_settings where name = 'statement_timeout') as statement_timeout
""")


def warn_if_scarce(sessions: Sessions, settings: Settings, service_name: str) -> None:
    """Log it when this process may want more connections than PostgreSQL has left, with the sum; and when a
    connection has no time limit for statements, as a pooler gives them that was not told of it. Raises
    Unavailable."""
    through_a_pooler = settings.session_url != settings.database_url
    own = _BESIDE_THE_POOL[service_name] + (0 if through_a_pooler else settings.db_pool_size)
    with sessions.begin_in_background() as session:
        found = session.execute(_ROOM).one()
    if found.open + own > found.most:
        logs.event(
            "db_connections_scarce",
            f"this process may hold {own} connections, which with the {found.open} that are open makes"
            f" {found.open + own}, and PostgreSQL takes {found.most}: raise max_connections or lower DB_POOL_SIZE",
            logging.WARNING,
            own=own,
            open=found.open,
            most=found.most,
        )
    if found.statement_timeout == 0:
        logs.event(
            "db_statements_unbounded",
            "the pool has no statement_timeout: a pooler has to set it, as deploy/pgbouncer.ini does",
            logging.WARNING,
        )
