"""What a ticket says by itself."""

from datetime import UTC, datetime

import pytest

from common.orders import front
from common.orders.lifecycle import RECEIVED, STATUSES
from common.orders.open_orders import Item, Ticket

NOW = datetime(2026, 11, 22, 20, 43, tzinfo=UTC)
TICKET = Ticket(
    number="ORD_20261122_150",
    order_type="dine_in",
    status="received",
    sequence=1,
    priority=1,
    front_at=None,
    table_number=21,
    customer_name="Ada",
    placed_at=NOW,
    updated_at=NOW,
    cooking_started_at=None,
    completed_at=None,
    estimated_completion=None,
    processed_by=None,
    accepted_by=None,
    allergies=["eggs"],
    changed_by="customer",
    changed_at=NOW,
    reason=None,
    is_recalled=False,
    retry_at=None,
    tries=0,
    changed_in=None,
    items=[
        Item(1, "Clover Club", None, ("eggs", "sulphites")),
        Item(2, "Margarita", "no salt", ()),
        Item(1, "Something with eggs", None, None),
        Item(1, "Tiramisu", None, ("eggs", "milk")),
    ],
)


def test_the_dishes_with_an_allergen_are_those_of_which_the_menu_says_so() -> None:
    assert TICKET.dishes_with("eggs") == ["Clover Club", "Tiramisu"]
    assert TICKET.dishes_with("milk") == ["Tiramisu"]
    assert TICKET.dishes_with("fish") == []


@pytest.mark.parametrize("status", [status for status in STATUSES if status != RECEIVED])
@pytest.mark.parametrize("holder", [None, "chef_mario"])
def test_who_cannot_go_to_the_front_is_told_why_and_what_to_do(status: str, holder: str | None) -> None:
    to_front = front.refusal("ORD_20261122_150", status, holder, undo=False)
    back = front.refusal("ORD_20261122_150", status, holder, undo=True)
    assert to_front.startswith(
        f"ORD_20261122_150 is {status}: only an order that waits can be sent to the front. "
    )
    assert "None" not in to_front
    assert back == f"ORD_20261122_150 is {status}: only an order that waits can be put back in its place."
