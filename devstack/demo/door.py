"""The API, as guests and staff use it. What cannot be had is None: a play goes on."""

from collections.abc import Mapping
from typing import Any

import requests

from devstack.processes import DevstackError, say
from devstack.staff_account import StaffAccount

_PATIENCE = 5  # seconds


class Door:
    """Speaks to order_service and tracking_service; `services` are their addresses."""

    def __init__(self, services: Mapping[str, str], account: StaffAccount) -> None:
        self._orders = services["order_service"]
        self._tracking = services["tracking_service"]
        self._account = account
        self._guests = requests.Session()
        self._staff = requests.Session()

    def sign_in(self) -> None:
        """Staff sign in, for an hour. Raises DevstackError when they cannot."""
        body = {"email": self._account.email, "password": self._account.password}
        answer = self._staff.post(f"{self._orders}/login", json=body, timeout=_PATIENCE)
        if answer.status_code != 200:
            raise DevstackError(f"{self._account.email} could not sign in: {answer.text}")
        self._staff.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    # --- guests ------------------------------------------------------------------------------------------

    def menu(self) -> list[dict[str, Any]]:
        """The dishes that are not sold out."""
        found = _json(self._guests, "GET", f"{self._orders}/menu")
        return [dish for dish in (found or {}).get("items", []) if dish["available"]]

    def place(self, order: dict[str, Any], key: str) -> Any:
        """The answer to an order, which is placed once however often it is sent with the key. None for what is
        refused: a dish may have sold out a moment ago."""
        return _json(self._guests, "POST", f"{self._orders}/orders", order, {"Idempotency-Key": key})

    def cancel(self, number: str, secret: str) -> bool:
        """By its guest. False when it is too late."""
        return _json(self._guests, "POST", f"{self._orders}/orders/{number}/cancel?key={secret}") is not None

    def status(self, number: str) -> Any:
        """Where an order stands."""
        return _json(self._guests, "GET", f"{self._tracking}/orders/{number}/status")

    def workers_online(self) -> set[str]:
        """Their names."""
        found = _json(self._guests, "GET", f"{self._tracking}/workers/status") or []
        return {worker["worker_name"] for worker in found if worker["status"] == "online"}

    # --- staff -------------------------------------------------------------------------------------------

    def orders(self, statuses: str) -> list[dict[str, Any]]:
        """Those that have one of these statuses (separated by commas), the oldest first."""
        url = f"{self._orders}/orders?status={statuses}&sort=placed_at&limit=100"
        found = _json(self._staff, "GET", url)
        return list((found or {}).get("items", []))

    def move(self, number: str, what: str, body: dict[str, Any] | None = None) -> bool:
        """`what` is a move as its address ends: ready, complete, … False when it cannot be made any more."""
        return _json(self._staff, "POST", f"{self._orders}/orders/{number}/{what}", body) is not None

    def sell_out(self, dish: dict[str, Any], is_available: bool) -> bool:
        """Sell a dish out, or bring it back."""
        change = {"available": is_available}
        return _json(self._staff, "PATCH", f"{self._orders}{dish['url']}", change) is not None


def _json(
    session: requests.Session,
    method: str,
    url: str,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """The answer, or None when it is a refusal, or there was none. What is no refusal but a fault is said."""
    try:
        answer = session.request(method, url, json=body, headers=headers, timeout=_PATIENCE)
    except requests.RequestException:
        return None
    if answer.status_code >= 500:
        say(f"  {method} {url.partition('?')[0]} answered {answer.status_code}: {answer.text[:200]}")
    return answer.json() if answer.ok else None
