"""The pages that letters lead to. Only what is pressed there changes something: programs that look at the links of
a letter before its reader does change nothing."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from common.accounts import links
from common.accounts.access import Person
from common.accounts.identity import Caller
from common.pages import Page, Redirect
from notifier_service.mail import choices
from notifier_service.mail.choices import Address
from notifier_service.mail.owners import CLOSED, Owners

Fields = Mapping[str, str]


def show(owners: Owners, query: Fields, caller: Caller) -> Page:
    """What the owner of an address gets: of the link's, or of who is signed in. Raises LinkEnded, Unauthorized."""
    person, address, token = _whose(owners, query, caller)
    return _page(person, address, token, is_saved="saved" in query, is_asked="asked" in query)


def choose(owners: Owners, form: Fields, caller: Caller) -> Redirect:
    """Takes another choice, and goes back. Raises LinkEnded, Unauthorized, Invalid, and Forbidden for who is
    signed in with an address that nobody has confirmed."""
    _, address, token = _whose(owners, form, caller)
    if not token:
        address.must_be_confirmed()
    owners.choose(address, form.get("wants"))
    return _back(token, "saved")


def ask(owners: Owners, caller: Caller) -> Redirect:
    """Sends who is signed in a letter to confirm their address. Raises Unauthorized, Forbidden, NoMail."""
    _, address = owners.signed_in(caller)
    owners.ask(address)
    return _back("", "asked")


def confirm_form(owners: Owners, query: Fields) -> Page:
    """The button that says yes. Raises LinkEnded."""
    token = query.get("token", "")
    address = owners.by_link(token, links.CONFIRM_ADDRESS)
    return Page("confirm.html", None, {"address": address, "token": token, "choices": CHOICES[:2]})


def confirm(owners: Owners, form: Fields) -> Page:
    """It was pressed. Raises LinkEnded, Invalid."""
    address = owners.by_link(form.get("token"), links.CONFIRM_ADDRESS)
    owners.choose(address, form.get("wants", choices.ONLY_READY))
    owners.confirm(address)
    return Page("confirm.html", None, {"address": address, "token": None, "choices": CHOICES[:2]})


#: The choices, in words.
CHOICES = (
    (choices.EVERY_STEP, "Every step", "when it is begun, ready, and everything between"),
    (choices.ONLY_READY, "Only when it is ready", "or when it will not be"),
    (choices.NOTHING, "Nothing", "we write you no more about orders"),
)


def _whose(owners: Owners, said: Fields, caller: Caller) -> tuple[Person | None, Address, str]:
    if token := said.get("token", ""):
        return None, owners.by_link(token), token
    person, address = owners.signed_in(caller)
    return person, address, ""


def _back(token: str, what: str) -> Redirect:
    return Redirect(f"/notifications?token={quote(token, safe='')}&{what}" if token else f"/notifications?{what}")


def _page(person: Person | None, address: Address, token: str, **said: Any) -> Page:
    shown = {"address": address, "token": token, "choices": CHOICES, "closed": CLOSED, **said}
    return Page("notifications.html", person, shown)
