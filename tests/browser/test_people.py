"""The page of people, in a browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.support import people
from tests.support.browser import DESKTOP, PHONE, Visitors, scrolls_sideways, serious_faults
from tests.support.expedite import Expedite
from tests.support.people import Someone

ZOOMED = {"width": DESKTOP["width"] // 2, "height": DESKTOP["height"] // 2}


@pytest.fixture
def grace(running: Expedite) -> Someone:
    """A customer who is to be staff."""
    return people.register(running, "grace")


def open_people(page: Page, running: Expedite, search: str = "") -> Page:
    page.goto(f"{running.url('order_service')}/users?search={search}")
    return page


def test_a_role_is_given_with_the_keyboard_alone(
    visitors: Visitors, running: Expedite, boss: Someone, grace: Someone
) -> None:
    page = open_people(visitors.open(boss), running)
    page.get_by_label("Search names and e-mails").focus()
    page.keyboard.type(grace.username)
    page.keyboard.press("Enter")
    row = page.locator(f"#person-{grace.id}")
    expect(row).to_be_visible()
    expect(page.locator(".person")).to_have_count(1)
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(row.get_by_role("button", name="Staff")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row.locator("summary")).to_contain_text("Staff")
    expect(row.get_by_role("button")).to_have_count(0)  # it asks again only when it is opened again


def test_without_scripts_the_last_admin_is_told_why_not(
    visitors: Visitors, running: Expedite, boss: Someone
) -> None:
    page = open_people(visitors.open(boss, java_script_enabled=False), running, boss.username)
    row = page.locator(f"#person-{boss.id}")
    row.locator("summary").click()
    row.get_by_role("button", name="Customer").click()
    expect(row.get_by_text("Make somebody else an admin first.")).to_be_visible()


def test_one_opens_at_a_time(visitors: Visitors, running: Expedite, boss: Someone, grace: Someone) -> None:
    page = open_people(visitors.open(boss), running)
    page.locator(f"#person-{boss.id} summary").click()
    page.locator(f"#person-{grace.id} summary").click()
    expect(page.locator(f"#person-{boss.id}").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, ZOOMED])
def test_nobody_is_kept_out(
    visitors: Visitors, running: Expedite, boss: Someone, grace: Someone, scheme: str, size: dict[str, int]
) -> None:
    page = open_people(visitors.open(boss, size, color_scheme=scheme), running)
    page.locator(f"#person-{grace.id} summary").click()
    assert serious_faults(page) == []
    assert not scrolls_sideways(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, ZOOMED])
def test_the_account_keeps_nobody_out(
    visitors: Visitors, running: Expedite, grace: Someone, scheme: str, size: dict[str, int]
) -> None:
    page = visitors.open(grace, size, color_scheme=scheme)
    page.goto(running.url("order_service") + "/account?changed")
    expect(page.get_by_text(grace.email)).to_be_visible()
    assert serious_faults(page) == []
    assert not scrolls_sideways(page)
