"""How long the kitchen's simulated work takes, at speed 1."""

from common.lifecycle import DELIVERY, DINE_IN, TAKEOUT

_SECONDS = {DINE_IN: 8, TAKEOUT: 10, DELIVERY: 12}


def seconds(order_type: str) -> int:
    """Seconds for an order of that type."""
    return _SECONDS[order_type]
