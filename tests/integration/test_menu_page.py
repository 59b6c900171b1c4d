"""The menu's page for staff, without scripts."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import requests

from devstack import launcher
from order_service.menu.catalogue import tag
from tests.support import people
from tests.support.expedite import ROOT, Expedite, an_order
from tests.support.html import Element
from tests.support.people import Someone
from tests.support.plain_browser import PlainBrowser

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    launcher.run_module(["order_service.menu.starter"], ROOT, running.environment())
    running.start("order_service", **people.NO_LIMITS)
    return running


@pytest.fixture(scope="module")
def emma(house: Expedite) -> Someone:
    return people.register(house, "emma", "employee")


@pytest.fixture
def browser(house: Expedite, emma: Someone) -> PlainBrowser:
    return PlainBrowser(house.url("order_service"), emma)


def dishes(house: Expedite) -> dict[str, dict[str, Any]]:
    """The menu, as programs read it, by name."""
    return {dish["name"]: dish for dish in people.get(house, "/menu").json()["items"]}


def row(page: Element, dish: str) -> Element:
    return page.one("li", id=f"dish-{tag(dish)}")


def add(house: Expedite, emma: Someone, name: str, **fields: Any) -> dict[str, Any]:
    dish = {"name": name, "category": "drink", "price": 3.5, **fields}
    answer = people.post(house, "/menu", dish, emma)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def form_of(browser: PlainBrowser, dish: str) -> Element:
    """The dish's form, opened from the menu."""
    link = row(browser.open("/menu"), dish).one("h3").one("a")
    return browser.open(link.attributes["href"]).one("form", class_="dish-fields")


def wrong(page: Element, field: str) -> str:
    """What the page says is wrong with a field, which points at the words."""
    inputs = page.all("input", id=field)
    assert not inputs or inputs[0].attributes["aria-describedby"] == f"{field}-wrong"
    assert page.one("div", id="summary").all("a", href=f"#{field}")
    return page.one("p", id=f"{field}-wrong").text


# --- who, and what -----------------------------------------------------------------------------------------


def test_it_is_for_staff_and_programs_get_what_they_always_got(house: Expedite) -> None:
    guest = PlainBrowser(house.url("order_service"))
    assert "Sign in" in guest.open("/menu").one("h1").text
    assert "next=" in guest.at
    customer = PlainBrowser(house.url("order_service"), people.register(house))
    assert "for staff" in customer.open("/menu").text
    assert customer.status == 403
    assert people.get(house, "/menu").headers["Content-Type"] == "application/json"


def test_the_whole_menu_is_there_by_category(browser: PlainBrowser, house: Expedite) -> None:
    page = browser.open("/menu")
    words = [
        heading.text for section in page.all("section", class_="menu-section") for heading in section.all("h2")
    ]
    assert words[:5] == ["Pizzas", "Cocktails", "Salads", "Desserts", "Drinks"]
    margherita = row(page, "Margherita Pizza").text
    for said in ("15.99", "San Marzano tomatoes", "gluten, milk", "0:10"):
        assert said in margherita
    assert "stirred" in row(page, "Martini").text
    assert len(page.all("li", class_="dish")) == len(dishes(house))


@pytest.mark.parametrize(
    ("search", "found"),
    [("margherita", {"Margherita Pizza"}), ("  ESPRESSO cocoa ", {"Tiramisu"}), ("rūm", {"Daiquiri"})],
)
def test_a_search_finds_names_and_ingredients(browser: PlainBrowser, search: str, found: set[str]) -> None:
    page = browser.send(browser.open("/menu").one("form", id="search-form"), search=search)
    shown = [each for each in page.all("li", class_="dish") if "hidden" not in each.attributes]
    assert {each.one("h3").one("bdi").text for each in shown} == found
    sections = [each for each in page.all("section", class_="menu-section") if "hidden" not in each.attributes]
    assert len(sections) == 1


def test_a_search_that_finds_nothing_says_so(browser: PlainBrowser) -> None:
    page = browser.open(f"/menu?search={quote(SCRIPT)}")
    assert f"Nothing matches “{SCRIPT}”" in page.one("div", id="no-result").text
    assert not [each for each in page.all("script") if "src" not in each.attributes]


# --- sold out ----------------------------------------------------------------------------------------------


def test_one_touch_sells_out_and_one_brings_back(browser: PlainBrowser, house: Expedite) -> None:
    page = browser.open("/menu?search=tequila")
    page = browser.send(row(page, "Margarita").one("form"), {"available": "no"})
    assert browser.at == f"/menu?search=tequila#dish-{tag('Margarita')}"
    assert "Sold out" in row(page, "Margarita").text
    assert "Margarita" in page.one("section", id="sold-out").text
    order = an_order(items=[{"name": "Margarita", "quantity": 1}])
    refused = people.post(house, "/orders", order)
    assert refused.json()["code"] == "sold_out"

    [back] = [
        form
        for form in page.one("section", id="sold-out").all("form")
        if form.one("button").attributes["aria-label"] == "Bring back Margarita"
    ]
    page = browser.send(back, {"available": "yes"})
    assert "Sold out" not in row(page, "Margarita").text
    assert "Margarita" not in page.one("section", id="sold-out").text
    assert people.post(house, "/orders", order).status_code == 201


def test_a_script_gets_the_parts_that_have_changed(browser: PlainBrowser) -> None:
    form = row(browser.open("/menu"), "Sidecar").one("form")
    part = browser.send(form, {"available": "no"}, by="script")
    elements = [each for each in part.content if isinstance(each, Element)]
    assert [each.attributes["id"] for each in elements] == [f"dish-{tag('Sidecar')}", "sold-out"]
    assert "Sold out" in elements[0].text
    browser.send(elements[0].one("form"), {"available": "yes"})


def test_what_another_site_sends_changes_nothing(house: Expedite, emma: Someone) -> None:
    answer = requests.post(
        f"{house.url('order_service')}/menu/Martini/availability",
        {"available": "no"},
        headers={"Origin": "https://evil.example", "Cookie": f"expedite={emma.token}"},
        timeout=15,
    )
    assert answer.status_code == 403
    assert dishes(house)["Martini"]["available"]


# --- a dish is changed -------------------------------------------------------------------------------------


def test_a_form_that_is_sent_as_it_is_changes_nothing(browser: PlainBrowser, house: Expedite) -> None:
    before = dishes(house)
    for name in ("Caesar Salad", "Clover Club"):
        browser.send(form_of(browser, name))
        assert browser.at == f"/menu#dish-{tag(name)}"
    assert dishes(house) == before
    own = house.query("select prep_seconds from menu_items where name = 'Clover Club'")
    assert own == [(None,)], "how long it takes is its build's affair"


def test_everything_of_a_dish_can_be_changed(browser: PlainBrowser, house: Expedite, emma: Someone) -> None:
    add(house, emma, "Lemonade", available=False)
    browser.send(
        form_of(browser, "Lemonade"),
        name="Pink Lemonade",
        category="Soft drinks",
        price="4,20",
        build="collins",
        prep_seconds=" 25 ",
        amount=["", "30 ml", "200 ml", "   "],
        ingredient=["", "lemon juice", "soda", ""],
        allergens=["sulphites", "celery"],
    )
    assert browser.at == f"/menu#dish-{tag('Pink Lemonade')}"
    changed = dishes(house)["Pink Lemonade"]
    assert changed == {
        "name": "Pink Lemonade",
        "category": "Soft drinks",
        "price": 4.2,
        "build": "collins",
        "prep_seconds": 25,
        "ingredients": [{"name": "lemon juice", "amount": "30 ml"}, {"name": "soda", "amount": "200 ml"}],
        "allergens": ["celery", "sulphites"],
        "available": False,
        "url": "/menu/Pink%20Lemonade",
    }
    form = form_of(browser, "Pink Lemonade")
    ticked = [each.attributes["value"] for each in form.all("input", checked="")]
    assert ticked == ["celery", "sulphites", "collins"]


def test_all_that_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    browser: PlainBrowser, house: Expedite
) -> None:
    before = dishes(house)
    page = browser.send(
        form_of(browser, "Tiramisu"),
        name="a/b",
        category="",
        price="cheap",
        prep_seconds="soon",
        amount=["80 g", "", "3"],
        ingredient=["", "", "eggs"],
        allergens=["milk", "magic"],
    )
    assert browser.status == 422
    assert "slash" in wrong(page, "name")
    assert wrong(page, "category") == "Must not be blank."
    assert wrong(page, "price") == "Write it as 12.50."
    assert wrong(page, "prep_seconds") == "Write whole seconds, or nothing."
    assert wrong(page, "ingredient-0-name") == "Must not be blank."
    assert "Must be one of" in wrong(page, "allergens")
    assert "6 things to fix" in page.one("div", id="summary").text
    assert page.one("input", id="price").attributes["value"] == "cheap"
    assert page.one("input", id="ingredient-1-name").attributes["value"] == "eggs"
    assert page.one("input", value="milk").attributes["checked"] == ""
    assert "Tiramisu" in page.one("div", class_="dish-form-head").text, "it is still called that"
    assert dishes(house) == before


@pytest.mark.parametrize("price", ["", "-1", "0", "1000", "1.999", "1e2", "NaN", "9" * 10, "12,50,00"])
def test_a_price_that_is_none_is_refused(browser: PlainBrowser, price: str) -> None:
    page = browser.send(form_of(browser, "Espresso"), price=price)
    assert wrong(page, "price")


def test_there_is_room_for_more_ingredients(browser: PlainBrowser, house: Expedite) -> None:
    before = dishes(house)
    page = browser.send(form_of(browser, "Mineral Water"), {"more": "1"}, name="Water", price="?")
    assert browser.status == 200
    assert len(page.all("input", name="ingredient")) == 1 + 5
    assert page.one("input", id="name").attributes["value"] == "Water"
    assert page.one("input", id="price").attributes["value"] == "?"
    assert dishes(house) == before, "nothing is saved yet"


# --- added, removed ----------------------------------------------------------------------------------------


def test_a_dish_is_added(browser: PlainBrowser, house: Expedite) -> None:
    link = browser.open("/menu").one("div", class_="menu-head").one("a")
    form = browser.open(link.attributes["href"]).one("form", class_="dish-fields")
    page = browser.send(form, name="Calzone", category="pizza", price="14.5")
    assert browser.at == f"/menu#dish-{tag('Calzone')}"
    assert "14.50" in row(page, "Calzone").text
    assert dishes(house)["Calzone"]["price"] == 14.5

    page = browser.send(form, name="  cALZONE ", category="pizza", price="14.5")
    assert browser.status == 409
    assert wrong(page, "name") == "The menu has a dish of that name."
    assert page.one("input", id="name").attributes["value"] == "  cALZONE "


def test_to_take_a_dish_off_is_asked_once(browser: PlainBrowser, house: Expedite, emma: Someone) -> None:
    add(house, emma, "Root Beer")
    ordered = people.post(house, "/orders", an_order(items=[{"name": "Root Beer", "quantity": 1}]), emma).json()
    form_of(browser, "Root Beer")
    question = browser.page.one("details", class_="dish-removal")
    assert "open" not in question.attributes
    assert "Take Root Beer off the menu?" in question.text
    page = browser.send(question.one("form"))
    assert browser.at == "/menu"
    assert "Root Beer" not in page.text
    assert "Root Beer" not in dishes(house)
    kept = people.get(house, f"/orders/{ordered['order_number']}", emma).json()
    assert kept["items"][0]["name"] == "Root Beer"


def test_a_dish_that_somebody_else_has_taken_off_is_said(
    browser: PlainBrowser, house: Expedite, emma: Someone
) -> None:
    add(house, emma, "Cola")
    form, open_dish = form_of(browser, "Cola"), browser.at
    sell_out = row(browser.open("/menu"), "Cola").one("form")
    removal = browser.open(open_dish).one("details", class_="dish-removal").one("form")
    assert people.request(house, "DELETE", "/menu/Cola", who=emma).status_code == 200
    for sent in (form, sell_out, removal):
        page = browser.send(sent)
        assert browser.status == 404
        assert "no such dish" in page.text
        assert row(page, "Espresso")
    assert "no such dish" in browser.open(open_dish).text


# --- what people write -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [SCRIPT.replace("/", ""), "50 % \"off\" & 'more'?", "Käse#1", "..a", "ラーメン"])
def test_whatever_a_dish_is_called_it_is_text(
    browser: PlainBrowser, house: Expedite, emma: Someone, name: str
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    add(house, emma, name, category=evil, ingredients=[{"name": evil, "amount": evil}])
    page = browser.open("/menu")
    assert evil in row(page, name).text
    assert evil in [each.attributes["value"] for each in form_of(browser, name).all("input", name="ingredient")]
    assert not [each for each in browser.page.walk() if "onerror" in each.attributes]
    assert not [each for each in browser.page.all("script") if "src" not in each.attributes]

    browser.send(row(page, name).one("form"), {"available": "no"})
    assert not dishes(house)[name]["available"]
    browser.send(form_of(browser, name), price="5")
    assert Decimal(str(dishes(house)[name]["price"])) == 5
    form_of(browser, name)
    browser.send(browser.page.one("details", class_="dish-removal").one("form"))
    assert name not in dishes(house)
