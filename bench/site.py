"""One Expedite that is measured: a database, a virtual host, and services as `nameko run` starts them."""

import datetime
import json
import secrets
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2

from bench.drivers import ROOT, BenchError
from bench.revisions import NOW, Code, check_imports
from devstack import launcher
from devstack.processes import free_port, spawn, tail, wait_until

_READY_SECONDS = 60.0
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
        addresses = {
            f"{name}_service": f"127.0.0.1:{port}" for name, port in self._ports.items() if name != "empty"
        }
        self._environment = launcher.environment(
            database_url,
            amqp_uri,
            secrets.token_hex(32),
            addresses,
            EMPTY_ADDRESS=f"127.0.0.1:{self._ports['empty']}",
        )
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

    def pids(self, name: str) -> list[int]:
        """The processes of a service."""
        return [process.pid for each, process in self._processes if each == name]

    def start_workers(self, processes: int, **settings: Any) -> list[int]:
        """Starts kitchen processes that cook in no time, at once; gives their ids without waiting for them."""
        return [
            pid
            for place in range(processes)
            for pid in self._spawn(
                "kitchen", 1, {"COOKING_SPEED": 0, "WORKER_NAME": f"worker_{place + 1}", **settings}
            )
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
        folder = ROOT if name == "empty" else self.code.folder
        command = (
            launcher.nameko_run("bench.empty_handler", ROOT / "bench/empty_handler/config.yml")
            if name == "empty"
            else launcher.nameko_run(f"{name}_service", self.code.config)
        )
        environment = {**self._environment, **{key: str(value) for key, value in settings.items()}}
        for _ in range(processes):
            process = spawn(
                command,
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
