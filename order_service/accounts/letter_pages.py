"""The pages for what is done by e-mail: those that ask for a letter, and those that a letter's link leads to.

The latter tell no other site where they are, which would tell it the link. To look at one does nothing: what it is
for is done by its form.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from common.accounts.access import GUEST
from common.accounts.identity import Caller
from common.errors import Invalid, LinkEnded, Taken, TooManyRequests
from common.pages import Page, Redirect
from order_service.accounts.account_pages import destination, door, some, wrong
from order_service.accounts.by_mail import ByMail

Form = Mapping[str, str]


# --- a new account ------------------------------------------------------------------------------------------


def register_form(by_mail: ByMail, query: Form, caller: Caller) -> Page | Redirect:
    """Whose account it shall be; once that is said, that a letter is on its way."""
    if by_mail.person(caller).role != GUEST:
        return Redirect(destination(query.get("next", ""), by_mail.own_origins))
    return _sent("Nice to meet you.") if "sent" in query else door("register_by_mail.html", {})


def register(by_mail: ByMail, form: Form, caller: Caller) -> Page | Redirect:
    """Asks for the letter."""
    try:
        by_mail.register(some(form, "email"), caller)
    except (Invalid, TooManyRequests) as refusal:
        return door("register_by_mail.html", form, wrong(refusal), refusal.status)
    return Redirect("/register?sent")


def finish_form(by_mail: ByMail, query: Form) -> Page:
    """What a new account needs besides."""
    return _behind_a_link("finish_registration.html", query, by_mail.invited, again="/register")


def finish(by_mail: ByMail, form: Form, caller: Caller) -> Page | Redirect:
    """Makes the account, signs in, and goes on."""
    try:
        signed_in = by_mail.finish(some(form, "link", "username", "password"), caller)
    except (Invalid, Taken, TooManyRequests, LinkEnded) as refusal:
        return _behind_a_link(
            "finish_registration.html", form, by_mail.invited, again="/register", refusal=refusal
        )
    return Redirect("/", by_mail.session(str(signed_in["token"])))


# --- a forgotten password -----------------------------------------------------------------------------------


def forgot_form(by_mail: ByMail, query: Form) -> Page:
    """Where the letter shall go to; once that is said, that it is on its way. Raises NoMail."""
    by_mail.must_be_on()
    return _sent("It happens.") if "sent" in query else door("forgotten_password.html", {})


def forgot(by_mail: ByMail, form: Form, caller: Caller) -> Page | Redirect:
    """Asks for the letter. Raises NoMail."""
    try:
        by_mail.forgot(some(form, "email"), caller)
    except (Invalid, TooManyRequests) as refusal:
        return door("forgotten_password.html", form, wrong(refusal), refusal.status)
    return Redirect("/forgotten-password?sent")


def reset_form(by_mail: ByMail, query: Form) -> Page:
    """A new password to choose."""
    return _behind_a_link("reset_password.html", query, by_mail.forgetful, again="/forgotten-password")


def reset(by_mail: ByMail, form: Form, caller: Caller) -> Page | Redirect:
    """Makes it the account's, and goes on to the door."""
    try:
        by_mail.reset(some(form, "link", "new_password"), caller)
    except (Invalid, TooManyRequests, LinkEnded) as refusal:
        return _behind_a_link(
            "reset_password.html", form, by_mail.forgetful, again="/forgotten-password", refusal=refusal
        )
    return Redirect("/sign-in?done=password", session=None)


# --- a new address ------------------------------------------------------------------------------------------


def new_address_form(by_mail: ByMail, query: Form) -> Page:
    """Whether it shall be the account's."""
    return _behind_a_link("new_address.html", query, by_mail.moving, again="/account")


def new_address(by_mail: ByMail, form: Form, caller: Caller) -> Page | Redirect:
    """It shall."""
    try:
        by_mail.confirm_address(some(form, "link"), caller)
    except (Invalid, LinkEnded) as refusal:
        return _behind_a_link("new_address.html", form, by_mail.moving, again="/account", refusal=refusal)
    return Redirect("/sign-in?done=address", session=None)


# --- for all of them ----------------------------------------------------------------------------------------


def _sent(greeting: str) -> Page:
    """The same for every address."""
    return door("letter_sent.html", {}, greeting=greeting)


def _behind_a_link(
    template: str,
    said: Form,
    whose: Callable[[object], str],
    *,
    again: str,
    refusal: Invalid | Taken | TooManyRequests | LinkEnded | None = None,
) -> Page:
    """The page that a link leads to: its form, with what was wrong with what was sent; or, of a link that is over,
    where to ask `again`."""
    try:
        if isinstance(refusal, LinkEnded):
            raise refusal
        email = whose(said.get("link"))
    except LinkEnded as over:
        page = door("link_over.html", {}, status=over.status, detail=over.detail, again=again)
    else:
        errors, status = ({}, 200) if refusal is None else (wrong(refusal), refusal.status)
        page = door(template, said, errors, status, email=email, link=said.get("link"))
    return replace(page, referrer_policy="no-referrer")
