"""Open orders as values, for tests of what screens show."""

from datetime import UTC, datetime, timedelta
from typing import Any

from common.orders.open_orders import Item, Ticket

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_ticket(waited: float = 60, **changes: Any) -> Ticket:
    """A takeout order of two pizzas that was placed `waited` seconds before noon, changed."""
    placed = NOON - timedelta(seconds=waited)
    values: dict[str, Any] = {
        "number": "ORD_20261122_148",
        "order_type": "takeout",
        "status": "received",
        "sequence": 1,
        "priority": 1,
        "front_at": None,
        "table_number": None,
        "customer_name": "Ada Lovelace",
        "placed_at": placed,
        "updated_at": placed,
        "cooking_started_at": None,
        "completed_at": None,
        "estimated_completion": None,
        "processed_by": None,
        "accepted_by": None,
        "allergies": (),
        "changed_by": "customer",
        "changed_at": placed,
        "reason": None,
        "is_recalled": False,
        "retry_at": None,
        "tries": 0,
        "changed_in": None,
        "items": (Item(2, "Margherita Pizza", None, ("gluten", "milk")),),
    }
    return Ticket(**{**values, **changes})
