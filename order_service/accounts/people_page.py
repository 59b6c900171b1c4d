"""The page of people: who has an account, and which role; for admins, who change both there."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from common.accounts.access import Person
from common.accounts.identity import Caller
from common.errors import Invalid, LastAdmin, NotFound
from common.orders.lifecycle import ADMIN, CUSTOMER, EMPLOYEE, USER_ROLES
from common.pages import Page, Redirect
from order_service.accounts.accounts import Accounts

Fields = Mapping[str, str]

#: Whom the page can be narrowed down to: what that is called, and the roles.
_ROLES = {"": "Everybody", f"{EMPLOYEE},{ADMIN}": "Staff and admins", CUSTOMER: "Customers"}
_PARAMETERS = ("role", "search", "cursor")  # of the page's address


def show(accounts: Accounts, query: Fields, caller: Caller) -> Page:
    """The page: all people or, by `role` and `search` in the query, some. Raises Unauthorized and Forbidden."""
    person = accounts.person(caller)
    person.must_be_admin()
    return _page(accounts, query, person, caller)


def give_role(accounts: Accounts, user_id: str, form: Fields, query: Fields, caller: Caller) -> Page | Redirect:
    """Gives somebody the role that the form names, and shows them on the page that the form was on. Raises
    Unauthorized and Forbidden."""
    person = accounts.person(caller)
    person.must_be_admin()
    try:
        given = accounts.set_role(user_id, {"role": form.get("role")}, caller)
    except LastAdmin:
        message = "Nobody could give roles any more. Make somebody else an admin first."
        return _page(accounts, query, person, caller, errors={user_id: message}, status=LastAdmin.status)
    except NotFound as refusal:
        return _page(accounts, query, person, caller, errors={"": refusal.detail}, status=refusal.status)
    except Invalid as refusal:
        return _page(accounts, query, person, caller, errors={user_id: "Choose a role."}, status=refusal.status)
    return Redirect(f"{_address(_asked(query))}#person-{given['id']}")


def disable(accounts: Accounts, user_id: str, form: Fields, query: Fields, caller: Caller) -> Page | Redirect:
    """Disables somebody's account, or enables it again, as the form says, and shows them on the page that the form
    was on. Raises Unauthorized and Forbidden."""
    person = accounts.person(caller)
    person.must_be_admin()
    try:
        accounts.set_disabled(user_id, {"disabled": form.get("disabled") == "yes"}, caller)
    except LastAdmin:
        message = "Nobody could manage people any more. Make somebody else an admin first."
        return _page(accounts, query, person, caller, errors={user_id: message}, status=LastAdmin.status)
    except NotFound as refusal:
        return _page(accounts, query, person, caller, errors={"": refusal.detail}, status=refusal.status)
    return Redirect(f"{_address(_asked(query))}#person-{user_id}")


def _page(
    accounts: Accounts,
    query: Fields,
    person: Person,
    caller: Caller,
    *,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Page:
    asked = _asked(query)
    try:
        found: dict[str, Any] = accounts.page(asked, caller)
    except Invalid:  # an address that somebody has changed by hand
        asked = {}
        found = accounts.page(asked, caller)
    narrowed = {name: value for name, value in asked.items() if name != "cursor"}
    chosen = asked.get("role", "")
    values = {
        "people": found["items"],
        "roles": USER_ROLES,
        "errors": errors or {},
        "search": asked.get("search", ""),
        "role": chosen,
        "groups": [
            (word, _address({**narrowed, "role": roles}), roles == chosen) for roles, word in _ROLES.items()
        ],
        "again": urlencode(asked),
        "is_first": "cursor" not in asked,
        "first": _address(narrowed),
        "next": _address({**narrowed, "cursor": found["next"]}) if found["next"] else None,
    }
    return Page("people.html", person, values, status)


def _asked(query: Fields) -> dict[str, str]:
    """What of the query is about which people are shown; an empty field asks for nothing."""
    return {name: query[name] for name in _PARAMETERS if query.get(name)}


def _address(asked: Fields) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"/users?{query}" if query else "/users"
