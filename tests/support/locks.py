"""Locks that somebody else holds."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2

from tests.support.expedite import Expedite


@contextlib.contextmanager
def held(expedite: Expedite, statement: str, *parameters: Any) -> Iterator[None]:
    """What `statement` locks stays locked for the length of a block."""
    connection = psycopg2.connect(expedite.database_url)
    try:
        connection.cursor().execute(statement, parameters)
        yield
    finally:
        connection.close()


def waiting_for_locks(expedite: Expedite) -> int:
    """How many sessions wait for a lock."""
    [(count,)] = expedite.query(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    )
    return int(count)
