"""The tracker's page."""

from collections.abc import Mapping

from common.accounts.identity import Caller
from common.orders.lifecycle import CANCELLED, RECEIVED
from common.pages import Page
from tracking_service.tracker.tracker import Tracker


def track(tracker: Tracker, order_number: str, query: Mapping[str, str], caller: Caller) -> Page:
    """An order. `late` in the query: its customer has just tried to cancel it, and it was too late. Raises
    NotFound."""
    person, order = tracker.look(order_number, caller)
    values = {
        "order": order,
        "is_late": "late" in query and order.is_mine and order.facts.status not in (RECEIVED, CANCELLED),
        "key_is_wrong": person.key is not None and not order.is_mine,
    }
    return Page("tracker.html", person, values)
