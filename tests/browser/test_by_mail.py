"""Forgotten passwords, new addresses and new accounts where e-mails are sent, in a browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from common.accounts import links
from tests.support import people
from tests.support.browser import DESKTOP, PHONE, Visitors, scrolls_sideways, serious_faults
from tests.support.expedite import SECRET_KEY, Expedite, Process
from tests.support.people import Someone

KEYS = (SECRET_KEY.encode(),)
LIMITS = {"LETTERS_PER_ADDRESS": "", "LETTERS_PER_MAILBOX": ""}


@pytest.fixture(scope="module")
def door(running: Expedite) -> Process:
    """Of a house that sends e-mails; what these tests ask for, nobody sends."""
    return running.start("order_service", SMTP_HOST="mail.invalid", **people.NO_LIMITS, **LIMITS)


@pytest.fixture
def grace(running: Expedite) -> Someone:
    return people.register(running, "grace")


def _reset(who: Someone) -> str:
    return f"/reset-password?link={links.issue(links.PASSWORD_RESET, str(who.id), 0, KEYS)}"


def _change(who: Someone) -> str:
    return f"/new-address?link={links.issue(links.ADDRESS_CHANGE, f'{who.id} new-{who.email}', 0, KEYS)}"


def _finish(who: Someone) -> str:
    return f"/register/finish?link={links.issue(links.REGISTER, f'new-{who.email}', 0, KEYS)}"


PAGES: dict[str, Callable[[Someone], str]] = {
    "sign-in": lambda who: "/sign-in?done=password",
    "register": lambda who: "/register",
    "forgotten-password": lambda who: "/forgotten-password",
    "sent": lambda who: "/forgotten-password?sent",
    "reset-password": _reset,
    "new-address": _change,
    "finish": _finish,
    "over": lambda who: "/reset-password?link=x",
}


@pytest.mark.one_of_its_kind
def test_who_forgot_a_password_chooses_another(visitors: Visitors, door: Process, grace: Someone) -> None:
    page = visitors.open(viewport=PHONE)
    page.goto(door.url + "/sign-in")
    page.get_by_role("link", name="I forgot my password").click()
    page.get_by_label("Email").fill(grace.email)
    page.get_by_role("button", name="Send me a letter").click()
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    page.goto(door.url + _reset(grace))
    page.get_by_label("New password").fill("another battery")
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_text("Your new password is set.")).to_be_visible()
    page.get_by_label("Email").fill(grace.email)
    page.get_by_label("Password", exact=True).fill("another battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name=grace.username)).to_be_visible()
    page.goto(door.url + _reset(grace))
    expect(page.get_by_role("heading", name="This link is over")).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nobody_is_kept_out(
    visitors: Visitors, door: Process, grace: Someone, name: str, scheme: str, size: dict[str, int]
) -> None:
    page = visitors.open(viewport=size, color_scheme=scheme)
    page.goto(door.url + PAGES[name](grace))
    assert serious_faults(page) == []
    assert not scrolls_sideways(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_an_account_has_it_all(
    visitors: Visitors, door: Process, grace: Someone, boss: Someone, scheme: str, size: dict[str, int]
) -> None:
    page = visitors.open(grace, size, color_scheme=scheme)
    page.goto(door.url + "/account")
    page.get_by_label("New email").fill(f"new-{grace.email}")
    page.get_by_label("Password", exact=True).fill(people.PASSWORD)
    page.get_by_role("button", name="Send a letter there").click()
    expect(page.get_by_text("A letter is on its way")).to_be_visible()
    assert serious_faults(page) == []
    assert not scrolls_sideways(page)
    admins = visitors.open(boss, size, color_scheme=scheme)
    admins.goto(f"{door.url}/users?search={grace.username}")
    admins.locator("summary").click()
    admins.get_by_role("button", name="Disable").click()
    expect(admins.locator(".person-disabled")).to_have_text("Disabled")
    admins.locator("summary").click()
    assert serious_faults(admins) == []
    assert not scrolls_sideways(admins)
