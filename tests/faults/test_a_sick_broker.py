"""A broker that is there, and not well: slow, or silent in the middle of a conversation."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from common.orders.lifecycle import ORDER_TYPES
from devstack.rabbitmq import RabbitMQ
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.proxy import Proxy, through

ORDERS = 600  # more than a batch of the relay's, which takes longer than it waits for a confirmation
BYTES_PER_SECOND = 45_000
EXCHANGE_DECLARE = b"\x00\x28\x00\x0a"  # class 40, method 10


class Narrow(Proxy):
    """Takes all at once, and passes it on at so many bytes a second."""

    def _pass(self, source: socket.socket, target: socket.socket, is_fatal: Callable[[bytes], bool]) -> None:
        held: queue.SimpleQueue[bytes] = queue.SimpleQueue()

        def send() -> None:
            with suppress(OSError):
                while data := held.get():
                    time.sleep(len(data) / BYTES_PER_SECOND)
                    target.sendall(data)
            for each in (source, target):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=send, daemon=True).start()
        with suppress(OSError):
            while data := source.recv(4096):
                held.put(data)
        held.put(b"")


class Deaf(Proxy):
    """Loses whatever declares an exchange, once it `is_deaf`."""

    is_deaf = False

    def _pass(self, source: socket.socket, target: socket.socket, is_fatal: Callable[[bytes], bool]) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not (self.is_deaf and EXCHANGE_DECLARE in data):
                    target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def narrow(rabbitmq: RabbitMQ) -> Iterator[Narrow]:
    with closing(Narrow(rabbitmq.port)) as proxy:
        yield proxy


@pytest.fixture
def deaf(rabbitmq: RabbitMQ) -> Iterator[Deaf]:
    with closing(Deaf(rabbitmq.port)) as proxy:
        yield proxy


@pytest.mark.one_of_its_kind
def test_a_slow_broker_gets_each_message_once(expedite: Expedite, narrow: Narrow) -> None:
    expedite.start("order_service", AMQP_URI=through(narrow, expedite.amqp_uri))
    narrow.cut()
    with ThreadPoolExecutor(4) as customers:
        placed = list(customers.map(lambda _: expedite.place_number(), range(ORDERS)))
    narrow.heal()

    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)], 90)
    assert len(set(placed)) == ORDERS
    assert sum(expedite.waiting(f"kitchen.{order_type}") for order_type in ORDER_TYPES) == ORDERS


def test_a_broker_that_falls_silent_is_no_postgresql_that_is_away(expedite: Expedite, deaf: Deaf) -> None:
    door = expedite.start("order_service", AMQP_URI=through(deaf, expedite.amqp_uri), SWEEP_INTERVAL=1)
    deaf.is_deaf = True
    eventually(lambda: len(door.actions("sweep_failed")) >= 2, 20)
    assert door.actions("db_connection_failed") == []

    deaf.is_deaf = False
    number = expedite.place_number()
    expedite.start_worker()
    expedite.wait_for(number, "ready")
