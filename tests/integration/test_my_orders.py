"""The page of one's orders, the same page for staff, and ordering again; without scripts."""

import re
from typing import Any

import pytest
import requests

from devstack import launcher
from order_service.menu.catalogue import tag
from tests.support import html, people
from tests.support.expedite import ROOT, Expedite, an_order
from tests.support.ordering import Browser, many, order_of, signed_in
from tests.support.people import Someone

SCRIPT = "<script>alert(1)</script>"
PIZZAS = {"name": "Margherita Pizza", "quantity": 2, "note": "no basil on one"}
MARGARITA = {"name": "Margarita", "quantity": 1}


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    launcher.run_module(["order_service.menu.starter"], ROOT, running.environment())
    running.start("order_service", **people.NO_LIMITS)
    return running


@pytest.fixture
def browser(house: Expedite) -> Browser:
    return Browser(house.url("order_service"))


@pytest.fixture
def cleo(house: Expedite) -> Someone:
    return people.register(house, "cleo")


def order(house: Expedite, who: Someone | None = None, **changes: Any) -> dict[str, Any]:
    """Place an order, of the menu's dishes."""
    changes.setdefault("items", [PIZZAS, MARGARITA])
    answer = people.post(house, "/orders", an_order(**changes), who)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


# --- a customer's own -----------------------------------------------------------------------------------------


def test_a_guest_is_asked_to_sign_in_and_comes_back(browser: Browser) -> None:
    answer = requests.get(
        f"{browser.url}/orders", headers={"Accept": "text/html"}, allow_redirects=False, timeout=15
    )
    assert answer.status_code == 303
    assert re.search(r"/sign-in\?next=.*orders", answer.headers["Location"])


def test_a_program_gets_what_it_always_got(house: Expedite, cleo: Someone) -> None:
    order(house, cleo)
    answer = people.get(house, "/orders", cleo)
    assert answer.headers["Content-Type"] == "application/json"
    assert len(answer.json()["items"]) == 1


def test_a_customer_sees_their_own_with_links_that_open(house: Expedite, browser: Browser, cleo: Someone) -> None:
    order(house, people.register(house, "otto"))
    order(house)
    first, second = order(house, cleo), order(house, cleo, items=[MARGARITA])
    house.query("update orders set status = 'cancelled' where number = %s", second["order_number"])
    page = signed_in(browser, cleo).open("/orders").page
    rows = page.all("li", class_="order-row")
    assert len(rows) == 2
    for row, its, words in zip(rows, (second, first), ("Cancelled", "Received"), strict=True):
        link = row.one("h2").one("a").attributes["href"]
        assert link == its["tracking_url"]
        assert order_of(house, link)["order_number"] == its["order_number"]
        assert words in row.text
    assert "2 Margherita Pizza, 1 Margarita" in rows[1].text
    assert "43.48" in rows[1].text


def test_whose_order_is_over_reads_how_it_ended(house: Expedite, browser: Browser, cleo: Someone) -> None:
    for order_type, word in (("takeout", "Collected"), ("dine_in", "Served")):
        where = {"table_number": 3} if order_type == "dine_in" else {}
        number = order(house, cleo, order_type=order_type, **where)["order_number"]
        house.query("update orders set status = 'completed' where number = %s", number)
        page = signed_in(browser, cleo).open("/orders").page
        assert page.all("li", class_="order-row")[0].one("p", class_="order-status").text == word


def test_older_orders_are_on_the_next_page_and_none_is_on_two(
    house: Expedite, browser: Browser, cleo: Someone
) -> None:
    placed = [order(house, cleo)["order_number"] for _ in range(23)]
    page = signed_in(browser, cleo).open("/orders").page
    seen = numbers(page)
    assert len(seen) == 20
    older = next(each for each in page.all("a") if each.text == "Older orders")
    seen += numbers(browser.open(older.attributes["href"]).page)
    assert seen == placed[::-1]
    assert "Older orders" not in browser.page.text


def numbers(page: html.Element) -> list[str]:
    links = (row.one("h2").one("a").attributes["href"] for row in page.all("li", class_="order-row"))
    return [re.findall(r"ORD_\d+_\d+", link)[0] for link in links]


def test_who_has_not_ordered_is_led_to_the_menu(browser: Browser, cleo: Someone) -> None:
    page = signed_in(browser, cleo).open("/orders").page
    assert "No order yet." in page.text
    assert "To the menu" in page.text


@pytest.mark.parametrize("cursor", ["x", "", SCRIPT, "eyJhIjoxfQ"])
def test_a_cursor_that_is_none_is_said(browser: Browser, cleo: Someone, cursor: str) -> None:
    signed_in(browser, cleo).open(f"/orders?cursor={cursor}")
    assert browser.answer.status_code == 422
    assert "<script>" not in browser.answer.text


# --- again ----------------------------------------------------------------------------------------------------


def test_an_order_is_ordered_again_at_the_prices_of_now(house: Expedite, browser: Browser, cleo: Someone) -> None:
    number = order(house, cleo, order_type="dine_in", table_number=7, allergies=["nuts"])["order_number"]
    page = signed_in(browser, cleo).open(f"/?again={number}").page
    assert page.one(id="total").text == "Total 43.48"
    fields = dict(browser.form().fields())
    assert fields["order_type"] == "dine_in"
    assert fields["allergies"] == "nuts"
    assert "table_number" in fields  # which is where they sit now, and is theirs to say
    placed = order_of(house, browser.send(table_number="8").tracker())
    assert [(item["name"], item["quantity"], item["note"]) for item in placed["items"]] == [
        ("Margherita Pizza", 2, "no basil on one"),
        ("Margarita", 1, None),
    ]
    assert placed["order_number"] != number


def test_what_cannot_be_had_again_is_said(house: Expedite, browser: Browser, cleo: Someone) -> None:
    items = [PIZZAS, MARGARITA, {"name": f"Soup {SCRIPT}", "quantity": 1, "price": 4}]
    number = order(house, cleo, items=items)["order_number"]
    anna = people.register(house, "anna", "employee")
    people.request(house, "PATCH", "/menu/Margarita", {"available": False}, anna)
    signed_in(browser, cleo).open(f"/?again={number}")
    people.request(house, "PATCH", "/menu/Margarita", {"available": True}, anna)
    said = browser.page.one(id="order").text
    assert "Sold out today: Margarita." in said
    assert f"Not on the menu any more: Soup {SCRIPT}." in said
    assert "<script>" not in browser.answer.text
    assert [name.text for name in browser.page.all("p", class_="line-name")] == ["Margherita Pizza"]


def test_a_guest_orders_again_with_the_orders_key(house: Expedite, browser: Browser) -> None:
    number, key = re.search(r"(ORD\w+)\?key=([\w-]+)", order(house)["tracking_url"]).groups()  # type: ignore[union-attr]
    assert len(browser.open(f"/?again={number}&key={key}").page.all("li", class_="line")) == 2


@pytest.mark.parametrize("again", ["theirs", "ORD_20200101_001", SCRIPT, ""])
def test_nobody_learns_what_others_ordered(house: Expedite, browser: Browser, cleo: Someone, again: str) -> None:
    if again == "theirs":
        again = order(house, people.register(house, "otto"))["order_number"]
    for who in (None, cleo):
        if who is not None:
            signed_in(browser, who)
        browser.open(f"/?again={again}")
        assert browser.answer.status_code == 200
        assert "cannot be ordered again" in browser.page.text
        assert not browser.page.all("li", class_="line")
        assert "<script>" not in browser.answer.text


def test_a_dish_that_was_ordered_in_two_lines_comes_back_in_one(
    house: Expedite, browser: Browser, cleo: Someone
) -> None:
    items = [{**PIZZAS, "quantity": 7}, {**PIZZAS, "quantity": 6, "note": "well done"}]
    number = order(house, cleo, items=items)["order_number"]
    signed_in(browser, cleo).open(f"/?again={number}")
    fields = dict(browser.form().fields())
    assert many("Margherita Pizza", 10).items() <= fields.items()
    assert fields[f"n{tag('Margherita Pizza')}"] == "no basil on one; well done"


# --- all, for staff -------------------------------------------------------------------------------------------


def test_staff_look_orders_up(house: Expedite, browser: Browser, cleo: Someone) -> None:
    number = order(house, cleo, customer_name="Zoë", order_type="dine_in", table_number=4, allergies=["eggs"])
    other = order(house, customer_name="Ken")
    house.query(
        "update orders set status = 'failed', reason = %s where number = %s", SCRIPT, other["order_number"]
    )
    page = signed_in(browser, people.register(house, "anna", "employee")).open("/orders").page
    [row] = [row for row in page.all("tr") if number["order_number"] in str(row.all("a"))]
    for word in ("table 4", "Zoë", "2 Margherita Pizza", "no basil on one", "eggs", "43.48", "Received"):
        assert word in row.text
    assert SCRIPT in page.text
    assert "<script>" not in browser.answer.text


def test_staff_choose_what_they_look_at(house: Expedite, browser: Browser) -> None:
    there, away = order(house, order_type="dine_in", table_number=4), order(house)
    house.query("update orders set status = 'completed' where number = %s", there["order_number"])
    signed_in(browser, people.register(house, "anna", "employee"))
    for path, has_there, has_away in (
        ("/orders?show=open", False, True),
        ("/orders?show=completed", True, False),
        ("/orders?type=dine_in", True, False),
        ("/orders?show=completed&type=takeout", False, False),
        ("/orders?show=nothing&type=cake", True, True),
    ):
        page = browser.open(path).page
        shown = str(page.one("table").all("a"))
        assert (there["order_number"] in shown, away["order_number"] in shown) == (has_there, has_away), path
    chosen = [each.text for each in page.all("a", aria_current="true")]
    assert chosen == ["All", "All"]
    links = {each.text: each.attributes["href"] for each in page.all("nav", class_="filter")[1].all("a")}
    assert links["Delivery"] == "/orders?type=delivery"
