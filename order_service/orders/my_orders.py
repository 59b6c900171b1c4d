"""The page of orders: a customer's own, to follow and to order again, and all of them for staff."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from common.accounts.access import Person
from common.accounts.identity import Caller
from common.orders.lifecycle import (
    CANCELLED,
    COMPLETED,
    COOKING,
    FAILED,
    OUT_FOR_DELIVERY,
    READY,
    RECEIVED,
)
from common.pages import Page, words
from order_service.accounts.accounts import Accounts
from order_service.orders.orders import Orders

_OWN, _ALL = 20, 50  # orders on a page

#: What staff choose from, by what it is called in the page's address: a word, and the statuses.
_STATUSES = {
    "open": ("Open", (RECEIVED, COOKING, READY, OUT_FOR_DELIVERY)),
    "completed": ("Completed", (COMPLETED,)),
    "stopped": ("Cancelled or failed", (CANCELLED, FAILED)),
}


def show(orders: Orders, accounts: Accounts, query: Mapping[str, str], caller: Caller) -> Page:
    """The page; `cursor` in the query is where it goes on. Raises Unauthorized for a guest, and Invalid."""
    person = accounts.person(caller)
    person.must_be_signed_in()
    return (_all if person.is_staff else _own)(orders, person, query, caller)


def _own(orders: Orders, person: Person, query: Mapping[str, str], caller: Caller) -> Page:
    found = _page(orders, {}, query, caller, _OWN)
    links = orders.links([order["order_number"] for order in found["items"]])
    older = _address({}, found["next"]) if found["next"] else None
    return Page("my_orders.html", person, {"orders": found["items"], "links": links, "older": older})


def _all(orders: Orders, person: Person, query: Mapping[str, str], caller: Caller) -> Page:
    known = {"show": {name: word for name, (word, _) in _STATUSES.items()}, "type": words.TYPES}
    chosen = {name: query[name] for name in known if query.get(name) in known[name]}
    filters = {}
    if "show" in chosen:
        filters["status"] = ",".join(_STATUSES[chosen["show"]][1])
    if "type" in chosen:
        filters["type"] = chosen["type"]
    found = _page(orders, filters, query, caller, _ALL)
    values = {
        "orders": found["items"],
        "filters": {name: _choices(name, known[name], chosen) for name in known},
        "older": _address(chosen, found["next"]) if found["next"] else None,
    }
    return Page("all_orders.html", person, values)


def _page(
    orders: Orders, filters: Mapping[str, str], query: Mapping[str, str], caller: Caller, limit: int
) -> dict[str, Any]:
    going_on = {"cursor": query["cursor"]} if "cursor" in query else {}
    return orders.page({**filters, **going_on, "limit": limit}, caller)


def _choices(name: str, known: Mapping[str, str], chosen: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """Links that choose one of these, or all: the word, the address, and whether it is chosen."""
    others = {other: value for other, value in chosen.items() if other != name}
    each = ((word, _address({**others, name: value}), chosen.get(name) == value) for value, word in known.items())
    return [("All", _address(others), name not in chosen), *each]


def _address(chosen: Mapping[str, str], cursor: object = None) -> str:
    """The page's, with what is chosen, from that place on."""
    query = {**chosen, "cursor": cursor} if cursor else chosen
    return f"/orders?{urlencode(query)}" if query else "/orders"
