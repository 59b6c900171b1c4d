"""What is measured: a durable PostgreSQL, a RabbitMQ, and services as `nameko run` starts them."""

import contextlib
import datetime
import fcntl
import json
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import amqp
import psycopg2
from kombu.utils.url import parse_url

from bench.drivers import MEMORY, ROOT, BenchError
from bench.revisions import NOW, Code, check_imports, unpacked
from common.settings import load
from devstack.postgres import Postgres
from devstack.processes import command_for, free_port, say, spawn, tail, wait_until
from devstack.rabbitmq import RabbitMQ

_READY_SECONDS = 60.0
_FILL_SECONDS = 900
_OPEN_FILES = 65_536
_REST_SECONDS = 60.0
_COMMITS = 200
_PAUSE_MS = 10
_QUICK_MS = 20
#: When the disk is at rest, in words.
RESTING = f"none of {_COMMITS} commits, one every {_PAUSE_MS} ms, took more than {_QUICK_MS} ms"
_PROGRAMS = Path(sys.executable).parent
_LISTENING = "0A"  # in /proc/net/tcp


class Site:
    """One Expedite: a database, a virtual host, and the processes of some code that were started on them.

    A process ends with the thread that started it: start it from the main thread.
    """

    def __init__(self, folder: Path, database_url: str, amqp_uri: str, code: Code = NOW) -> None:
        self.database_url = database_url
        self.code = code
        self.folder = folder
        self._ports = {name: free_port() for name in ("order", "kitchen", "tracking", "notifier", "empty")}
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "AMQP_URI": amqp_uri,
            "SECRET_KEY": secrets.token_hex(32),
            "PUBLIC_URL": self.url("order"),
            "PYTHONWARNINGS": "ignore",
            **{f"{name.upper()}_ADDRESS": f"127.0.0.1:{port}" for name, port in self._ports.items()},
        }
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._connection = psycopg2.connect(database_url, connect_timeout=5)
        self._connection.autocommit = True

    def url(self, name: str) -> str:
        """Where the processes of a service listen, all on the same port."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def start(self, name: str, processes: int = 1, **settings: Any) -> list[int]:
        """Starts processes of a service beside those that run; gives their ids when all take requests."""
        pids = self._spawn(name, processes, settings)
        self.wait(f"{name} to listen", lambda: _listeners(self._ports[name]) >= self._running(name))
        if name != "empty":
            self.wait(f"{name} to be ready", lambda: _answers(f"{self.url(name)}/health/ready"))
        return pids

    def start_workers(self, workers: int) -> list[int]:
        """Starts kitchen workers that cook in no time, at once; gives their ids without waiting for them."""
        return [
            pid
            for worker in range(workers)
            for pid in self._spawn("kitchen", 1, {"COOKING_SPEED": 0, "WORKER_NAME": f"worker_{worker + 1}"})
        ]

    def wait_for_workers(self, workers: int) -> None:
        """Until so many workers have registered."""
        online = "select count(*) from workers where status = 'online'"
        self.wait("the workers", lambda: self.number(online) >= workers)

    def stop(self, name: str | None = None) -> None:
        """Kills the processes of one service, or of all."""
        leaving = [each for each in self._processes if name in (None, each[0])]
        self._processes = [each for each in self._processes if each not in leaving]
        for _, process in leaving:
            process.kill()
        for _, process in leaving:
            process.wait(10)

    def query(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Runs a statement on the database; each is a transaction."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def number(self, statement: str, **parameters: Any) -> float:
        """The one number that a statement gives."""
        [[value]] = self.query(statement, **parameters)
        return float(value)

    def newest_order(self) -> int:
        """The id of the order that was placed last; 0 without any."""
        return int(self.number("select coalesce(max(id), 0) from orders"))

    def answered(self) -> dict[str, datetime.datetime]:
        """When each order was answered 201, by its number, as order_service's log says."""
        lines = [json.loads(line) for line in self._log("order").read_text().splitlines() if line.startswith("{")]
        return {
            line["details"]["order_number"]: datetime.datetime.fromisoformat(line["timestamp"])
            for line in lines
            if line["action"] == "order_received"
        }

    def empty_outbox(self, within: float = 300.0) -> float:
        """Waits until the relay has sent all; gives the seconds that took."""
        began = time.monotonic()
        self.wait("an empty outbox", lambda: not self.query("select 1 from outbox limit 1"), within)
        return time.monotonic() - began

    def all_ready(self, since: int = 0, within: float = 600.0) -> None:
        """Waits until every order with an id above `since` is ready."""
        left = "select 1 from orders where status in ('received', 'cooking') and id > %(since)s limit 1"
        self.wait("the kitchen", lambda: not self.query(left, since=since), within)

    def wait(self, what: str, condition: Callable[[], object], within: float = _READY_SECONDS) -> None:
        """Waits for a condition for so many seconds. Raises BenchError when it stays false or a process ends."""

        def checked() -> bool:
            self.check()
            return bool(condition())

        if not wait_until(checked, within):
            raise BenchError(f"waited {within:.0f} s in vain for {what}")

    def check(self) -> None:
        """Raises BenchError, with what it said last, when a process has ended by itself."""
        for name, process in self._processes:
            if process.poll() is not None:
                raise BenchError(f"{name} ended with code {process.returncode}:\n{tail(self._log(name))}")

    def close(self) -> None:
        """Ends all that runs here."""
        self.stop()
        self._connection.close()

    def _spawn(self, name: str, processes: int, settings: dict[str, Any]) -> list[int]:
        if name == "empty":
            command: list[str | Path] = [
                "--config",
                ROOT / "bench/empty_handler/config.yaml",
                "bench.empty_handler",
            ]
            folder = ROOT
        else:
            command = ["--config", self.code.folder / "config.yaml", f"{name}_service"]
            folder = self.code.folder
        environment = {**self._environment, **{key: str(value) for key, value in settings.items()}}
        for _ in range(processes):
            process = spawn(
                [_PROGRAMS / "nameko", "run", *command],
                self._log(name),
                dies_with=signal.SIGKILL,
                environment=environment,
                folder=folder,
            )
            self._processes.append((name, process))
        return [process.pid for _, process in self._processes[-processes:]]

    def check_code(self) -> None:
        """Raises BenchError when services started here would run other code than they should."""
        self.start("order", PYTHONVERBOSE=1)
        log = self._log("order").read_text(errors="replace")
        for package in ("common", "order_service"):
            check_imports(self.code, log, package)

    def _running(self, name: str) -> int:
        return sum(each == name for each, _ in self._processes)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


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

    @contextlib.contextmanager
    def site(self, template: str | None = None, code: Code = NOW) -> Iterator[Site]:
        """A new copy of a database, the disk at rest, and an empty virtual host, for the length of a block.

        Without a template the database has the code's tables and no rows.
        """
        template = template or code.tables
        self._sites += 1
        name = f"site_{self._sites}"
        # File by file, and with a checkpoint: so the first load pays for no writing that came before.
        self._administer(f"create database {name} template {template} strategy file_copy")
        self._administer("checkpoint")
        os.sync()  # nor for what other programs, and the last load, left to be written
        if not wait_until(self._disk_rests, _REST_SECONDS):
            self.restless += 1
        amqp_uri = self.rabbitmq.add_vhost(name)
        try:
            with tempfile.TemporaryDirectory(prefix="expedite.", dir=MEMORY) as folder:
                site = Site(Path(folder), self._url(name), amqp_uri, code)
                try:
                    yield site
                finally:
                    site.close()
        finally:
            self.rabbitmq.delete_vhost(name)
            self._administer(f"drop database {name} with (force)")

    def make_tables(self) -> None:
        """Makes the databases that others are copies of. Raises BenchError when that fails."""
        for code in self.codes:
            self._administer(f"create database {code.tables}")
            _migrate(self._url(code.tables), code)

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
                cursor.execute((code.folder / "bench/fill.sql").read_text(), {"rows": rows, "mixed": mixed})
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
    return int(load(ROOT / "config.yaml")["MAX_CONCURRENT"])


def _migrate(database_url: str, code: Code) -> None:
    done = subprocess.run(
        command_for([sys.executable, "-m", "alembic", "upgrade", "head"], signal.SIGKILL),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DATABASE_URL": database_url},
        cwd=code.folder,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the tables of {code.folder} could not be made:\n{done.stdout}")


def _listeners(port: int) -> int:
    """How many sockets listen on a port: with SO_REUSEPORT, one for each process."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(f":{port:04X}") and line[3] == _LISTENING for line in lines)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
