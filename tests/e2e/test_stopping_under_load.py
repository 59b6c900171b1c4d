"""SIGTERM to an order_service that is busy."""

import contextlib
import json
import signal
from http.client import HTTPConnection

from tests.support.customers import numbers, ordering
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order


def test_every_order_that_was_answered_is_there_and_every_one_that_is_there_was_answered(
    expedite: Expedite,
) -> None:
    desk = expedite.start("order_service")

    with ordering(desk.url) as answers:
        eventually(lambda: len(numbers(answers)) >= 100)
        exit_code = desk.stop()

    assert exit_code == 0
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert numbers(answers) == {row[0] for row in expedite.query("select number from orders")}


def test_who_had_come_before_the_door_was_closed_is_served(expedite: Expedite) -> None:
    """Those whose connections the kernel holds for the process, which has not taken them yet."""
    desk = expedite.start("order_service")
    with contextlib.ExitStack() as opened:
        customers = [HTTPConnection(desk.address, timeout=30) for _ in range(20)]
        with desk.frozen():
            for customer in customers:
                opened.callback(customer.close)
                customer.request("POST", "/orders", json.dumps(an_order()), {"Content-Type": "application/json"})
            desk.signal(signal.SIGTERM)
        answers = [customer.getresponse() for customer in customers]
        taken = {json.load(answer)["order_number"] for answer in answers}
    assert {answer.status for answer in answers} == {201}
    assert taken == {row[0] for row in expedite.query("select number from orders")}
    assert len(taken) == len(customers)
    assert desk.popen.wait(30) == 0
