"""What is long is measured before it is read."""

import json
from typing import Any

import pytest
import requests

from tests.support.attack import Customers, attackers
from tests.support.expedite import Process, an_order

MARKS = "e" + "\u0301\u0316" * 10_000  # of which each could stand on one letter
KEYS = {f"k{number}": 1 for number in range(5_000)}

COSTLY: dict[str, tuple[str, str, Any]] = {
    "an item's name": ("POST", "/orders", an_order(items=[{"name": MARKS, "quantity": 1, "price": 1}])),
    "a customer's name": ("POST", "/orders", an_order(customer_name=MARKS)),
    "an address": ("POST", "/orders", an_order(order_type="delivery", delivery_address=MARKS)),
    "an e-mail": ("POST", "/orders", an_order(notification_email=MARKS)),
    "empty items": ("POST", "/orders", an_order(items=[{}] * 15_000)),
    "items that are none": ("POST", "/orders", an_order(items=[1] * 20_000)),
    "fields": ("POST", "/orders", {**an_order(), **KEYS}),
    "an item's fields": ("POST", "/orders", an_order(items=[{"name": "P", "quantity": 1, "price": 1, **KEYS}])),
    "a recipe": ("POST", "/orders", {**an_order(), "recipe": MARKS}),
    "a user's name": ("POST", "/register", {"email": "a@example.com", "username": MARKS, "password": "x" * 8}),
    "a password": ("POST", "/register", {"email": "a@example.com", "username": "a", "password": MARKS}),
    "a sign-in": ("POST", "/login", {"email": "a@example.com", "password": MARKS}),
}


@pytest.mark.parametrize(("method", "path", "body"), COSTLY.values(), ids=COSTLY)
def test_two_clients_hold_nobody_up(front_door: Process, method: str, path: str, body: Any) -> None:
    data = json.dumps(body, ensure_ascii=False).encode()
    assert len(data) <= 64 * 1024
    customers = Customers(front_door.url)
    answers: set[tuple[int, bytes]] = set()

    def send() -> None:
        headers = {"Content-Type": "application/json"}
        with requests.request(method, f"{front_door.url}{path}", data=data, headers=headers, timeout=30) as answer:
            answers.add((answer.status_code, answer.content))

    with attackers(2, send), customers.ordering(least=10):
        pass
    customers.were_served()
    assert {status for status, _ in answers} <= {401, 422, 429}
    for _, content in answers:
        assert len(json.loads(content).get("errors", [])) <= 50
        assert len(content) < 10_000
    assert max(len(line) for line in front_door.lines) < 10_000


def test_the_name_of_a_dish_in_an_address(front_door: Process) -> None:
    """Each letter of it takes six of the address."""
    customers = Customers(front_door.url)
    address = f"{front_door.url}/menu/{'é' * 2000}"
    with attackers(2, lambda: requests.delete(address, timeout=30)), customers.ordering(least=10):
        pass
    customers.were_served()
