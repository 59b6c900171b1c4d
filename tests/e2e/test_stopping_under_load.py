"""SIGTERM to an order_service that is busy."""

from tests.support.customers import numbers, ordering
from tests.support.eventually import eventually
from tests.support.expedite import Expedite


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
