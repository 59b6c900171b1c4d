"""The order page: the menu, the cart, and what an order needs to be placed.

Its form holds everything, so that it works without scripts: quantities stand at the dishes, and whoever wants to
see the sum first has it added up. It is answered with the order's tracker, or with the page again and all that is
wrong, each at its place. Scripts send the same form, and put the answer's HTML in its place.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from common.accounts.access import GUEST, Person
from common.accounts.identity import Caller
from common.errors import Invalid, NotFound, Refusal, TooManyRequests, Unauthorized
from common.orders import allergens
from common.orders.lifecycle import DELIVERY, DINE_IN
from common.pages import Page, Redirect
from common.pages.entrypoint import Form
from order_service.accounts.accounts import Accounts
from order_service.menu import sections
from order_service.menu.menu import Menu
from order_service.menu.sections import Section
from order_service.orders import cart as carts
from order_service.orders.cart import Cart
from order_service.orders.orders import Orders

#: An idempotency key that this page made: it says so, and the rest nobody can guess.
_KEY = re.compile(r"page-[A-Za-z0-9_-]{22}")
_OF_ITEM = re.compile(r"items\[(\d+)\](?:\.(\w+))?")

#: What a field is called in a sentence; a field that is not here is none of the page's.
_CALLED = {
    "items": "your choice",
    "order_type": "how you would like it",
    "customer_name": "name",
    "table_number": "table",
    "delivery_address": "address",
    "notification_email": "email",
    "allergies": "allergies",
}
#: What is said to somebody who fills in a form, where the rule's own words are meant for programs.
_IN_WORDS = {
    ("items", "Must be 1 to 20 items."): "Choose 1 to 20 dishes.",
    ("customer_name", "Missing."): "What is your name?",
    ("customer_name", "Must not be blank."): "What is your name?",
    ("table_number", "Required for dine_in."): "Which table?",
    ("delivery_address", "Required for delivery."): "Where shall we bring it?",
}


def show(orders: Orders, menu: Menu, accounts: Accounts, query: Mapping[str, str], caller: Caller) -> Page:
    """The page. With `again` in the query, an order's number, what can be had again of it is in the cart; that is
    for its customer, and for who has its key."""
    person = accounts.person(caller)
    shown = sections.of(_items(menu))
    if "again" not in query:
        return _page(orders, person, shown, Form([]), Cart([]))
    try:
        order: dict[str, Any] = orders.read(query["again"], caller)
    except NotFound:
        order = {}
    if "items" not in order:
        return _page(orders, person, shown, Form([]), Cart([]), again_failed=True)
    found, sold_out, gone = carts.again(order["items"], menu.current.get())
    form = Form([("order_type", order["order_type"]), *(("allergies", each) for each in order["allergies"])])
    return _page(orders, person, shown, form, found, again=True, again_sold_out=sold_out, again_gone=gone)


def place(orders: Orders, menu: Menu, accounts: Accounts, form: Form, caller: Caller) -> Page | Redirect:
    """Places the order and goes on to its tracker, or gives the page again. A button in the form may ask for
    something less: to take a dish out, to accept its price, to have it all added up."""
    if form.get("as") == GUEST and caller is not None:  # who was signed out and wants to go on without
        caller = {**caller, "token": None}
    shown = sections.of(_items(menu))
    cart = carts.sent(form, _by_tag(shown))
    try:
        person = accounts.person(caller)
        if _is_changed(cart, form):
            return _page(orders, person, shown, form, cart)
        key = _key(form)
        placed = orders.place(_body(form, cart, person), caller, key)
    except Unauthorized:
        guest = Person(GUEST)
        return _page(orders, guest, shown, form, cart, is_signed_out=True, status=Unauthorized.status)
    except (Invalid, TooManyRequests) as refusal:
        more = {}
        if any(error["field"] == "Idempotency-Key" for error in refusal.extra.get("errors", ())):
            more = {"placed_before": orders.placed_with(key, caller), "key": _new_key()}
        return _page(orders, person, shown, form, cart, refusal=refusal, status=refusal.status, **more)
    if form.get("by") == "script":  # which cannot see where a redirect leads
        return Page("placed.html", person, {"placed": placed}, 201)
    return Redirect(str(placed["tracking_url"]))


def estimate(orders: Orders, menu: Menu, query: Mapping[str, str]) -> Page:
    """When an order of what the query names would be ready, for each order type: a part of the page."""
    cart = carts.sent(query, menu.current.get().by_tag)
    return Page("ready.html", None, {"estimates": orders.estimates(cart.items()), "cart": cart})


def _page(
    orders: Orders,
    person: Person,
    shown: list[Section],
    form: Form,
    cart: Cart,
    *,
    refusal: Refusal | None = None,
    status: int = 200,
    **more: Any,
) -> Page:
    errors = _sorted_out(refusal, cart)
    on_menu = {allergen for section in shown for dish in section.dishes for allergen in dish.allergens}
    chosen = set(form.many("allergies"))
    first = allergens.in_order(on_menu)
    values: dict[str, Any] = {
        "sections": shown,
        "cart": cart,
        "form": form,
        "key": _key(form),
        "may_order": person.role != GUEST or orders.settings.guest_orders,
        "estimates": orders.estimates(cart.items()),
        "allergens": first or list(allergens.ALLERGENS),
        "more_allergens": [each for each in allergens.ALLERGENS if first and each not in on_menu],
        "chosen": chosen,
        "errors": errors,
        "to_fix": _to_fix(errors, cart) if isinstance(refusal, Invalid) else [],
        "refusal": refusal,
        "is_signed_out": False,
        "placed_before": None,
        "again": False,
        "again_failed": False,
        "again_sold_out": [],
        "again_gone": [],
    }
    return Page("order.html", person, {**values, **more}, status)


def _items(menu: Menu) -> Any:
    return menu.read()["items"]


def _by_tag(shown: list[Section]) -> dict[str, Any]:
    return {dish.tag: dish.as_ordered() for section in shown for dish in section.dishes}


def _key(form: Form) -> str:
    """The page's idempotency key: the form's, or a new one."""
    sent = form.get("key", "")
    return sent if _KEY.fullmatch(sent) else _new_key()


def _new_key() -> str:
    return f"page-{secrets.token_urlsafe(16)}"


def _is_changed(cart: Cart, form: Form) -> bool:
    """True when the form asks for a change of the cart, which is made, and not for the order."""
    if "remove" in form:
        cart.remove(form["remove"])
    if "accept" in form:
        cart.accept(form["accept"])
    return not {"remove", "accept", "add_up"}.isdisjoint(form)


def _body(form: Form, cart: Cart, person: Person) -> dict[str, Any]:
    """The order's body. Of the fields it has those that its type needs; the others keep what was typed."""
    order_type = form.get("order_type", "")
    body: dict[str, Any] = {"order_type": order_type, "items": [line.as_item() for line in cart.lines]}
    name = form.get("customer_name", "")
    if person.name is None or name.strip() != person.name:  # an account's name has rules of its own
        body["customer_name"] = name
    if order_type == DINE_IN and (table := form.get("table_number", "").strip()):
        body["table_number"] = carts.number(table)
    if order_type == DELIVERY and (address := _on_one_line(form.get("delivery_address", ""))):
        body["delivery_address"] = address
    if email := form.get("notification_email", "").strip():
        body["notification_email"] = email
    if chosen := form.many("allergies"):
        body["allergies"] = chosen
    return body


def _on_one_line(text: str) -> str:
    return ", ".join(line.strip().rstrip(",") for line in text.splitlines() if line.strip())


def _sorted_out(refusal: Refusal | None, cart: Cart) -> dict[str, str]:
    """What is wrong, by field. What is wrong with an item goes to its line, where its state does not say it."""
    errors: dict[str, str] = {}
    for error in refusal.extra.get("errors", ()) if refusal is not None else ():
        name, message = error["field"], error["message"]
        item = _OF_ITEM.fullmatch(name)
        if item is None:
            errors.setdefault(name.partition("[")[0], _IN_WORDS.get((name, message), message))
            continue
        line = cart.lines[int(item[1])]
        if not line.state and message not in line.wrong:
            line.wrong.append(message)
    return errors


def _to_fix(errors: Mapping[str, str], cart: Cart) -> list[dict[str, str | None]]:
    """What the summary names, with the place that each leads to."""
    return [
        *(
            {"place": f"line-{line.tag}", "dish": line.dish.name if line.dish else None, "called": "a dish"}
            for line in cart.lines
            if line.wrong or line.state
        ),
        *({"place": name, "dish": None, "called": _CALLED.get(name, name)} for name in errors),
    ]
