"""What the OpenAPI documents say is so: no answer of running services is outside of them, and none is a fault."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support import people
from tests.support.expedite import Expedite
from tests.support.people import NO_LIMITS, Someone

SERVICES = ("order_service", "tracking_service", "kitchen_service", "notifier_service")


@pytest.fixture
def house(expedite: Expedite) -> Expedite:
    """Everything, with nobody who takes an order before the walk comes to it."""
    expedite.start("order_service", wait=False, MAX_CONNECTIONS_PER_ADDRESS=1000, **NO_LIMITS)
    expedite.start("tracking_service", wait=False)
    expedite.start("notifier_service", wait=False)
    expedite.start_worker("chef_mario", wait=False, COOKING="staffed")
    for process in expedite.processes:
        process.wait_ready()
    return expedite


def document_of(house: Expedite, service: str) -> dict[str, Any]:
    answer = requests.get(f"{house.url(service)}/openapi.json", timeout=15)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def signed_in(house: Expedite, who: Someone) -> dict[str, str]:
    """Their headers, whatever was signed out, changed or made void meanwhile."""
    answer = people.sign_in(house, who.email)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.mark.parametrize(
    ("roles", "examples", "at_least"),
    [
        (("admin",), 1, 60),
        pytest.param(
            ("customer", "employee", "admin"), 30, 5000, marks=[pytest.mark.matrix, pytest.mark.timeout(3600)]
        ),
    ],
    ids=["some", "many"],
)
def test_no_answer_is_outside_of_its_document(
    house: Expedite, roles: tuple[str, ...], examples: int, at_least: int
) -> None:
    from tests.support.walking import Walk  # which takes seconds to load

    asking: dict[str, Callable[[], dict[str, str]]] = {"guest": dict}
    for role in roles:
        asking[role] = functools.partial(signed_in, house, people.register(house, role, role))
    others = [people.register(house, "other").id for _ in range(3)]

    def order() -> tuple[str, str]:
        placed = house.place()
        return placed["order_number"], placed["tracking_url"].rpartition("key=")[2]

    walk = Walk(asking, order, others)
    for service in SERVICES:
        walk.through(house.url(service), document_of(house, service), examples)
    assert walk.statuses.total() >= at_least
    assert {200, 201, 401, 404, 422} <= set(walk.statuses), walk.statuses
    assert [line for process in house.processes for line in process.actions("request_failed")] == []
