"""Cancelling from the tracker's page, which belongs to another service: its form is sent here, and whoever sent it
goes back to see how the order stands now."""

from collections.abc import Mapping
from urllib.parse import quote

from common.accounts.identity import Caller
from common.errors import IllegalMove, Unauthorized
from common.pages import Redirect
from order_service.orders.orders import Orders


def cancel(orders: Orders, order_number: str, form: Mapping[str, str], caller: Caller) -> Redirect:
    """Cancels the order for who sends its `key` along or is signed in as its customer, or as staff. Goes back to
    the tracker, also when it was too late. Raises NotFound (also for somebody else's order)."""
    key = form.get("key") or None
    tracker = f"{orders.settings.tracking_url}/track/{order_number}" + (f"?key={quote(key)}" if key else "")
    asking = {**(caller or {}), "key": key}
    try:
        orders.cancel(order_number, None, asking)
    except IllegalMove:
        return Redirect(f"{tracker}{'&' if key else '?'}late=1")
    except Unauthorized:
        # The session has ended. The order's key is as good without one.
        if key is not None and asking["token"] is not None:
            return cancel(orders, order_number, form, {**asking, "token": None})
        return Redirect(f"{orders.settings.public_url}/sign-in?next={quote(tracker, safe='')}")
    return Redirect(tracker)
