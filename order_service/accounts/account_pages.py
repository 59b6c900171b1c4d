"""The pages for signing in and out, for a new account and for a new password."""

import logging
import re
from collections.abc import Mapping

from common.accounts.access import GUEST
from common.accounts.identity import Caller
from common.errors import Forbidden, Invalid, Refusal, Taken, TooManyRequests, Unauthorized, Unavailable
from common.observability import logs
from common.pages import Page, Redirect
from order_service.accounts.accounts import Accounts
from order_service.accounts.by_mail import ByMail

Form = Mapping[str, str]

_MAX_DESTINATION = 2000  # characters
# What stays where it is: two slashes, or a slash and a backslash, begin another host's address.
_PATH = re.compile(r"/(?![/\\])[!-~]*")


def sign_in_form(accounts: Accounts, query: Form, caller: Caller) -> Page | Redirect:
    """The door, for who is not in yet; `next` in the query is where they were going."""
    going = destination(query.get("next", ""), accounts.own_origins)
    if accounts.person(caller).role != GUEST:
        return Redirect(going)
    return door("sign_in.html", {}, going=going, done=query.get("done", ""))


def sign_in(accounts: Accounts, form: Form, caller: Caller) -> Page | Redirect:
    """Signs in, and goes on. One message for both fields: neither shall be found out."""
    going = destination(form.get("next", ""), accounts.own_origins)
    try:
        signed_in = accounts.login(some(form, "email", "password"), caller)
    except Forbidden as refusal:
        message, status = refusal.detail, refusal.status
    except (Unauthorized, Invalid):
        message, status = "That e-mail and password do not belong together. Try again, or make an account.", 422
    except TooManyRequests as refusal:
        message, status = f"Too many tries. {refusal.detail}", refusal.status
    else:
        return Redirect(going, accounts.session(str(signed_in["token"])))
    return door("sign_in.html", form, {"password": message}, status, going=going, done="")


def register_form(accounts: Accounts, query: Form, caller: Caller) -> Page | Redirect:
    """An account to fill in."""
    going = destination(query.get("next", ""), accounts.own_origins)
    if accounts.person(caller).role != GUEST:
        return Redirect(going)
    return door("register.html", {}, going=going)


def register(accounts: Accounts, form: Form, caller: Caller) -> Page | Redirect:
    """Makes the account, signs in, and goes on."""
    going = destination(form.get("next", ""), accounts.own_origins)
    try:
        signed_in = accounts.register(some(form, "email", "username", "password"), caller)
    except (Invalid, Taken, TooManyRequests) as refusal:
        return door("register.html", form, wrong(refusal), refusal.status, going=going)
    return Redirect(going, accounts.session(str(signed_in["token"])))


def account_form(accounts: Accounts, query: Form, caller: Caller) -> Page:
    """One's own account: the password, the address, and the way out. Raises Unauthorized for a guest."""
    return _account(accounts, caller, {}, 200, done=next(iter(query), ""))


def change_password(accounts: Accounts, form: Form, caller: Caller) -> Page | Redirect:
    """Changes it, and stays signed in here; everywhere else one is signed out. Raises Unauthorized for a guest."""
    try:
        signed_in = accounts.change_password(some(form, "current_password", "new_password"), caller)
    except Forbidden as refusal:
        errors, status = {"current_password": refusal.detail}, refusal.status
    except (Invalid, TooManyRequests) as refusal:
        errors, status = wrong(refusal), refusal.status
    else:
        return Redirect("/account?changed", accounts.session(str(signed_in["token"])))
    return _account(accounts, caller, errors, status)


def change_address(accounts: Accounts, by_mail: ByMail, form: Form, caller: Caller) -> Page | Redirect:
    """Asks for a letter to the new one. Raises Unauthorized for a guest."""
    try:
        by_mail.change_address(some(form, "email", "password"), caller)
    except Forbidden as refusal:
        errors, status = {"password": refusal.detail}, refusal.status
    except (Invalid, TooManyRequests) as refusal:
        errors, status = {name or "address": said for name, said in wrong(refusal).items()}, refusal.status
    else:
        return Redirect("/account?asked")
    return _account(accounts, caller, errors, status, email=form.get("email", ""))


def sign_out(accounts: Accounts, caller: Caller) -> Redirect:
    """This browser forgets who it was, whatever happens; and copies of what it had are void, if PostgreSQL can be
    told."""
    try:
        accounts.logout(caller)
    except Unauthorized:
        pass  # of a session that has ended by itself
    except Unavailable:
        logs.event("sign_out_failed", "a copy of the session is good until it ends", logging.WARNING)
    return Redirect("/", session=None)


def sign_out_everywhere(accounts: Accounts, caller: Caller) -> Redirect:
    """Every browser forgets, and every program. Raises Unauthorized for a guest."""
    accounts.logout_everywhere(caller)
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


def door(
    template: str, form: Form, errors: dict[str, str] | None = None, status: int = 200, **values: object
) -> Page:
    """A page in front of the house, with a form; a password that was typed is not given back."""
    shown = {"form": {**form, "password": ""}, "errors": errors or {}, **values}
    return Page(template, None, shown, status)


def _account(
    accounts: Accounts,
    caller: Caller,
    errors: dict[str, str],
    status: int,
    *,
    done: str = "",
    email: str = "",
) -> Page:
    values = {"account": accounts.own(caller), "errors": errors, "done": done}
    return Page("account.html", accounts.person(caller), {**values, "email": email}, status)


def some(form: Form, *names: str) -> dict[str, str]:
    """Those of its fields that were sent."""
    return {name: form[name] for name in names if name in form}
