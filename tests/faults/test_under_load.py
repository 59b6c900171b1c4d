"""One thing breaks while orders come steadily; afterwards the books must be even."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.postgres import Postgres
from devstack.rabbitmq import RabbitMQ
from tests.conftest import copied_database
from tests.soak.faults import FAULTS, Fault, clock_fault
from tests.soak.riding_out import ride_out
from tests.support.stack import Stack, stack_with_clock

ORDERS = 60
_BACK_WITHIN = 30.0  # seconds; the soak holds them to 10, on a machine that does nothing else


@pytest.fixture(scope="module")
def running(postgres: Postgres, rabbitmq: RabbitMQ) -> Iterator[Stack]:
    """One stack for all faults: each leaves it as it was."""
    name = f"under-load-{uuid.uuid4().hex[:12]}"
    with copied_database(postgres.url) as database_url:
        stack = Stack(postgres, rabbitmq, database_url, rabbitmq.add_vhost(name))
        yield stack
        stack.close()
        rabbitmq.delete_vhost(name)


@pytest.fixture
def stack(running: Stack) -> Stack:
    running.heal()
    return running


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "_"))
def test_the_books_are_even_after(fault: Fault, stack: Stack) -> None:
    outcome = ride_out(stack, fault, ORDERS, fault.seconds, _BACK_WITHIN)
    assert outcome.balance.is_even, f"\n{outcome.balance}\n{outcome.wrong}"


def test_the_books_are_even_after_the_clock_stepped_back_an_hour(
    tmp_path: Path, rabbitmq: RabbitMQ, amqp_uri: str
) -> None:
    with stack_with_clock(tmp_path, rabbitmq, amqp_uri) as (stack, clock):
        fault = clock_fault(clock)
        outcome = ride_out(stack, fault, ORDERS, fault.seconds, _BACK_WITHIN)
        pids = tuple(f"_{process.pid}" for process in stack.processes.values())
    assert not [name for name in os.listdir("/dev/shm") if name.endswith(pids)]
    assert outcome.balance.is_even, f"\n{outcome.balance}\n{outcome.wrong}"
