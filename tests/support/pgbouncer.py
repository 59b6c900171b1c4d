"""PgBouncer before a PostgreSQL, with the deployment's configuration: deploy/pgbouncer.ini."""

import os
import re
import signal
import subprocess
from pathlib import Path

import psycopg2

from devstack.postgres import Postgres
from devstack.processes import NOBODY, command_for, free_port
from tests.support.eventually import eventually
from tests.support.expedite import ROOT
from tests.support.packages import program


class PgBouncer:
    """On 127.0.0.1, with `pool_size` connections to PostgreSQL. `connect_query` is what it says on each of them,
    in place of the deployment's."""

    def __init__(self, folder: Path, postgres: Postgres, pool_size: int, connect_query: str | None = None) -> None:
        folder.mkdir()
        self.port = free_port()
        self.url = postgres.url.replace(f":{postgres.port}/", f":{self.port}/")
        users = folder / "userlist.txt"
        text = (ROOT / "deploy/pgbouncer.ini").read_text()
        for given, here in {
            "host=postgres port=5432": f"host=127.0.0.1 port={postgres.port}",
            "listen_addr = *": "listen_addr = 127.0.0.1",
            "listen_port = 6432": f"listen_port = {self.port}",
            "auth_file = userlist.txt": f"auth_file = {users}",
            "default_pool_size = 20": f"default_pool_size = {pool_size}",
        }.items():
            assert given in text
            text = text.replace(given, here)
        if connect_query is not None:
            text = re.sub("connect_query='.*'", f"connect_query='{connect_query}'", text)
        self._settings = folder / "pgbouncer.ini"
        self._settings.write_text(text)
        users.touch(mode=0o600)
        users.write_text(f'"expedite" "{postgres.password}"\n')
        if os.geteuid() == 0:  # it refuses to run as root
            os.chown(users, NOBODY, NOBODY)
        self._log = folder / "log"
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it takes connections."""
        path, libraries = program("pgbouncer", "pgbouncer")
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                command_for([path, self._settings], dies_with=signal.SIGKILL, as_nobody=os.geteuid() == 0),
                env={**os.environ, "LD_LIBRARY_PATH": libraries},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually(self._takes_connections)

    def kill(self) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait(10)
            self._popen = None

    def _takes_connections(self) -> bool:
        assert self._popen is not None
        assert self._popen.poll() is None, self._log.read_text()
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError as exc:
            raise AssertionError(f"{exc}{self._log.read_text()}") from exc
        return True
