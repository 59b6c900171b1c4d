"""PostgreSQL commits, and whoever asked for it never hears so: it is found again, and not done twice."""

import pytest
import requests

from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order
from tests.support.proxy import Proxy, through


@pytest.mark.parametrize("lost", ["cooking", "ready"])
def test_a_worker_that_does_not_hear_of_its_own_move_goes_on_with_the_order(
    expedite: Expedite, to_postgres: Proxy, lost: str
) -> None:
    expedite.start("order_service")
    worker = expedite.start_worker(COOKING_SPEED=2, DATABASE_URL=through(to_postgres, expedite.database_url))
    # Somebody else is there, but the order is not theirs.
    expedite.start_worker("bystander", ORDER_TYPES="delivery")
    if lost == "ready":
        number = expedite.place_number()
        expedite.wait_for(number, "cooking")
    to_postgres.lose_the_answer(b"execute write")
    if lost == "cooking":
        number = expedite.place_number()

    eventually(lambda: worker.actions("db_transaction_failed"), 20)
    expedite.wait_for(number, "ready")
    eventually(expedite.is_settled)
    assert expedite.history(number) == ["received", "cooking", "ready"]
    assert expedite.query("select name, orders_processed from workers order by name") == [
        ("bystander", 0),
        ("chef_mario", 1),
    ]


@pytest.mark.one_of_its_kind
def test_an_order_whose_answer_was_lost_is_answered_when_it_is_sent_again_and_placed_once(
    expedite: Expedite, to_postgres: Proxy
) -> None:
    desk = expedite.start("order_service", DATABASE_URL=through(to_postgres, expedite.database_url))
    to_postgres.lose_the_answer(b"execute write")

    def order() -> requests.Response:
        return requests.post(
            f"{desk.url}/orders", json=an_order(), headers={"Idempotency-Key": "only-once"}, timeout=20
        )

    assert order().status_code == 503
    # PostgreSQL may be committing still.
    [placed] = eventually(lambda: expedite.query("select number from orders"))
    answer = eventually(lambda: again if (again := order()).status_code == 201 else None, 20)
    assert (answer.json()["order_number"],) == placed
    assert expedite.query("select number from orders") == [placed]
