"""The menu's page for staff, in a browser."""

import re
import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import people
from tests.support.browser import DESKTOP, PHONE, Visitors, scrolls_sideways, serious_faults
from tests.support.expedite import Expedite
from tests.support.people import Someone

#: A desk's window at 200 %.
ZOOMED = {"width": DESKTOP["width"] // 2, "height": DESKTOP["height"] // 2}
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def dish(running: Expedite, anna: Someone) -> str:
    """A dish of the test's own; its name."""
    name = f"Dish {uuid.uuid4().hex[:6]}"
    body = {"name": name, "category": "salad", "price": 7.5, "ingredients": [{"name": "rocket", "amount": "50 g"}]}
    assert people.post(running, "/menu", body, anna).status_code == 201
    return name


def on_menu(running: Expedite, name: str) -> dict[str, Any]:
    return next(each for each in people.get(running, "/menu").json()["items"] if each["name"] == name)


def open_menu(page: Page, running: Expedite, query: str = "") -> Page:
    page.goto(f"{running.url('order_service')}/menu{query}")
    return page


def row(page: Page, name: str) -> Any:
    return page.locator(".dish", has_text=name)


def test_one_touch_sells_out_and_one_brings_back(
    visitors: Visitors, running: Expedite, anna: Someone, dish: str
) -> None:
    page = open_menu(visitors.open(anna), running)
    page.evaluate("window.isSamePage = true")
    row(page, dish).get_by_role("button", name="Sell out").click()
    expect(row(page, dish).get_by_text("Sold out", exact=True)).to_be_visible()
    expect(row(page, dish).get_by_role("button")).to_be_focused()
    expect(page.locator("#sold-out")).to_contain_text(dish)
    expect(page.get_by_role("status")).to_have_text(f"{dish} is sold out")
    assert not on_menu(running, dish)["available"]

    page.locator("#sold-out").get_by_role("button", name=f"Bring back {dish}").click()
    expect(row(page, dish).get_by_role("button", name="Sell out")).to_be_visible()
    expect(page.locator("#sold-out")).not_to_contain_text(dish)
    assert on_menu(running, dish)["available"]
    assert page.evaluate("window.isSamePage")


def test_what_does_not_arrive_is_said_and_can_be_sent_again(
    visitors: Visitors, running: Expedite, anna: Someone, dish: str
) -> None:
    page = open_menu(visitors.open(anna), running)
    page.route("**/availability", lambda route: route.abort())
    row(page, dish).get_by_role("button", name="Sell out").click()
    expect(page.get_by_text("That did not arrive").first).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("did not arrive")
    assert on_menu(running, dish)["available"]
    visitors.faults.clear()

    page.unroute("**/availability")
    row(page, dish).get_by_role("button", name="Sell out").click()
    expect(row(page, dish).get_by_text("Sold out", exact=True)).to_be_visible()
    expect(page.locator("#not-saved")).to_be_hidden()


def test_whoever_was_signed_out_meanwhile_is_led_to_the_door(
    visitors: Visitors, running: Expedite, anna: Someone, dish: str
) -> None:
    page = open_menu(visitors.open(anna), running)
    page.context.clear_cookies()
    row(page, dish).get_by_role("button", name="Sell out").click()
    expect(page).to_have_url(re.compile(r"/sign-in\?next=.*menu"))
    assert on_menu(running, dish)["available"]


def test_a_dish_opens_beside_the_menu_and_closes_again(
    visitors: Visitors, running: Expedite, anna: Someone, dish: str
) -> None:
    page = open_menu(visitors.open(anna), running)
    page.evaluate("window.isSamePage = true")
    row(page, dish).get_by_role("link").click()
    expect(page.get_by_label("Name")).to_have_value(dish)
    expect(row(page, dish).get_by_role("link")).to_have_attribute("aria-current", "true")
    page.go_back()
    expect(page.locator("#sold-out")).to_be_visible()
    page.go_forward()
    page.get_by_role("link", name="Close").click()
    expect(page.locator("#sold-out")).to_be_visible()
    page.get_by_role("link", name="Add a dish").click()
    expect(page.get_by_role("heading", name="Add a dish")).to_be_focused()
    assert page.evaluate("window.isSamePage")


def test_a_dish_is_changed_with_the_keyboard_alone(
    visitors: Visitors, running: Expedite, anna: Someone, dish: str
) -> None:
    page = open_menu(visitors.open(anna), running)
    page.keyboard.press("/")
    page.keyboard.type("ROCKET " + dish)
    expect(page.locator(".dish:visible")).to_have_count(1)
    row(page, dish).get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=dish).last).to_be_focused()
    for label in ("Close", "Name", "Category", "Price"):
        page.keyboard.press("Tab")
        expect(page.locator("#side").get_by_label(label).or_(page.get_by_role("link", name=label))).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("1999")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not saved yet: 1 thing to fix")).to_be_visible()
    expect(page.locator("#summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Price")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("8.25")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/menu#dish-"))
    expect(row(page, dish)).to_contain_text("8.25")
    assert on_menu(running, dish)["allergens"] == ["gluten"]


def test_lines_for_ingredients_are_added_in_place(
    visitors: Visitors, running: Expedite, anna: Someone, dish: str
) -> None:
    page = open_menu(visitors.open(anna), running)
    row(page, dish).get_by_role("link").click()
    expect(page.get_by_label("Name")).to_have_value(dish)
    before = page.locator(".dish-lines li").count()
    page.get_by_role("button", name="More ingredients").click()
    expect(page.get_by_label(f"Amount of ingredient {before + 1}")).to_be_focused()
    page.keyboard.type("1")
    page.keyboard.press("Tab")
    page.keyboard.type("lemon")
    page.get_by_role("button", name="Save").click()
    expect(row(page, dish)).to_contain_text("Rocket, lemon")


def test_to_take_it_off_is_asked_once(visitors: Visitors, running: Expedite, anna: Someone, dish: str) -> None:
    page = open_menu(visitors.open(anna), running)
    row(page, dish).get_by_role("link").click()
    expect(page.get_by_role("button", name="Yes, take it off")).to_be_hidden()
    page.get_by_text("Take it off the menu").click()
    page.get_by_role("button", name="Yes, take it off").click()
    expect(page).to_have_url(re.compile("/menu$"))
    expect(row(page, dish)).to_have_count(0)


def test_without_scripts_all_of_it_works(visitors: Visitors, running: Expedite, anna: Someone, dish: str) -> None:
    page = open_menu(visitors.open(anna, java_script_enabled=False), running)
    row(page, dish).get_by_role("button", name="Sell out").click()
    expect(row(page, dish).get_by_text("Sold out", exact=True)).to_be_visible()
    row(page, dish).get_by_role("link").click()
    page.get_by_label("Price").fill("6.60")
    page.get_by_label("Milk").check()
    page.get_by_role("button", name="Save").click()
    expect(row(page, dish)).to_contain_text("6.60")
    expect(row(page, dish)).to_contain_text("milk")
    page.get_by_label("Search dishes").fill(dish)
    page.keyboard.press("Enter")
    expect(page.locator(".dish:visible")).to_have_count(1)


def test_on_a_phone_a_dish_takes_the_menus_place(
    visitors: Visitors, running: Expedite, anna: Someone, dish: str
) -> None:
    page = open_menu(visitors.open(anna, PHONE, has_touch=True), running)
    assert not scrolls_sideways(page)
    row(page, dish).get_by_role("link").tap()
    expect(page.get_by_label("Name")).to_have_value(dish)
    expect(page.locator("#menu")).to_be_hidden()
    assert not scrolls_sideways(page)
    page.get_by_role("link", name="Back to the menu").tap()
    expect(page.locator("#menu")).to_be_visible()
    button = row(page, dish).get_by_role("button", name="Sell out")
    assert button.bounding_box()["height"] >= 44
    button.tap()
    expect(row(page, dish).get_by_text("Sold out", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(visitors: Visitors, running: Expedite, anna: Someone, dish: str, scheme: str) -> None:
    people.request(running, "PATCH", f"/menu/{dish}", {"available": False}, anna)
    page = open_menu(visitors.open(anna, color_scheme=scheme), running)
    assert serious_faults(page) == []
    row(page, dish).get_by_role("link").click()
    page.get_by_label("Price").fill("?")
    page.get_by_label("Nuts", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Write it as 12.50.")).to_be_visible()
    page.get_by_text("Take it off the menu").click()
    assert serious_faults(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert serious_faults(page) == []


@pytest.mark.parametrize("query", ["", "?new"])
def test_at_200_percent_nothing_is_lost(visitors: Visitors, running: Expedite, anna: Someone, query: str) -> None:
    page = open_menu(visitors.open(anna, ZOOMED), running, query)
    assert not scrolls_sideways(page)
    expect(page.get_by_role("button", name="Add it") if query else page.get_by_label("Search")).to_be_visible()


def test_what_somebody_writes_never_runs(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    name = f"{EVIL} {uuid.uuid4().hex[:6]}"
    body = {
        "name": name,
        "category": EVIL,
        "price": 1,
        "ingredients": [{"name": EVIL, "amount": EVIL}],
        "available": False,
    }
    assert people.post(running, "/menu", body, anna).status_code == 201
    page = visitors.open(anna)
    page.on("dialog", lambda dialog: visitors.faults.append(dialog.message))
    open_menu(page, running)
    row(page, name).get_by_role("button", name="Bring back").click()
    expect(row(page, name).get_by_role("button", name="Sell out")).to_be_visible()
    row(page, name).get_by_role("link").click()
    expect(page.get_by_label("Name")).to_have_value(name)
    assert page.locator("img").count() == 0


def test_the_first_paint_is_light(visitors: Visitors, running: Expedite, anna: Someone) -> None:
    page = visitors.open(anna)
    bodies: list[int] = []
    page.on("requestfinished", lambda request: bodies.append(request.sizes()["responseBodySize"]))
    open_menu(page, running)
    page.wait_for_load_state("networkidle")
    assert sum(bodies) < 100 * 1024
