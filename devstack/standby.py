"""A private PostgreSQL server that follows another one, until it is promoted."""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from devstack.postgres import Postgres
from devstack.processes import NOBODY, DevstackError, wait_until

PROMOTE_SECONDS = 60
STREAM_SECONDS = 30


class Standby(Postgres):
    """A copy of `primary` in a folder of its own, which streams what is written there and can be read.

    Its application_name, by which `synchronous_standby_names` knows it, is `standby`. It has the primary's
    password.
    """

    name = "standby"

    def __init__(self, folder: Path, primary: Postgres, *, durable: bool = True) -> None:
        super().__init__(folder, durable=durable, password=primary.password)
        self.primary = primary

    @property
    def url_of_both(self) -> str:
        """The address with both servers' hosts, the primary's first."""
        hosts, _, database = self.primary.url.rpartition("/")
        return f"{hosts},127.0.0.1:{self.port}/{database}"

    def confirm_commits(self) -> None:
        """From now on the primary's commits wait until this standby has them (synchronous replication). Raises
        DevstackError when it does not stream within 30 seconds."""
        _ask(self.primary.url, f"alter system set synchronous_standby_names = '{self.name}'")
        _ask(self.primary.url, "select pg_reload_conf()")
        in_step = (
            f"select 1 from pg_stat_replication where sync_state = 'sync' and application_name = '{self.name}'"
        )
        if not wait_until(lambda: _ask(self.primary.url, in_step) == [(1,)], STREAM_SECONDS):
            raise DevstackError(f"the standby does not stream:\n{self.last_lines()}")

    def promote(self) -> float:
        """From now on it takes writes; gives the seconds that took. Raises DevstackError after a minute."""
        began = time.monotonic()
        if _ask(self.url, f"select pg_promote(true, {PROMOTE_SECONDS})") != [(True,)]:
            raise DevstackError(f"the standby was not promoted:\n{self.last_lines()}")
        return time.monotonic() - began

    def _creation(self, binaries: Path, fresh: Path) -> list[str | Path]:
        passwords = self.folder / "primary.pgpass"
        passwords.touch(mode=0o600)
        passwords.write_text(f"127.0.0.1:{self.primary.port}:*:expedite:{self.password}\n")
        if os.geteuid() == 0:
            os.chown(passwords, NOBODY, NOBODY)
        primary = f"host=127.0.0.1 port={self.primary.port} user=expedite passfile='{passwords}'"
        return [
            *(binaries / "pg_basebackup", "-D", fresh, "--no-password"),
            f"--dbname={primary} application_name={self.name}",
            *("--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf"),
        ]


def _ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url, connect_timeout=5)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
