"""A running Expedite for a test: real `nameko run` processes on a database and a vhost of their own."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import amqp
import psycopg2
import requests
from nameko.standalone.rpc import ClusterRpcProxy

from common.rabbitmq import broker
from common.settings import load_config
from devstack import launcher
from devstack.processes import free_port
from tests.support import preloaded
from tests.support.eventually import eventually

ROOT = launcher.CHECKOUT
CONFIG = ROOT / "config.yml"
SECRET_KEY = "only-for-tests-" + "x" * 32
PIZZA = {"name": "Margherita Pizza", "quantity": 1, "price": 15.99}


def an_order(**changes: Any) -> dict[str, Any]:
    """The body of an acceptable order; `changes` replace its fields, and None takes one away."""
    order = {"customer_name": "Ada Lovelace", "order_type": "takeout", "items": [PIZZA], **changes}
    return {name: value for name, value in order.items() if value is not None}


@dataclass
class Process:
    """One `nameko run`, with what it prints."""

    service: str
    address: str
    popen: preloaded.Forked | subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def pid(self) -> int:
        return self.popen.pid

    def actions(self, action: str) -> list[dict[str, Any]]:
        """Its log lines with that action."""
        return [line for line in self.logged() if line.get("action") == action]

    def logged(self) -> list[dict[str, Any]]:
        """All of its JSON log lines."""
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]

    def printed(self) -> list[str]:
        """Its plain lines."""
        return [line for line in list(self.lines) if not line.startswith("{")]

    def health(self, probe: str) -> requests.Response:
        """Its answer to /health/<probe>."""
        return requests.get(f"{self.url}/health/{probe}", timeout=10)

    def wait_ready(self, within: float = 20.0) -> "Process":
        """Until its /health/ready answers 200."""

        def ready() -> bool:
            assert self.popen.poll() is None, f"{self.service} ended: {self.lines[-5:]}"
            return self.health("ready").status_code == 200

        eventually(ready, within)
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stopped in the middle of whatever it does, for the length of a block."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a crash: kill -9, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.popen.wait(10)

    def stop(self, within: float = 30.0) -> int:
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.popen.wait(within)


class Expedite:
    """Starts services on one database and one vhost, and talks to them as their users do."""

    def __init__(self, database_url: str, amqp_uri: str) -> None:
        self.database_url = database_url
        self.amqp_uri = amqp_uri
        self.processes: list[Process] = []
        self._addresses = {service: f"127.0.0.1:{free_port()}" for service in launcher.SERVICES}

    # --- processes ---------------------------------------------------------------------------------------

    def environment(self, **settings: Any) -> dict[str, str]:
        """The environment of a process of this Expedite."""
        level = "DEBUG" if settings.pop("debug", False) else "INFO"
        given = {"LOG_LEVEL": level, **settings}
        return launcher.environment(self.database_url, self.amqp_uri, SECRET_KEY, self._addresses, **given)

    def start(
        self, service: str, wait: bool = True, module: str | None = None, checkout: Path = ROOT, **settings: Any
    ) -> Process:
        """`nameko run` that service, or the one in `module` in its place; `settings` are names of config.yml's
        environment variables.

        `checkout` is where its code is: another version's, if not this one's. A second process of a service
        gets a port of its own, so that each can be asked by itself. A process ends with the thread that started
        it: start it from the main thread.
        """
        address_name = launcher.address_variable(service)
        if any(process.service == service for process in self.processes):
            settings.setdefault(address_name, f"127.0.0.1:{free_port()}")
        environment = self.environment(**settings)
        _, *arguments = launcher.nameko_run(module or service, checkout / "config.yml")
        popen = preloaded.start(checkout, [str(each) for each in arguments], environment)
        process = Process(service, environment[address_name], popen)
        threading.Thread(target=_collect, args=(process,), daemon=True).start()
        self.processes.append(process)
        if wait:
            process.wait_ready()
        return process

    def start_worker(self, name: str = "chef_mario", wait: bool = True, **settings: Any) -> Process:
        """A kitchen worker; by default it cooks in no time."""
        settings.setdefault("COOKING_SPEED", 0)
        process = self.start("kitchen_service", wait=wait, WORKER_NAME=name, **settings)
        if wait:
            # The second is when its queues are there.
            eventually(lambda: process.actions("worker_registered"))
            eventually(
                lambda: [
                    line for line in process.actions("rabbitmq_connected") if "waiting for" in line["message"]
                ]
            )
        return process

    def stop_together(self, within: float) -> dict[str, int]:
        """SIGTERM to all at once; returns each service's exit code."""
        for process in self.processes:
            process.signal(signal.SIGTERM)
        return {process.service: process.popen.wait(within) for process in self.processes}

    def stop_all(self) -> None:
        """End what still runs, and write its errors and last lines; pytest shows them of a failed test."""
        for process in self.processes:
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGKILL)
        for process in self.processes:
            process.popen.wait(10)
            if process.popen.stdout:
                process.popen.stdout.close()
            shown = [line for line in process.lines[:-20] if '"level":"ERROR"' in line] + process.lines[-20:]
            sys.stdout.write(f"--- {process.service} {process.pid}\n" + "\n".join(shown) + "\n")

    # --- as its users see it -----------------------------------------------------------------------------

    def url(self, service: str) -> str:
        """Where a service's first process listens."""
        return f"http://{self._addresses[service]}"

    def place(self, at: Process | None = None, **changes: Any) -> dict[str, Any]:
        """Order over HTTP, of the first order_service or of the process `at`; returns the 201's body."""
        url = at.url if at else self.url("order_service")
        answer = requests.post(f"{url}/orders", json=an_order(**changes), timeout=15)
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def with_key(self, placed: dict[str, Any], step: str = "") -> str:
        """Where programs read a placed order, or take a step with it ("/cancel"), by its link's secret."""
        key = urlsplit(placed["tracking_url"]).query
        return f"{self.url('order_service')}/orders/{placed['order_number']}{step}?{key}"

    def place_number(self, **changes: Any) -> str:
        """`place()`, for its order's number."""
        return str(self.place(**changes)["order_number"])

    def track(self, path: str) -> Any:
        """What tracking_service answers."""
        answer = requests.get(f"{self.url('tracking_service')}{path}", timeout=15)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @contextlib.contextmanager
    def rpc(self) -> Iterator[Any]:
        """Calls to services: `rpc.kitchen_service.list_workers()`."""
        with ClusterRpcProxy({**load_config(ROOT / "config.yml"), "AMQP_URI": self.amqp_uri}, timeout=15) as rpc:
            yield rpc

    def status(self, number: str) -> str:
        """An order's status, read from its table, so that no service has to run."""
        return str(self.query("select status from orders where number = %s", number)[0][0])

    def history(self, number: str) -> list[str]:
        """The statuses an order has had, from its table."""
        rows = self.query(
            "select l.status from order_status_log l join orders o on o.id = l.order_id"
            " where o.number = %s order by l.sequence",
            number,
        )
        return [row[0] for row in rows]

    def cooked(self) -> list[str]:
        """The numbers of the orders that began to cook, in that order; twice what did so twice."""
        rows = self.query(
            "select o.number from order_status_log l join orders o on o.id = l.order_id"
            " where l.status = 'cooking' order by l.changed_at"
        )
        return [row[0] for row in rows]

    def wait_for(self, number: str, status: str, within: float = 20.0) -> None:
        """Until the order has that status."""
        eventually(lambda: self.status(number) == status, within)

    # --- underneath --------------------------------------------------------------------------------------

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement on the database."""
        connection = psycopg2.connect(self.database_url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @contextlib.contextmanager
    def channel(self) -> Iterator[amqp.Channel]:
        """A channel on the vhost; of a cluster, over the first node that answers."""
        with broker.connected(self.amqp_uri, heartbeat=0) as connection:
            yield connection.channel()
            connection.close()  # with a goodbye, or what was published last could get lost

    def waiting(self, queue: str) -> int:
        """How many messages wait in a queue; none in one that nobody has declared yet."""
        with self.channel() as channel, contextlib.suppress(amqp.NotFound):
            return int(channel.queue_declare(queue, passive=True).message_count)
        return 0

    def tickets(self, order_type: str) -> list[dict[str, Any]]:
        """The bodies that wait in a kitchen queue; they stay where they are."""
        bodies = []
        with self.channel() as channel:
            while (message := channel.basic_get(f"kitchen.{order_type}")) is not None:
                bodies.append(json.loads(message.body))
            channel.basic_recover(requeue=True)
        return bodies

    def in_hand(self) -> int:
        """How many orders the workers have: those that cook, by the database."""
        return int(self.query("select count(*) from orders where status = 'cooking'")[0][0])

    def is_settled(self) -> bool:
        """True when no outbox row and no kitchen message is left."""
        return self.query("select count(*) from outbox") == [(0,)] and not any(
            self.waiting(f"kitchen.{kind}") for kind in ("dine_in", "takeout", "delivery")
        )


def _collect(process: Process) -> None:
    assert process.popen.stdout is not None
    with contextlib.suppress(ValueError):  # closed at the end of the test
        for line in process.popen.stdout:
            process.lines.append(line.rstrip("\n"))
