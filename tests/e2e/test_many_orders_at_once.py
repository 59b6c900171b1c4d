"""Many customers at the same moment."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from common.orders.lifecycle import ORDER_TYPES
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order

ORDERS = 500
CONNECTIONS = 50


@pytest.mark.parametrize("processes", [1, 2])
def test_500_orders_by_50_connections_get_500_numbers_and_500_tickets(expedite: Expedite, processes: int) -> None:
    desks = [expedite.start("order_service", wait=False) for _ in range(processes)]
    for desk in desks:
        desk.wait_ready()

    def customer(connection: int) -> list[requests.Response]:
        url = f"{desks[connection % processes].url}/orders"
        with requests.Session() as session:
            return [session.post(url, json=an_order(), timeout=30) for _ in range(ORDERS // CONNECTIONS)]

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(itertools.chain.from_iterable(pool.map(customer, range(CONNECTIONS))))

    assert [answer.status_code for answer in answers] == [201] * ORDERS
    numbers = sorted(answer.json()["order_number"] for answer in answers)
    assert len(set(numbers)) == ORDERS
    for _day, of_day in itertools.groupby(numbers, key=lambda number: number.rpartition("_")[0]):
        places = [int(number.rpartition("_")[2]) for number in of_day]
        assert places == list(range(1, len(places) + 1))

    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)])
    assert sum(expedite.waiting(f"kitchen.{order_type}") for order_type in ORDER_TYPES) == ORDERS
    assert sorted(ticket["order_number"] for ticket in expedite.tickets("takeout")) == numbers
