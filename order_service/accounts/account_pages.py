"""The pages for signing in and out, for a new account and for a new password."""

import re
from collections.abc import Mapping
from typing import Any

from common.accounts.access import GUEST
from common.accounts.identity import Caller
from common.errors import Forbidden, Invalid, Refusal, Taken, TooManyRequests, Unauthorized
from common.pages import Page, Redirect
from order_service.accounts.accounts import Accounts

Form = Mapping[str, str]

_MAX_DESTINATION = 2000  # characters
# What stays where it is: two slashes, or a slash and a backslash, begin another host's address.
_PATH = re.compile(r"/(?![/\\])[!-~]*")


def sign_in_form(accounts: Accounts, query: Form, caller: Caller) -> Page | Redirect:
    """The door, for who is not in yet; `next` in the query is where they were going."""
    going = destination(query.get("next", ""), accounts.own_origins)
    if accounts.person(caller).role != GUEST:
        return Redirect(going)
    return _door("sign_in.html", {}, going)


def sign_in(accounts: Accounts, form: Form, caller: Caller) -> Page | Redirect:
    """Signs in, and goes on. One message for both fields: neither shall be found out."""
    going = destination(form.get("next", ""), accounts.own_origins)
    try:
        signed_in = accounts.login(_some(form, "email", "password"), caller)
    except (Unauthorized, Invalid):
        message = "That e-mail and password do not belong together. Try again, or make an account."
        return _door("sign_in.html", form, going, {"password": message}, 422)
    except TooManyRequests as refusal:
        return _door(
            "sign_in.html", form, going, {"password": f"Too many tries. {refusal.detail}"}, refusal.status
        )
    return Redirect(going, accounts.session(str(signed_in["token"])))


def register_form(accounts: Accounts, query: Form, caller: Caller) -> Page | Redirect:
    """An account to fill in."""
    going = destination(query.get("next", ""), accounts.own_origins)
    if accounts.person(caller).role != GUEST:
        return Redirect(going)
    return _door("register.html", {}, going)


def register(accounts: Accounts, form: Form, caller: Caller) -> Page | Redirect:
    """Makes the account, signs in, and goes on."""
    going = destination(form.get("next", ""), accounts.own_origins)
    try:
        signed_in = accounts.register(_some(form, "email", "username", "password"), caller)
    except (Invalid, Taken, TooManyRequests) as refusal:
        return _door("register.html", form, going, wrong(refusal), refusal.status)
    return Redirect(going, accounts.session(str(signed_in["token"])))


def account_form(accounts: Accounts, query: Form, caller: Caller) -> Page:
    """One's own account: the password, and the way out. Raises Unauthorized for a guest."""
    return _account(accounts, caller, {}, 200, is_changed="changed" in query)


def change_password(accounts: Accounts, form: Form, caller: Caller) -> Page | Redirect:
    """Changes it, and stays signed in here; everywhere else one is signed out. Raises Unauthorized for a guest."""
    try:
        signed_in = accounts.change_password(_some(form, "current_password", "new_password"), caller)
    except Forbidden as refusal:
        errors, status = {"current_password": refusal.detail}, refusal.status
    except (Invalid, TooManyRequests) as refusal:
        errors, status = wrong(refusal), refusal.status
    else:
        return Redirect("/account?changed", accounts.session(str(signed_in["token"])))
    return _account(accounts, caller, errors, status)


def sign_out() -> Redirect:
    """This browser forgets who it was."""
    return Redirect("/", session=None)


def wrong(refusal: Refusal) -> dict[str, str]:
    """What is wrong, by the field that it is about; what is about none stands under ""."""
    if "errors" in refusal.extra:
        return {error["field"]: error["message"] for error in reversed(refusal.extra["errors"])}
    return {str(refusal.extra.get("field", "")): refusal.detail}


def destination(wanted: str, own_origins: frozenset[str]) -> str:
    """Where somebody goes on who was going to `wanted`: nowhere but to our own pages."""
    if len(wanted) > _MAX_DESTINATION:
        return "/"
    if _PATH.fullmatch(wanted):
        return wanted
    is_ours = any(
        wanted.startswith(origin) and _PATH.fullmatch(wanted.removeprefix(origin) or "/") for origin in own_origins
    )
    return wanted if is_ours else "/"


def _door(template: str, form: Form, going: str, errors: dict[str, str] | None = None, status: int = 200) -> Page:
    values: dict[str, Any] = {"form": {**form, "password": ""}, "errors": errors or {}, "going": going}
    return Page(template, None, values, status)


def _account(
    accounts: Accounts, caller: Caller, errors: dict[str, str], status: int, is_changed: bool = False
) -> Page:
    values = {"account": accounts.own(caller), "errors": errors, "is_changed": is_changed}
    return Page("account.html", accounts.person(caller), values, status)


def _some(form: Form, *names: str) -> dict[str, str]:
    return {name: form[name] for name in names if name in form}
