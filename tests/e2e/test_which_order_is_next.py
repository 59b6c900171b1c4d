"""Of what waits, a worker takes the most urgent."""

from tests.support.eventually import eventually
from tests.support.expedite import PIZZA, Expedite

WHERE = {
    "dine_in": {"order_type": "dine_in", "table_number": 7},
    "takeout": {"order_type": "takeout"},
    "delivery": {"order_type": "delivery", "delivery_address": "12 Baker Street"},
}
PRICES = {1: 15.99, 5: 75.00, 10: 150.00}


def place(expedite: Expedite, order_type: str, priority: int) -> str:
    placed = expedite.place(**WHERE[order_type], items=[{**PIZZA, "price": PRICES[priority]}])
    assert placed["priority"] == priority
    return str(placed["order_number"])


def test_a_large_order_behind_twenty_of_all_types_is_cooked_next(expedite: Expedite) -> None:
    expedite.start("order_service")
    types = ["dine_in", "takeout", "delivery", "takeout"] * 5
    twenty = [place(expedite, order_type, 1) for order_type in types]
    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)])

    expedite.start_worker(COOKING_SPEED=1)
    eventually(lambda: len(expedite.cooked()) == 1)
    urgent = place(expedite, "delivery", 10)

    eventually(lambda: len(expedite.cooked()) == 2, 40)
    assert expedite.cooked() == [twenty[0], urgent]


def test_the_most_urgent_first_and_within_a_priority_the_oldest_across_the_queues(expedite: Expedite) -> None:
    expedite.start("order_service")
    wanted = [
        ("takeout", 1), ("dine_in", 5), ("delivery", 1), ("dine_in", 1), ("takeout", 10), ("takeout", 5),
        ("delivery", 5), ("dine_in", 10), ("takeout", 1), ("delivery", 10), ("dine_in", 1), ("takeout", 5),
    ]  # fmt: skip
    placed = [(place(expedite, order_type, priority), priority) for order_type, priority in wanted]
    eventually(lambda: expedite.query("select count(*) from outbox") == [(0,)])

    expedite.start_worker()
    eventually(lambda: len(expedite.cooked()) == len(placed))
    assert expedite.cooked() == [number for number, _ in sorted(placed, key=lambda order: -order[1])]
