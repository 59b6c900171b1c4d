"""What an order costs and how much that matters."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_service.orders import pricing
from order_service.orders.order_form import Item

lines = st.lists(
    st.builds(
        Item, st.just("Pizza"), st.integers(1, 10), st.integers(1, 99999).map(lambda cents: Decimal(cents) / 100)
    ),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize(
    ("total", "priority"),
    [
        ("0.01", 1),
        ("49.99", 1),
        ("50.00", 5),
        ("50.01", 5),
        ("99.99", 5),
        ("100.00", 5),
        ("100.01", 10),
        ("199998.00", 10),
    ],
)
def test_the_priority_of_a_total(total: str, priority: int) -> None:
    assert pricing.priority(Decimal(total)) == priority


def test_a_total_has_no_rounding_error() -> None:
    items = [Item("Gum", 10, Decimal("0.10")), Item("Mint", 3, Decimal("0.01"))]
    assert str(pricing.total(items)) == "1.03"


def test_the_largest_order_there_can_be() -> None:
    assert str(pricing.total([Item("Truffle", 10, Decimal("999.99"))] * 20)) == "199998.00"


@given(lines)
def test_a_total_is_exact_to_the_cent(items: list[Item]) -> None:
    cents = sum(item.quantity * int(item.price * 100) for item in items)
    assert pricing.total(items) * 100 == cents
    assert pricing.total(items).as_tuple().exponent == -2
