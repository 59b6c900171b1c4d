"""How long the kitchen's simulated work takes, at speed 1."""

from collections.abc import Iterable

from common.orders.lifecycle import DELIVERY, DINE_IN, TAKEOUT

_SECONDS = {DINE_IN: 8, TAKEOUT: 10, DELIVERY: 12}


def seconds(order_type: str, items: Iterable[int | None] = ()) -> int:
    """Seconds for an order of that type: its own, or the longest of its items' if one takes longer.

    `items` are the seconds that the menu gives; None where it gives none.
    """
    return max([_SECONDS[order_type], *(own for own in items if own is not None)])
