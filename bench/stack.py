"""What is measured on: a durable PostgreSQL and a RabbitMQ of our own, and sites on them."""

import contextlib
import datetime
import fcntl
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import amqp
import psycopg2
from kombu.utils.url import parse_url

from bench.drivers import MEMORY, ROOT, BenchError
from bench.plan import A_DAY
from bench.revisions import NOW, Code, unpacked
from bench.site import Site
from common.settings import ConfigReader, load_config
from devstack.launcher import migrate
from devstack.postgres import Postgres
from devstack.processes import say, wait_until
from devstack.rabbitmq import RabbitMQ

_FILL_SECONDS = 900
_BITE = 100_000  # orders that one statement fills in
_CUSTOMERS = """
    insert into users (email, username, username_key, password_hash, role)
    select 'ada' || n || '@example.com', 'ada' || n, 'ada' || n, 'x', 'customer' from generate_series(0, 999) as n
"""
# Those that are given out next begin behind them.
_NUMBERS = """
    insert into order_numbers
    select to_date(substr(number, 5, 8), 'YYYYMMDD'), max(substr(number, 14)::int) from orders
    where placed_at > now() - interval '2 days' group by 1
"""
_OPEN_FILES = 65_536
_REST_SECONDS = 60.0
_COMMITS = 200
_PAUSE_MS = 10
_QUICK_MS = 20
#: When the disk is at rest, in words.
RESTING = f"none of {_COMMITS} commits, one every {_PAUSE_MS} ms, took more than {_QUICK_MS} ms"


class Stack:
    """The servers, and the sites on them. Made by `running()`."""

    def __init__(
        self, folder: Path, postgres: Postgres, rabbitmq: RabbitMQ, codes: Sequence[Code] = (NOW,)
    ) -> None:
        self.folder = folder
        self.codes = codes  # what is compared, today's last
        self._postgres = postgres
        self.rabbitmq = rabbitmq
        self._sites = 0
        self.restless = 0  # sites that were used although the disk did not come to rest

    @property
    def postgres_pid(self) -> int:
        """The process id of PostgreSQL's first process, the parent of all its others."""
        return self._postgres.pid

    @contextlib.contextmanager
    def site(self, template: str | None = None, code: Code = NOW, *, in_place: bool = False) -> Iterator[Site]:
        """A new copy of a database, the disk at rest, and an empty virtual host, for the length of a block.

        Without a template the database has the code's tables and no rows. One that is too large to be copied again
        and again is used `in_place`, and keeps what is done to it.
        """
        template = template or code.tables
        self._sites += 1
        name = f"site_{self._sites}"
        database = template if in_place else name
        if not in_place:
            # File by file, and with a checkpoint: so the first load pays for no writing that came before.
            self._administer(f"create database {name} template {template} strategy file_copy")
        self._administer("checkpoint")
        os.sync()  # nor for what other programs, and the last load, left to be written
        if not wait_until(self._disk_rests, _REST_SECONDS):
            self.restless += 1
        amqp_uri = self.rabbitmq.add_vhost(name)
        try:
            with tempfile.TemporaryDirectory(prefix="expedite.", dir=MEMORY) as folder:
                site = Site(Path(folder), self._url(database), amqp_uri, code)
                try:
                    yield site
                finally:
                    site.close()
        finally:
            self.rabbitmq.delete_vhost(name)
            self._administer(f"drop database if exists {name} with (force)")

    @property
    def postgres_port(self) -> int:
        """Where PostgreSQL listens."""
        return self._postgres.port

    def make_tables(self) -> None:
        """Makes the databases that others are copies of. Raises BenchError when that fails."""
        for code in self.codes:
            self._administer(f"create database {code.tables}")
            migrate(self._url(code.tables), code.folder)

    def check_codes(self) -> None:
        """Raises BenchError when services would not run the code that their figures are said to be of."""
        for code in self.codes:
            with self.site(code=code) as site:
                site.check_code()

    def make_template(self, name: str, rows: int, mixed: int, code: Code = NOW) -> None:
        """Makes a database of orders, the newest `mixed` of which are received, cooking and ready in turn."""
        self._administer(f"create database {name} template {code.tables}")
        with contextlib.closing(psycopg2.connect(self._url(name), connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                # The rows are right: looking each one's order up would take most of the time.
                cursor.execute("set session_replication_role = replica")
                cursor.execute(f"set statement_timeout = '{_FILL_SECONDS}s'")
                cursor.execute(_CUSTOMERS)
                fill = (code.folder / "bench/fill.sql").read_text()
                now = datetime.datetime.now(datetime.UTC)
                for most in range(rows, 0, -_BITE):
                    bite = {"least": max(0, most - _BITE), "most": most, "a_day": A_DAY, "now": now}
                    cursor.execute(fill, {"rows": rows, "mixed": mixed, **bite})
                cursor.execute(_NUMBERS)
                cursor.execute("vacuum (analyze)")

    def drop_template(self, name: str) -> None:
        """Deletes what make_template() made."""
        self._administer(f"drop database if exists {name} with (force)")

    def versions(self) -> dict[str, str]:
        """The servers' versions."""
        at = parse_url(self.rabbitmq.amqp_uri)
        with amqp.Connection(
            f"{at['hostname']}:{at['port']}", at["userid"], at["password"], connect_timeout=5
        ) as connection:
            rabbitmq = str(connection.server_properties["version"])
        [[postgresql]] = self._administer("show server_version")
        return {"PostgreSQL": str(postgresql), "RabbitMQ": rabbitmq}

    def _disk_rests(self) -> bool:
        """RESTING."""
        with contextlib.closing(psycopg2.connect(self._postgres.url, connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for _ in range(_COMMITS):
                    time.sleep(_PAUSE_MS / 1000)
                    began = time.monotonic()
                    cursor.execute("select pg_logical_emit_message(true, 'bench', '')")  # written, and to no table
                    if time.monotonic() - began > _QUICK_MS / 1000:
                        return False
        return True

    def _url(self, database: str) -> str:
        return self._postgres.url.rpartition("/")[0] + f"/{database}"

    def _administer(self, statement: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(psycopg2.connect(self._postgres.url, connect_timeout=5)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def running(against: str | None = None) -> Iterator[Stack]:
    """Servers of our own for the length of a block, in a folder that is gone afterwards.

    With `against`, a commit, its code is there to be measured, too.

    The folder is in the checkout: /tmp may be memory, where a commit costs nothing.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, most) if most > 0 else _OPEN_FILES, most))
    state = ROOT / ".devstack"
    state.mkdir(exist_ok=True)
    with contextlib.ExitStack() as started:
        lock = started.enter_context((state / "bench.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError("it runs in this checkout already, and would measure both") from None
        for left in state.glob("bench.*/"):  # by one that was killed
            shutil.rmtree(left)
        folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="bench.", dir=state)))
        codes = [NOW] if against is None else [started.enter_context(unpacked(against)), NOW]
        say("starting PostgreSQL and RabbitMQ")
        postgres = Postgres(folder / "postgres", durable=True)
        started.callback(postgres.stop)
        postgres.start()
        rabbitmq = RabbitMQ(folder / "rabbitmq", state / "rabbitmq-server")
        started.callback(rabbitmq.stop)
        rabbitmq.start()
        stack = Stack(folder, postgres, rabbitmq, codes)
        stack.make_tables()
        try:
            if against is not None:
                stack.check_codes()
            yield stack
        finally:
            # Whoever asks a second time would keep us from ending what runs.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)


def refuses_beyond() -> int:
    """How many requests at once a process takes: MAX_CONCURRENT, as the services have it."""
    return ConfigReader(load_config(ROOT / "config.yml")).whole("MAX_CONCURRENT", 1, 10_000)
