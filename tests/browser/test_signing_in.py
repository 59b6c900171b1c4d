"""Sign-in, registration and one's own account, in a browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support import people
from tests.support.browser import PHONE, Visitors, scrolls_sideways, serious_faults
from tests.support.expedite import Expedite

PAGES = ["/sign-in", "/register"]


def fill(page: Page, **fields: str) -> None:
    for label, value in fields.items():
        page.get_by_label(re.compile(f"^{label}")).first.fill(value)


def test_somebody_makes_an_account_and_leaves_again(visitors: Visitors, running: Expedite) -> None:
    page = visitors.open()
    page.goto(running.url("order_service") + "/register?next=/account")
    fill(page, Name="Grace", Email="grace@example.com", Password="correct horse battery")
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Grace")
    session = next(cookie for cookie in page.context.cookies() if cookie["name"] == "expedite")
    assert session["httpOnly"]
    assert session["sameSite"] == "Lax"
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).not_to_have_url(re.compile("/account$"))
    page.goto(running.url("order_service") + "/account")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_wrong_password_is_said_and_the_email_kept(visitors: Visitors, running: Expedite) -> None:
    somebody = people.register(running, "lin")
    page = visitors.open()
    page.goto(running.url("order_service") + "/sign-in")
    fill(page, Email=somebody.email, Password="not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("do not belong together")).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value(somebody.email)
    fill(page, Password=people.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(re.compile("/sign-in"))


def test_a_password_can_be_looked_at(visitors: Visitors, running: Expedite) -> None:
    page = visitors.open()
    page.goto(running.url("order_service") + "/sign-in")
    fill(page, Password="secret")
    page.get_by_role("button", name="Show the password").click()
    expect(page.locator("#password")).to_have_attribute("type", "text")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(visitors: Visitors, running: Expedite, path: str, scheme: str) -> None:
    page = visitors.open(viewport=PHONE, color_scheme=scheme)
    page.goto(running.url("order_service") + path)
    assert serious_faults(page) == []
    assert not scrolls_sideways(page)


def test_it_works_with_the_keyboard_alone_and_without_scripts(visitors: Visitors, running: Expedite) -> None:
    somebody = people.register(running, "kay")
    page = visitors.open(java_script_enabled=False)
    page.goto(running.url("order_service") + "/sign-in?next=/account")
    page.get_by_label("Email").focus()
    page.keyboard.type(somebody.email)
    page.keyboard.press("Tab")
    page.keyboard.type(people.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(somebody.username)


def test_an_address_that_does_not_exist_is_a_page_too(visitors: Visitors, running: Expedite) -> None:
    page = visitors.open()
    answer = page.goto(running.url("order_service") + "/there/is/nothing")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    page.get_by_role("link", name="To the menu").click()
