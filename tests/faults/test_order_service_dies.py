"""An order_service that dies or freezes: what it answered 201 is cooked all the same."""

import pytest

from tests.support.customers import numbers, ordering
from tests.support.eventually import eventually
from tests.support.expedite import Expedite


@pytest.mark.one_of_its_kind
def test_every_order_that_was_answered_before_a_kill_is_cooked_after_it(expedite: Expedite) -> None:
    desk = expedite.start("order_service")
    with ordering(desk.url) as answers:
        eventually(lambda: len(numbers(answers)) >= 100)
        desk.kill()
    assert {answer.status_code for answer in answers} == {201}

    expedite.start("order_service", wait=False)
    expedite.start_worker(PREFETCH=10)
    eventually(lambda: expedite.query("select distinct status from orders") == [("ready",)], 60)
    eventually(expedite.is_settled, 30)
    placed = [row[0] for row in expedite.query("select number from orders order by number")]
    assert numbers(answers) <= set(placed)
    assert sorted(expedite.cooked()) == placed


def test_another_process_publishes_while_the_one_that_led_is_frozen(expedite: Expedite) -> None:
    leader = expedite.start("order_service")
    expedite.place()
    eventually(lambda: leader.actions("order_published"))
    other = expedite.start("order_service")

    with leader.frozen():
        number = expedite.place(at=other)["order_number"]
        eventually(lambda: expedite.waiting("kitchen.takeout") == 2, 40)
        [line] = eventually(lambda: other.actions("order_published"))
        assert line["details"]["order_number"] == number

    expedite.place(at=leader)
    eventually(lambda: expedite.waiting("kitchen.takeout") == 3, 40)
    assert len({ticket["order_number"] for ticket in expedite.tickets("takeout")}) == 3
