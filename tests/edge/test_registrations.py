"""People who register or try passwords one after the other. A hash takes 19 MiB, and many take no more."""

import os

import pytest

from tests.support.attack import Customers, attackers, memory
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import NO_LIMITS, register, sign_in

TIMES = 40
#: MiB that a process may grow by: what one hash takes, and the warming up of everything else.
HASHES_ROOM = 45.0


@pytest.fixture
def customers(expedite: Expedite) -> Customers:
    expedite.start("order_service", **NO_LIMITS)
    return Customers(expedite.url("order_service"))


@pytest.mark.matrix
def test_forty_registrations_leave_no_memory_behind(expedite: Expedite, customers: Customers) -> None:
    [process] = expedite.processes
    before = memory(process)
    for _ in range(TIMES):
        register(expedite)
    assert memory(process) - before < HASHES_ROOM


def test_forty_wrong_passwords_leave_no_memory_behind(expedite: Expedite, customers: Customers) -> None:
    [process] = expedite.processes
    ada = register(expedite)
    before = memory(process)
    for _ in range(TIMES // 2):
        assert sign_in(expedite, ada.email, "another password").status_code == 401
        assert sign_in(expedite, "nobody@example.com", "another password").status_code == 401
    assert memory(process) - before < HASHES_ROOM


def test_who_tries_passwords_without_end_holds_no_order_up(expedite: Expedite, customers: Customers) -> None:
    [process] = expedite.processes
    before = memory(process)
    with customers.ordering(least=20), attackers(8, lambda: tries_a_password(expedite)):
        pass
    customers.were_served()
    assert memory(process) - before < HASHES_ROOM


@pytest.mark.matrix
def test_a_process_ends_in_time_while_passwords_are_tried(expedite: Expedite, customers: Customers) -> None:
    [process] = expedite.processes
    with attackers(8, lambda: tries_a_password(expedite)):
        eventually(lambda: process.actions("sign_in_refused"))
        assert process.stop(within=15) == 0


def tries_a_password(expedite: Expedite) -> None:
    answer = sign_in(expedite, f"{os.urandom(4).hex()}@example.com", "another password")
    assert answer.status_code in (401, 429, 503)
