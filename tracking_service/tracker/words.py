"""What the tracker calls things. A kitchen cooks and a bar mixes; both prepare."""

from common.orders.lifecycle import COMPLETED, DELIVERY, DINE_IN, TAKEOUT
from common.pages.words import COMPLETED_AS, STATUSES

WAITING = "Waiting its turn"
PREPARING_AGAIN = "Preparing again"
TAKEN_UP_AGAIN = "Taken up again"

#: Orders of a type, when there are many.
MANY = {DINE_IN: "table orders", TAKEOUT: "takeout", DELIVERY: "deliveries"}

#: What the estimated time of each type is the time of.
PROMISED = {DINE_IN: "ready, then at your table", TAKEOUT: "ready to collect", DELIVERY: "ready, then on its way"}

READY_AS = {DINE_IN: "Ready", TAKEOUT: "Ready to collect", DELIVERY: "Ready to go out"}

#: Whom to ask, once it is too late to cancel here.
ASK = {
    DINE_IN: "Ask whoever serves you, they can still stop it.",
    TAKEOUT: "Ask at the counter, they can still stop it.",
    DELIVERY: "Call us, we can still stop it.",
}

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def step(status: str, order_type: str) -> str:
    """The name of the step that an order takes by getting that status."""
    own = {COMPLETED: COMPLETED_AS[order_type]}
    return own.get(status, STATUSES[status])


def ordinal(place: int) -> str:
    """first, second, … tenth, 11th, 21st, 22nd."""
    if place <= len(_ORDINALS):
        return _ORDINALS[place - 1]
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"
