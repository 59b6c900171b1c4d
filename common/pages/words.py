"""The words that people read for what has a name in the tables, in one place. What they say fits a bar as well as
a kitchen."""

from common.orders.allergens import ALLERGENS as _ALLERGENS
from common.orders.lifecycle import (
    CANCELLED,
    COMPLETED,
    COOKING,
    DELIVERY,
    DINE_IN,
    FAILED,
    OUT_FOR_DELIVERY,
    READY,
    RECEIVED,
    TAKEOUT,
)

TYPES = {DINE_IN: "Dine in", TAKEOUT: "Takeout", DELIVERY: "Delivery"}

STATUSES = {
    RECEIVED: "Received",
    COOKING: "Preparing",
    READY: "Ready",
    OUT_FOR_DELIVERY: "Out for delivery",
    COMPLETED: "Completed",
    CANCELLED: "Cancelled",
    FAILED: "Failed",
}

#: The last step of an order, by its type: what `completed` means to its customer.
COMPLETED_AS = {DINE_IN: "Served", TAKEOUT: "Collected", DELIVERY: "Delivered"}

#: The fourteen, as the name of a thing that can be ticked; in a sentence their own words will do.
ALLERGENS = {allergen: allergen.capitalize() for allergen in _ALLERGENS}

ROLES = {"customer": "Customer", "employee": "Staff", "admin": "Admin"}
