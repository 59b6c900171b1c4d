"""What an order costs, and how much it matters."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol


class Priced(Protocol):
    """A line with a quantity and a price of one piece."""

    @property
    def quantity(self) -> int: ...
    @property
    def price(self) -> Decimal: ...


def total(items: Iterable[Priced]) -> Decimal:
    """The sum of the lines, with two decimals."""
    return sum((item.quantity * item.price for item in items), Decimal("0.00"))


def priority(total_amount: Decimal) -> int:
    """10 above 100.00; 5 from 50.00 to 100.00, both inclusive; 1 below."""
    if total_amount > 100:
        return 10
    return 5 if total_amount >= 50 else 1
