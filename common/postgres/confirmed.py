"""Connections that end in doubt, and not in an answer, when PostgreSQL itself is in doubt.

With synchronous replication a commit waits until a standby has it, too. When somebody cancels that wait,
PostgreSQL warns that the standby may not have the transaction, and reports success. A server that was made read
only refuses writes, on connections that were opened before, too. Neither may look like an order that was taken, or
like a mistake of ours.
"""

import logging
from typing import Any

import psycopg2
from psycopg2.errors import ReadOnlySqlTransaction

from common.observability import logs


class Unconfirmed(psycopg2.OperationalError):
    """It is committed at this server, and perhaps at no other."""


class TakesNoWrites(psycopg2.OperationalError):
    """The server has become a standby, or read only. The connection is closed."""


class Connection(psycopg2.extensions.connection):
    """psycopg2's, whose commits raise Unconfirmed, and whose statements raise TakesNoWrites.

    Any warning counts as the one about the standby: its words are in the server's language, and psycopg2 passes on
    no code. Others are not to be expected: connect_options() has notices left out.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cursor_factory = _Cursor
        self.notices.clear()  # what was said in greeting, of the password's age say

    def commit(self) -> None:
        super().commit()
        self.must_be_confirmed()

    def must_be_confirmed(self) -> None:
        """Raises Unconfirmed when PostgreSQL has warned since the last time."""
        if self.notices:
            said = " ".join("".join(self.notices).split())
            self.notices.clear()
            logs.event("db_commit_unconfirmed", f"PostgreSQL warned: {said}", logging.ERROR)
            raise Unconfirmed(said)


class _Cursor(psycopg2.extensions.cursor):
    def execute(self, query: Any, vars: Any = None) -> None:
        connection: Any = self.connection
        try:
            super().execute(query, vars)
        except ReadOnlySqlTransaction as exc:
            connection.close()
            raise TakesNoWrites(str(exc)) from exc
        connection.must_be_confirmed()
