"""All of Expedite, running: two processes of most services, and between each service and its servers a network
that can break."""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import requests

from devstack.launcher import address_variable, migrate
from devstack.postgres import Postgres
from devstack.processes import free_port
from devstack.rabbitmq import RabbitMQ
from tests.support.clock import Clock
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, Process
from tests.support.proxy import Proxy, through
from tests.support.servers import start_again

ORDER, KITCHEN, TRACKING, NOTIFIER = "order_service", "kitchen_service", "tracking_service", "notifier_service"
WORKERS = ("anna", "bruno")

#: Every process, by name, with its service.
PARTS = {
    "order_service 1": ORDER,
    "order_service 2": ORDER,
    **dict.fromkeys(WORKERS, KITCHEN),
    "tracking_service": TRACKING,
    "notifier_service 1": NOTIFIER,
    "notifier_service 2": NOTIFIER,
}

# Half a second of cooking, so that there is always something on the stove; together some 40 orders a second.
_COOKING = {"COOKING_SPEED": 20, "PREFETCH": 10}
_HEARTBEAT = 1.0  # seconds, so that a frozen worker's name is free after two


class Stack:
    """Starts everything on an empty database and vhost. End it with `close()`."""

    def __init__(
        self, postgres: Postgres, rabbitmq: RabbitMQ, database_url: str, amqp_uri: str, **settings: str
    ) -> None:
        self.postgres, self.rabbitmq = postgres, rabbitmq
        self.expedite = Expedite(database_url, amqp_uri)
        self.to_rabbitmq = {service: Proxy(rabbitmq.port) for service in set(PARTS.values())}
        self.to_postgres = {service: Proxy(postgres.port) for service in set(PARTS.values())}
        self.processes: dict[str, Process] = {}
        self._addresses = {part: f"127.0.0.1:{free_port()}" for part in PARTS}
        self._settings = settings
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise

    def _start_all(self) -> None:
        for part in PARTS:
            self.start(part, wait=False)
        for part, process in self.processes.items():
            process.wait_ready(60)
            if PARTS[part] == KITCHEN:
                eventually(lambda process=process: process.actions("worker_registered"), 20)

    def start(self, part: str, wait: bool = True) -> None:
        """Start a process that does not run, as a supervisor does: again, if it ends by itself at once."""
        service = PARTS[part]
        settings: dict[str, Any] = {
            address_variable(service): self._addresses[part],
            "DATABASE_URL": through(self.to_postgres[service], self.expedite.database_url),
            "AMQP_URI": through(self.to_rabbitmq[service], self.expedite.amqp_uri),
            **self._settings,
        }
        if service == KITCHEN:
            settings |= {"WORKER_NAME": part, "HEARTBEAT_INTERVAL": _HEARTBEAT, **_COOKING}
        started = self.processes[part] = self.expedite.start(service, wait=False, **settings)
        if wait and service == KITCHEN:
            eventually(lambda: started.actions("worker_registered") or started.popen.poll() is not None, 30)
            if started.popen.poll() is not None:  # the name of a worker that is frozen is not free at once
                assert started.actions("worker_registration_failed"), started.lines[-5:]
                self.start(part)
        if wait:
            self.processes[part].wait_ready(30)

    def of(self, service: str) -> list[Process]:
        """The processes of a service."""
        return [self.processes[part] for part, its_service in PARTS.items() if its_service == service]

    def addresses(self, service: str) -> list[str]:
        """Where they listen."""
        return [self._addresses[part] for part, its_service in PARTS.items() if its_service == service]

    def ended(self) -> list[Process]:
        """The processes that should run, and do not."""
        return [process for process in self.processes.values() if process.popen.poll() is not None]

    def is_online(self, worker: str) -> bool:
        """As tracking_service tells it."""
        [status] = [row["status"] for row in self._track("/workers/status") if row["worker_name"] == worker]
        return bool(status == "online")

    def heal(self) -> None:
        """Whatever was broken and left so by a test that failed."""
        for server in (self.postgres, self.rabbitmq):
            start_again(server)
        for proxy in self._proxies():
            proxy.heal()
        for part, process in self.processes.items():
            process.signal(signal.SIGCONT)
            if process.popen.poll() is not None:
                self.start(part)

    def seconds_to_recover(self, within: float) -> float:
        """How long it takes from now until orders that are placed now, one at each order_service, are ready,
        tracked as such and announced by every notifier."""
        began = time.monotonic()
        seen = [(notifier, len(notifier.lines)) for notifier in self.of(NOTIFIER)]
        # A large order goes before all that waits.
        large = [{"name": "Probe", "quantity": 10, "price": 50}]
        numbers = [
            eventually(lambda desk=desk: self.expedite.place_number(at=desk, items=large), within)
            for desk in self.of(ORDER)
        ]
        for number, (notifier, earlier) in itertools.product(numbers, seen):
            self.expedite.wait_for(number, "ready", within)
            status = f"/orders/{number}/status"
            eventually(lambda status=status: self._track(status)["current_status"] == "ready", within)
            announced = f"Notification for order {number}: Status changed from 'cooking' to 'ready'"
            eventually(
                lambda notifier=notifier, earlier=earlier, announced=announced: any(
                    line.startswith(announced) for line in notifier.lines[earlier:]
                ),
                within,
            )
        return time.monotonic() - began

    def close(self) -> None:
        self.expedite.stop_all()
        for proxy in self._proxies():
            proxy.close()

    def _track(self, path: str) -> Any:
        [tracking] = self.of(TRACKING)
        answer = requests.get(f"{tracking.url}{path}", timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _proxies(self) -> list[Proxy]:
        return [*self.to_rabbitmq.values(), *self.to_postgres.values()]


@contextlib.contextmanager
def stack_with_clock(folder: Path, rabbitmq: RabbitMQ, amqp_uri: str) -> Iterator[tuple[Stack, Clock]]:
    """A stack whose services and PostgreSQL live by a clock that can be stepped, for the length of a block."""
    clock = Clock(folder)
    postgres = Postgres(folder / "postgres", durable=False)
    with mock.patch.dict(os.environ, clock.environment):
        postgres.start()
    try:
        migrate(postgres.url)
        stack = Stack(postgres, rabbitmq, postgres.url, amqp_uri, **clock.environment)
        try:
            yield stack, clock
        finally:
            stack.close()
    finally:
        postgres.stop()
        clock.close()
