"""What can break, one thing at a time, and how it is mended: shared by the tests and the soak.

Entering a fault breaks something of a running stack and makes sure that it is broken; leaving it mends that.
"""

import contextlib
import functools
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg2

from tests.support.clock import Clock
from tests.support.copies import everything_twice
from tests.support.eventually import eventually
from tests.support.servers import start_again, take_down
from tests.support.stack import KITCHEN, NOTIFIER, ORDER, PARTS, TRACKING, WORKERS, Stack

AN_HOUR = 3600
CLOCK_FAULT = "the clock stepped back an hour"
_STOPPED_WITHIN = 30.0  # seconds until a process that was told to stop has ended
_MORE_THAN_A_DISK = 10**18  # bytes

#: Processes that are killed and stopped: one of each service.
_ONE_OF_EACH = ("order_service 1", WORKERS[0], TRACKING, "notifier_service 1")


@dataclass(frozen=True)
class Fault:
    """`strike(stack)` is the fault, which lasts for `seconds` in a test and for `long` seconds in the soak."""

    name: str
    strike: Callable[[Stack], AbstractContextManager[object]]
    seconds: float = 1.0
    long: float = 5.0


@contextlib.contextmanager
def killed(stack: Stack, part: str) -> Iterator[None]:
    """kill -9, with requests or orders in hand."""
    with _in_the_middle(stack, part):
        stack.processes[part].kill()
    yield
    stack.start(part)


@contextlib.contextmanager
def stopped(stack: Stack, part: str) -> Iterator[None]:
    """SIGTERM: ends in order, with exit code 0."""
    with _in_the_middle(stack, part):
        stack.processes[part].signal(signal.SIGTERM)
    code = stack.processes[part].popen.wait(_STOPPED_WITHIN)
    assert code == 0, f"exit code {code}: {stack.processes[part].lines[-20:]}"
    yield
    stack.start(part)


@contextlib.contextmanager
def server_down(stack: Stack, server: str, how: str) -> Iterator[None]:
    """PostgreSQL or RabbitMQ stopped in order, or killed with -9."""
    broken = getattr(stack, server)
    take_down(broken, how)
    try:
        yield
    finally:
        start_again(broken)


@contextlib.contextmanager
def network(stack: Stack, server: str, service: str, how: str) -> Iterator[None]:
    """The network between a service's processes and a server: frozen and thawed, frozen until its connections
    are given up, or cut."""
    proxy = getattr(stack, f"to_{server}")[service]
    {"frozen": proxy.silence, "lost": proxy.silence, "cut": proxy.cut}[how]()
    try:
        yield
    finally:
        {"frozen": proxy.thaw, "lost": proxy.heal, "cut": proxy.heal}[how]()


@contextlib.contextmanager
def delivered_twice(stack: Stack) -> Iterator[None]:
    """Every message twice."""
    with everything_twice(stack.expedite.amqp_uri) as copier:
        eventually(lambda: copier.copied >= 10, 20)
        yield


@contextlib.contextmanager
def name_taken(stack: Stack) -> Iterator[None]:
    """A second worker with the name of one that is online ends at once; the first goes on."""
    first = stack.processes[WORKERS[0]]
    second = stack.expedite.start(
        KITCHEN, wait=False, WORKER_NAME=WORKERS[0], HEARTBEAT_INTERVAL=1, KITCHEN_ADDRESS="127.0.0.1:0"
    )
    assert second.popen.wait(30) == 1
    assert second.actions("worker_registration_failed")
    assert not second.actions("order_processing_started")
    yield
    assert first.popen.poll() is None


@contextlib.contextmanager
def name_lost(stack: Stack) -> Iterator[None]:
    """A worker that froze finds its name taken over, with what it had in hand, and ends by itself."""
    part = WORKERS[0]
    frozen = stack.processes[part]
    with _in_the_middle(stack, part), frozen.frozen():
        eventually(lambda: not stack.is_online(part), 10)
        stack.start(part, wait=False)
        heir = stack.processes[part]
        eventually(lambda: heir.actions("worker_registered"), 30)
        yield
    assert frozen.popen.wait(30) == 1


@contextlib.contextmanager
def clock_back(stack: Stack, clock: Clock) -> Iterator[None]:
    """The clock of the services and PostgreSQL an hour back. It stays there."""
    read = functools.partial(stack.expedite.query, "select extract(epoch from now())::float8")
    before = read()[0][0]
    clock.step(-AN_HOUR)
    eventually(lambda: read()[0][0] < before - AN_HOUR / 2)
    yield


@contextlib.contextmanager
def disk_full(stack: Stack) -> Iterator[None]:
    """The broker's disk alarm: it reads nothing more from whoever publishes."""
    stack.rabbitmq.ctl("set_disk_free_limit", str(_MORE_THAN_A_DISK))
    try:
        eventually(lambda: stack.expedite.query("select count(*) > 5 from outbox") == [(True,)], 60)
        yield
    finally:
        stack.rabbitmq.ctl("set_disk_free_limit", "50000000")


def _links() -> Iterator[tuple[str, str]]:
    for service in (ORDER, KITCHEN, NOTIFIER):
        yield service, "rabbitmq"
    for service in (ORDER, KITCHEN, TRACKING):
        yield service, "postgres"


#: Everything but the clock, which needs processes that live by it.
FAULTS = (
    *(Fault(f"kill -9 of {part}", functools.partial(killed, part=part)) for part in _ONE_OF_EACH),
    *(Fault(f"SIGTERM of {part}", functools.partial(stopped, part=part)) for part in _ONE_OF_EACH),
    Fault("rabbitmq stopped and started", functools.partial(server_down, server="rabbitmq", how="stop")),
    Fault("rabbitmq killed with -9", functools.partial(server_down, server="rabbitmq", how="kill")),
    Fault("postgresql restarted", functools.partial(server_down, server="postgres", how="stop")),
    Fault("postgresql killed with -9", functools.partial(server_down, server="postgres", how="kill")),
    *(
        Fault(
            f"{service} to {server} {how}",
            functools.partial(network, server=server, service=service, how=how),
            # The services give a frozen server up after 5 to 11 seconds, and a quiet broker after 20.
            seconds={"frozen": 1.0, "lost": 7.0, "cut": 1.0}[how],
            long={"frozen": 3.0, "lost": 25.0, "cut": 5.0}[how],
        )
        for service, server in _links()
        for how in ("frozen", "lost", "cut")
    ),
    Fault("every message delivered twice", delivered_twice, seconds=2.0),
    Fault("a second worker with one name", name_taken),
    Fault("a frozen worker's name taken over", name_lost),
    Fault("the broker's disk full", disk_full, seconds=3.0, long=20.0),
)


def clock_fault(clock: Clock) -> Fault:
    """The fault of a stack that lives by `clock`."""
    return Fault(CLOCK_FAULT, functools.partial(clock_back, clock=clock))


@contextlib.contextmanager
def _in_the_middle(stack: Stack, part: str) -> Iterator[None]:
    """A moment at which the process has something in hand: requests to place orders, or orders that cook."""
    match PARTS[part]:
        case "order_service":
            with _requests_held(stack):
                yield
        case "kitchen_service":
            eventually(lambda: _cooks(stack, part), 20, every=0.01)
            yield
        case _:
            yield


@contextlib.contextmanager
def _requests_held(stack: Stack) -> Iterator[None]:
    """Requests get as far as the lock that numbers are given under, until the end of the block: a batch of each
    process."""
    connection = psycopg2.connect(stack.expedite.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1 from order_numbers for update")
            waiting = "select count(*) >= 2 from pg_locks where not granted"
            eventually(lambda: stack.expedite.query(waiting) == [(True,)], 20, every=0.01)
        yield
    finally:
        connection.close()


def _cooks(stack: Stack, worker: str) -> bool:
    return bool(
        stack.expedite.query(
            "select 1 from orders where status = 'cooking' and processed_by = %s"
            " and cooking_started_at > now() - interval '0.2 s' limit 1",
            worker,
        )
    )
