"""The order page in a browser: choosing, the cart, and what an order needs to be placed."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from order_service.menu.catalogue import tag
from tests.support import people
from tests.support.browser import DESKTOP, PHONE, Visitors, scrolls_sideways, serious_faults, settled
from tests.support.eventually import eventually
from tests.support.expedite import Expedite, an_order
from tests.support.people import Someone

MARGHERITA, CAPRESE, COLLINS, CLOVER = "Margherita Pizza", "Caprese Salad", "Tom Collins", "Clover Club"
TRACKER = re.compile(r"/ORD_\d+_\d+\?key=")
LONG = "Spaghettieismitdunkelgrünerpistaziensahnesoße 1234"


@pytest.fixture
def home(running: Expedite) -> str:
    return running.url("order_service") + "/"


@pytest.fixture
def dish(running: Expedite, anna: Someone) -> Iterator[Callable[..., None]]:
    """Puts a dish on the menu or changes it, and takes away at the end what it has put there."""
    added: list[str] = []

    def put(name: str, **changes: Any) -> None:
        if people.request(running, "PATCH", f"/menu/{name}", changes, anna).status_code == 404:
            new = {"name": name, "category": "drink", "price": 5, **changes}
            answer = people.request(running, "POST", "/menu", new, anna)
            assert answer.status_code == 201, answer.text
            added.append(name)

    yield put
    for name in added:
        people.request(running, "DELETE", f"/menu/{name}", who=anna)


def row(page: Page, name: str) -> Locator:
    return page.locator(f"#dish-{tag(name)}")


def line(page: Page, name: str) -> Locator:
    return page.locator(f"#line-{tag(name)}")


def more(page: Page, name: str, times: int = 1) -> None:
    for _ in range(times):
        row(page, name).get_by_role("button", name=f"Add {name}").click()


def fill_in(page: Page, **fields: str) -> None:
    for name, value in {"customer_name": "Ada Lovelace", "table_number": "12", **fields}.items():
        page.locator(f"#{name}").fill(value)


def placed(running: Expedite) -> int:
    return int(running.query("select count(*) from orders")[0][0])


def last_items(running: Expedite) -> list[tuple[Any, ...]]:
    return running.query(
        "select name, quantity, note from order_items where order_id = (select max(id) from orders)"
        " order by position"
    )


def focused(page: Page) -> Locator:
    return page.locator(":focus")


# --- placing --------------------------------------------------------------------------------------------------


@pytest.mark.one_of_its_kind
def test_somebody_orders_with_a_thumb(visitors: Visitors, running: Expedite, home: str) -> None:
    page = visitors.open(viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(home)
    expect(page.locator("#bar")).to_be_hidden()
    for name in (MARGHERITA, MARGHERITA, CAPRESE, COLLINS):
        row(page, name).get_by_role("button", name=f"Add {name}").tap()
    expect(page.locator("#bar")).to_have_text("4View order52.47")
    page.locator("#bar").tap()
    expect(page.get_by_role("heading", name="Your order")).to_be_in_viewport()
    expect(page.locator("#menu")).to_be_hidden()
    line(page, MARGHERITA).get_by_label(f"Note for the kitchen about {MARGHERITA}").fill("no basil on one")
    line(page, COLLINS).get_by_role("button", name=f"One {COLLINS} more").tap()
    expect(page.locator("#total")).to_contain_text("62.97")
    expect(page.locator("#ready")).to_contain_text("Ready about")
    fill_in(page)
    page.get_by_label("Eggs").tap()
    page.get_by_role("button", name="Place order").last.tap()
    expect(page).to_have_url(TRACKER)
    assert last_items(running) == [(MARGHERITA, 2, "no basil on one"), (COLLINS, 2, None), (CAPRESE, 1, None)]
    assert running.query("select allergies, table_number from orders order by id desc limit 1") == [(["eggs"], 12)]


def test_what_can_be_tapped_is_as_large_as_a_finger(visitors: Visitors, home: str) -> None:
    page = visitors.open(viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(home)
    more(page, MARGHERITA)
    on_menu = page.locator("button:visible:not(.said), a:visible:not(.skip):not(.logo)").all()
    page.locator("#bar").click()
    settled(page)
    in_order = page.locator("#order :is(button, a, .tick, summary, .choice label, textarea, .input):visible").all()
    assert len(on_menu) > 20
    assert len(in_order) > 10
    small = []
    for each in in_order:
        box = each.bounding_box()
        if box and min(box["height"], 44) < 43.5:
            small.append(each.evaluate("each => each.outerHTML.slice(0, 80)"))
    page.go_back()
    for each in on_menu:
        box = each.bounding_box()
        if box and (box["height"] < 43.5 or box["width"] < 36):
            small.append(each.evaluate("each => each.outerHTML.slice(0, 80)"))
    assert small == []


@pytest.mark.one_of_its_kind
def test_somebody_orders_with_the_keyboard_alone(visitors: Visitors, running: Expedite, home: str) -> None:
    page = visitors.open()
    page.goto(home)

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if (
                focused(page)
                .evaluate(
                    "each => each.getAttribute('aria-label') ?? each.labels?.[0]?.innerText ?? each.innerText"
                )
                .startswith(name)
            ):
                return
        raise AssertionError(f"{name} cannot be reached")

    page.keyboard.press("/")
    expect(page.get_by_label("Search dishes or ingredients")).to_be_focused()
    page.keyboard.type("buffalo")
    tab_to(f"Add {CAPRESE}")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(focused(page)).to_have_attribute("aria-label", f"Add {CAPRESE}")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")  # one less
    tab_to(f"Note for the kitchen about {CAPRESE}")
    page.keyboard.type("no oil")
    page.keyboard.press("Enter")  # is the end of a note, and sends nothing
    assert page.url == home
    line(page, CAPRESE).locator("textarea").focus()
    tab_to("Dine in")
    page.keyboard.press("ArrowRight")
    tab_to("Name")
    page.keyboard.type("Ada")
    tab_to("Milk")
    page.keyboard.press("Space")
    page.locator("#customer_name").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(TRACKER)
    assert last_items(running) == [(CAPRESE, 1, "no oil")]
    assert running.query("select order_type, allergies from orders order by id desc limit 1") == [
        ("takeout", ["milk"])
    ]


@pytest.mark.one_of_its_kind
def test_it_works_without_scripts(visitors: Visitors, running: Expedite, home: str) -> None:
    page = visitors.open(java_script_enabled=False, viewport=PHONE)
    page.goto(home)
    page.get_by_label(f"How many {MARGHERITA}").fill("2")
    row(page, MARGHERITA).get_by_text("Note").click()
    page.get_by_label(f"Note for the kitchen about {MARGHERITA}").fill("no basil")
    page.get_by_role("link", name="Your order").click()
    page.get_by_role("button", name="Add it all up").click()
    expect(page.locator("#total strong")).to_have_text("31.98")
    page.get_by_label("Takeout").check()
    expect(page.get_by_label("Table")).to_be_hidden()  # what the type does not need, by style alone
    page.get_by_role("button", name="Place order").last.click()
    expect(page.get_by_text("What is your name?")).to_be_visible()
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Name").press("Enter")
    expect(page).to_have_url(TRACKER)
    assert last_items(running) == [(MARGHERITA, 2, "no basil")]


def test_the_fields_follow_the_type_and_keep_what_was_typed(visitors: Visitors, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    fill_in(page)
    page.get_by_label("Delivery").check()
    expect(page.get_by_label("Table")).to_be_hidden()
    page.get_by_label("Address").fill("12 Harbour Street")
    page.get_by_label("Takeout").check()
    expect(page.get_by_label("Address")).to_be_hidden()
    page.get_by_label("Dine in").check()
    expect(page.get_by_label("Table")).to_have_value("12")
    page.get_by_label("Delivery").check()
    expect(page.get_by_label("Address")).to_have_value("12 Harbour Street")


# --- once -----------------------------------------------------------------------------------------------------


@pytest.mark.one_of_its_kind
def test_a_double_click_places_one(visitors: Visitors, running: Expedite, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    more(page, MARGHERITA)
    fill_in(page)
    before = placed(running)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.locator("#place").dblclick()
    expect(page).to_have_url(TRACKER)
    assert placed(running) == before + 1
    assert len(sent) == 1


def test_an_answer_that_was_lost_is_asked_for_again_and_places_one(
    visitors: Visitors, running: Expedite, home: str
) -> None:
    page = visitors.open(viewport=PHONE)
    page.goto(home)
    more(page, MARGHERITA)
    page.locator("#bar").click()
    fill_in(page)
    before = placed(running)

    def lose(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch(max_redirects=0)
            route.abort()
        else:
            route.continue_()

    page.route(home, lose)
    page.locator("#place").click()
    expect(page.locator("#unsure")).to_be_visible()
    assert placed(running) == before + 1
    page.unroute(home)
    page.reload()  # which loses nothing
    page.get_by_role("button", name="Place order").last.click()
    expect(page).to_have_url(TRACKER)
    assert placed(running) == before + 1
    visitors.faults.clear()  # the browser says that it was cut off


def test_no_answer_for_eight_seconds_is_said_and_it_can_be_sent_again(
    visitors: Visitors, running: Expedite, home: str
) -> None:
    page = visitors.open()
    page.clock.install()
    page.goto(home)
    more(page, MARGHERITA)
    fill_in(page)
    before = placed(running)
    held: list[Route] = []
    page.route(home, lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    page.clock.pause_at(datetime.now() + timedelta(minutes=1))  # noqa: DTZ005 - the page's clock, from now on by hand
    page.locator("#place").click()
    expect(page.locator("#place")).to_contain_text("Placing…")
    page.clock.run_for(7_000)
    expect(page.locator("#unsure")).to_be_hidden()
    page.clock.run_for(1_500)
    expect(page.locator("#unsure")).to_contain_text("Not sure it arrived.")
    again = page.get_by_role("button", name="Send again")
    again.click()
    eventually(lambda: page.evaluate("1") and len(held) == 2)
    for route in held:
        route.continue_()
    expect(page).to_have_url(TRACKER)
    assert placed(running) == before + 1


def test_an_order_that_was_placed_leaves_nothing_behind(visitors: Visitors, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    first = page.locator('[name="key"]').input_value()
    more(page, MARGHERITA)
    fill_in(page, notification_email="ada@example.com")
    page.locator("#place").click()
    expect(page).to_have_url(TRACKER)
    page.goto(home)
    expect(page.locator(".line")).to_have_count(0)
    expect(page.locator("#notification_email")).to_have_value("")
    assert page.locator('[name="key"]').input_value() != first
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


# --- the cart -------------------------------------------------------------------------------------------------


def test_the_cart_survives_a_reload_with_all_that_was_typed(visitors: Visitors, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    more(page, MARGHERITA, 2)
    more(page, COLLINS)
    line(page, MARGHERITA).locator("textarea").fill("no basil on one")
    fill_in(page)
    page.get_by_label("Eggs").check()
    key = page.locator('[name="key"]').input_value()
    page.reload()
    expect(line(page, MARGHERITA).locator("textarea")).to_have_value("no basil on one")
    expect(row(page, MARGHERITA).locator("input[type=number]")).to_have_value("2")
    expect(page.locator("#total")).to_contain_text("42.48")
    expect(page.locator("#table_number")).to_have_value("12")
    expect(page.locator('[value="eggs"]')).to_be_checked()
    expect(page.locator('[name="key"]')).to_have_value(key)


def test_a_quantity_can_be_typed_and_keeps_its_bounds(visitors: Visitors, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    more(page, MARGHERITA)
    quantity = row(page, MARGHERITA).locator("input[type=number]")
    quantity.fill("25")
    quantity.press("Tab")
    expect(quantity).to_have_value("10")
    expect(page.locator("#total")).to_contain_text("159.90")
    quantity.fill("0")
    quantity.press("Tab")
    expect(line(page, MARGHERITA)).to_have_count(0)


def test_what_is_taken_out_leaves_the_focus_in_reach(visitors: Visitors, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    more(page, MARGHERITA)
    more(page, CAPRESE)
    line(page, CAPRESE).get_by_role("button", name=f"One {CAPRESE} less").press("Enter")
    expect(focused(page)).to_have_attribute("aria-label", f"One {MARGHERITA} less")
    focused(page).press("Enter")
    expect(page.get_by_role("heading", name="Your order")).to_be_focused()
    expect(page.get_by_text("Nothing in it yet.")).to_be_visible()
    more(page, MARGHERITA)
    row(page, MARGHERITA).get_by_role("button", name=f"One {MARGHERITA} less").press("Enter")
    expect(focused(page)).to_have_attribute("aria-label", f"Add {MARGHERITA}")


def test_what_was_sold_out_or_costs_more_since_is_decided_in_the_cart(
    visitors: Visitors, running: Expedite, home: str, dish: Callable[..., None]
) -> None:
    for name in ("Soup", "Cake", "Pie"):
        dish(name, price=4, available=True)
    page = visitors.open()
    page.goto(home)
    for name in ("Soup", "Cake", "Pie"):
        more(page, name)
    dish("Soup", available=False)
    dish("Cake", price=5.5)
    running.query("delete from menu_items where name = 'Pie'")
    page.reload()
    expect(line(page, "Soup")).to_contain_text("Sold out.")
    expect(line(page, "Pie")).to_contain_text("Not on the menu any more.")
    expect(line(page, "Cake")).to_contain_text("Costs 5.50 now.")
    expect(page.locator("#total")).to_have_text(re.compile(r"5\.50\s+without what is sold out"))
    line(page, "Soup").get_by_role("button", name="Remove it").click()
    line(page, "Pie").get_by_role("button", name="Remove it").click()
    line(page, "Cake").get_by_role("button", name="Accept 5.50").click()
    expect(line(page, "Cake").locator(".line-problem")).to_be_hidden()
    fill_in(page)
    page.locator("#place").click()
    expect(page).to_have_url(TRACKER)
    assert last_items(running) == [("Cake", 1, None)]


def test_two_tabs_have_one_cart_and_place_it_once(visitors: Visitors, running: Expedite, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    other = page.context.new_page()
    other.goto(home)
    more(page, MARGHERITA, 2)
    expect(line(other, MARGHERITA)).to_contain_text("31.98")
    more(other, CAPRESE)
    expect(line(page, CAPRESE)).to_be_visible()
    key = page.locator('[name="key"]').input_value()
    expect(other.locator('[name="key"]')).to_have_value(key)
    fill_in(page)
    page.locator("#place").click()
    expect(page).to_have_url(TRACKER)
    expect(other.locator(".line")).to_have_count(0)
    expect(other.locator('[name="key"]')).not_to_have_value(key)
    expect(other.locator('[name="key"]')).to_have_value(re.compile(r"page-[\w-]{22}"))


@pytest.mark.parametrize(
    "kept",
    [
        "no json",
        "null",
        "[]",
        '{"key": 5, "lines": [[1, 2], null, "x"]}',
        json.dumps({"key": "page-x", "lines": [["aaaaaaaa", {"name": "x", "seen": "1", "quantity": 1}]]}),
        json.dumps({"key": "", "lines": [["aaaaaaaa", {"name": "x", "seen": "1.00", "quantity": 1e9}]]}),
    ],
)
def test_what_the_browser_keeps_is_not_trusted(visitors: Visitors, home: str, kept: str) -> None:
    page = visitors.open()
    page.goto(home)
    page.evaluate("kept => localStorage.setItem('expedite.cart', kept)", kept)
    page.reload()
    expect(page.locator(".line")).to_have_count(0)
    more(page, MARGHERITA)
    expect(line(page, MARGHERITA)).to_be_visible()


@pytest.mark.one_of_its_kind
def test_what_was_typed_runs_nowhere(visitors: Visitors, running: Expedite, home: str) -> None:
    markup = "<img src=x onerror=alert(1)>"
    page = visitors.open()
    page.on("dialog", lambda dialog: visitors.faults.append("it ran"))
    page.goto(home)
    more(page, MARGHERITA)
    line(page, MARGHERITA).locator("textarea").fill(markup)
    kept = json.loads(page.evaluate("localStorage.getItem('expedite.cart')"))
    kept["lines"].append(["aaaaaaaa", {"name": markup, "seen": "1.00", "quantity": 1, "note": markup}])
    page.evaluate("kept => localStorage.setItem('expedite.cart', kept)", json.dumps(kept))
    page.reload()
    expect(page.locator("#line-aaaaaaaa .line-name")).to_have_text(markup)
    fill_in(page, customer_name=markup)
    page.get_by_label("Search dishes or ingredients").fill(markup)
    expect(page.locator("#no-result")).to_contain_text(markup)
    page.locator("#place").click()
    expect(page.locator("#summary")).to_be_visible()
    expect(page.locator("#customer_name")).to_have_value(markup)
    expect(page.locator("#order-form img")).to_have_count(0)


# --- the menu -------------------------------------------------------------------------------------------------


def test_search_finds_names_and_ingredients_and_says_when_there_is_nothing(visitors: Visitors, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    page.keyboard.press("/")
    page.keyboard.type("Tequila")
    expect(page.locator(".dish:visible")).to_have_count(1)
    expect(row(page, "Margarita")).to_be_visible()
    expect(page.get_by_role("heading", name="Pizzas")).to_be_hidden()
    expect(page.locator("#said-status")).to_have_text("1 dish")
    page.keyboard.press("Escape")
    expect(row(page, MARGHERITA)).to_be_visible()
    page.keyboard.type("sushi")
    expect(page.get_by_text("Nothing matches “sushi”")).to_be_visible()
    page.get_by_role("button", name="Show the whole menu").click()
    expect(row(page, MARGHERITA)).to_be_visible()
    expect(page.get_by_label("Search dishes or ingredients")).to_be_focused()
    page.keyboard.type("tequila")
    page.get_by_role("link", name="Pizzas").click()  # which are not among what was found
    expect(page.get_by_role("heading", name="Pizzas")).to_be_in_viewport()


def test_who_has_an_allergy_sees_what_contains_it(visitors: Visitors, home: str) -> None:
    page = visitors.open()
    page.goto(home)
    more(page, CLOVER)
    expect(row(page, CLOVER).get_by_text("contains")).to_be_hidden()
    page.get_by_label("Eggs").check()
    for place in (row(page, CLOVER), line(page, CLOVER)):
        expect(place.get_by_text("contains")).to_be_visible()
    expect(row(page, "Martini").get_by_text("contains")).to_be_hidden()
    expect(page.locator("#said-status")).to_have_text("3 dishes contain eggs")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Lupin").check()
    expect(page.locator('[value="lupin"]')).to_be_checked()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_categories_follow_the_scrolling(visitors: Visitors, home: str, viewport: dict[str, int]) -> None:
    page = visitors.open(viewport=viewport)
    page.goto(home)
    current = page.locator(".categories [aria-current]")
    expect(current).to_have_text("Pizzas")
    page.get_by_role("link", name="Salads").click()
    expect(current).to_have_text("Salads")
    expect(page.get_by_role("heading", name="Salads")).to_be_in_viewport()
    page.mouse.move(viewport["width"] / 2, 400)
    page.mouse.wheel(0, 9000)
    expect(current).to_have_text("Drinks")
    expect(current).to_be_in_viewport()


def test_the_way_back_leads_to_where_one_was(visitors: Visitors, home: str) -> None:
    page = visitors.open(viewport=PHONE)
    page.goto(home)
    more(page, "Tiramisu")
    page.evaluate("scrollTo(0, 900)")
    page.locator("#bar").click()
    expect(page.get_by_role("heading", name="Your order")).to_be_focused()
    page.get_by_role("link", name="Back to the menu").click()
    expect(page.locator("#menu")).to_be_visible()
    eventually(lambda: abs(page.evaluate("scrollY") - 900) < 2)
    page.locator("#bar").click()
    page.go_back()
    expect(page.locator("#menu")).to_be_visible()
    eventually(lambda: abs(page.evaluate("scrollY") - 900) < 2)
    assert page.url.removesuffix("#") == home


# --- what is wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_errors_get_the_focus_and_lead_to_their_fields(
    visitors: Visitors, running: Expedite, home: str, dish: Callable[..., None], viewport: dict[str, int]
) -> None:
    dish("Soup", price=4, available=True)
    page = visitors.open(viewport=viewport)
    page.goto(home)
    more(page, MARGHERITA)
    more(page, "Soup")
    dish("Soup", available=False)
    if viewport == PHONE:
        page.locator("#bar").click()
    fill_in(page, customer_name="R2-D2", table_number="")
    before = placed(running)
    page.locator("#place").click()
    summary = page.locator("#summary")
    expect(summary).to_be_focused()
    expect(summary).to_be_in_viewport()
    expect(summary).to_contain_text("Not placed yet: 3 things to fix")
    assert placed(running) == before
    summary.get_by_role("link", name="table").click()
    expect(page.locator("#table_number")).to_be_focused()
    expect(page.locator("#table_number")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#table_number")).to_have_accessible_description("Which table?")
    summary.get_by_role("link", name="Soup").click()
    expect(focused(page)).to_have_text("Remove it")
    focused(page).press("Enter")
    fill_in(page)
    page.locator("#place").click()
    expect(page).to_have_url(TRACKER)
    assert last_items(running) == [(MARGHERITA, 1, None)]


def test_an_order_that_had_arrived_before_it_was_changed_is_said(
    visitors: Visitors, running: Expedite, home: str
) -> None:
    page = visitors.open()
    page.goto(home)
    more(page, MARGHERITA)
    fill_in(page)

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    page.route(home, lose)
    page.locator("#place").click()
    expect(page.locator("#unsure")).to_be_visible()
    page.unroute(home)
    before = placed(running)
    more(page, CAPRESE)
    page.locator("#place").click()
    expect(page.locator("#summary")).to_contain_text("An order is placed already")
    assert placed(running) == before
    page.locator("#place").click()  # that as well
    expect(page).to_have_url(TRACKER)
    assert placed(running) == before + 1
    visitors.faults.clear()


def test_who_was_signed_out_meanwhile_decides(visitors: Visitors, running: Expedite, home: str) -> None:
    cleo = people.register(running, "cleo")
    page = visitors.open(cleo)
    page.goto(home)
    more(page, MARGHERITA)
    fill_in(page)
    running.query("update users set token_version = token_version + 1 where id = %s", cleo.id)
    page.locator("#place").click()
    expect(page.locator("#summary")).to_contain_text("You are signed out")
    page.locator("#place").click()
    expect(page).to_have_url(TRACKER)


def test_nobody_gets_the_cart_of_who_was_there_before(visitors: Visitors, running: Expedite, home: str) -> None:
    cleo, otto = people.register(running, "cleo"), people.register(running, "otto")
    page = visitors.open(cleo)
    page.goto(home)
    more(page, MARGHERITA)
    page.context.add_cookies([{"name": "expedite", "value": otto.token, "url": home}])
    page.goto(home)
    expect(line(page, MARGHERITA)).to_have_count(0)
    more(page, COLLINS)
    page.goto(home + "account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).not_to_have_url(re.compile("/account$"))
    page.goto(home)
    expect(line(page, COLLINS)).to_have_count(0)


def test_order_again_fills_the_cart_once(visitors: Visitors, running: Expedite, home: str) -> None:
    cleo = people.register(running, "cleo")
    items = [{"name": MARGHERITA, "quantity": 2, "note": "no basil"}]
    people.post(running, "/orders", an_order(items=items), cleo)
    page = visitors.open(cleo)
    page.goto(home)
    more(page, CAPRESE)
    page.goto(home + "orders")
    assert serious_faults(page) == []
    page.get_by_role("link", name="Order again").click()
    expect(line(page, MARGHERITA).locator("textarea")).to_have_value("no basil")
    expect(line(page, CAPRESE)).to_be_visible()
    page.reload()
    expect(page.locator("#total")).to_contain_text("41.97")
    page.locator("#place").click()
    expect(page).to_have_url(TRACKER)
    assert last_items(running) == [(MARGHERITA, 2, "no basil"), (CAPRESE, 1, None)]


# --- for everybody --------------------------------------------------------------------------------------------


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nobody_is_kept_out(visitors: Visitors, home: str, scheme: str, viewport: dict[str, int]) -> None:
    page = visitors.open(viewport=viewport, color_scheme=scheme)
    page.goto(home)
    assert serious_faults(page) == []
    more(page, MARGHERITA, 2)
    more(page, CLOVER)
    assert serious_faults(page) == []
    if viewport == PHONE:
        page.locator("#bar").click()
    line(page, MARGHERITA).locator("textarea").fill("no basil")
    page.get_by_label("Eggs").check()
    page.locator("#place").click()
    expect(page.locator("#summary")).to_be_focused()
    assert serious_faults(page) == []


WINDOWS = {
    "small phone": {"width": 320, "height": 568},
    "phone": PHONE,
    "768": {"width": 768, "height": 1024},
    "200 %": {"width": 720, "height": 450},
    "1024": {"width": 1024, "height": 768},
    "desktop": DESKTOP,
}


@pytest.mark.one_of_its_kind
@pytest.mark.parametrize("window", WINDOWS)
def test_nothing_is_wider_than_its_window(
    visitors: Visitors, home: str, dish: Callable[..., None], window: str
) -> None:
    dish(
        LONG, price=999.99, ingredients=[{"name": "x" * 50, "amount": "1"}], allergens=["crustaceans", "sulphites"]
    )
    page = visitors.open(viewport=WINDOWS[window])
    page.goto(home)
    assert not scrolls_sideways(page)
    more(page, LONG, 10)
    assert not scrolls_sideways(page)
    if page.locator("#bar").is_visible():
        page.locator("#bar").click()
    line(page, LONG).locator("textarea").fill("x" * 140)
    page.locator("#place").click()
    expect(page.locator("#summary")).to_be_focused()
    assert not scrolls_sideways(page)
    outside = page.evaluate(
        """[...document.querySelectorAll('#order *')]
        .filter((each) => each.checkVisibility() && !each.closest('.said'))
        .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.outerHTML.slice(0, 90))"""
    )
    assert outside == []


def test_who_wants_no_motion_gets_none(visitors: Visitors, home: str) -> None:
    page = visitors.open(reduced_motion="reduce")
    page.goto(home)
    more(page, MARGHERITA)
    page.locator("#place").click()
    assert page.evaluate("document.getAnimations().length") == 0
