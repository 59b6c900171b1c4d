"""The order page without scripts: a form that is filled in and sent, and what comes back."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from devstack import launcher
from order_service.menu.catalogue import tag
from tests.support import html, people
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite, Process, an_order
from tests.support.ordering import AT_A_TABLE, Browser, many, order_of, signed_in

MARGHERITA, SIDECAR, MARGARITA = "Margherita Pizza", "Sidecar", "Margarita"
SCRIPT = """"><script>alert('x')</script><img src=x onerror=alert(1)>"""

KEY = re.compile(r"page-[\w-]{22}")


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    """A house with the starter menu, whose kitchen is closed."""
    launcher.run_module(["order_service.menu.starter"], ROOT, running.environment())
    running.start("order_service", **people.NO_LIMITS)
    return running


@pytest.fixture
def browser(house: Expedite) -> Browser:
    return Browser(house.url("order_service")).open()


@pytest.fixture
def menu(house: Expedite) -> Any:
    """Changes the menu, and puts it back."""
    anna = people.register(house, "anna", "employee")

    def change(dish: str, **changes: Any) -> None:
        answer = people.request(house, "PATCH", f"/menu/{dish}", changes, anna)
        assert answer.status_code == 200, answer.text

    before = people.get(house, "/menu").json()["items"]
    yield change
    house.query("delete from menu_items")
    for dish in before:
        dish.pop("url")
        people.post(house, "/menu", dish, anna)


def placed(house: Expedite) -> int:
    """How many orders there are."""
    return int(house.query("select count(*) from orders")[0][0])


# --- the page -------------------------------------------------------------------------------------------------


def test_the_menu_is_there_by_category_with_what_is_in_each_dish(browser: Browser) -> None:
    headings = [each.text for each in browser.page.one(id="menu").all("h2")]
    assert headings[:5] == ["Pizzas", "Cocktails", "Salads", "Desserts", "Drinks"]
    clover_club = browser.page.one("li", id=f"dish-{tag('Clover Club')}").text
    for word in ("Clover Club", "12.50", "Gin, raspberry syrup, fresh lemon juice, egg white", "sour", "eggs"):
        assert word in clover_club


def test_the_first_paint_needs_under_100_kib_and_nothing_from_elsewhere(browser: Browser) -> None:
    weight = len(browser.answer.content)
    for link in browser.page.all("link", rel="stylesheet"):
        assert link.attributes["href"].startswith("/static/")
        style = requests.get(browser.url + link.attributes["href"], timeout=5)
        assert style.status_code == 200
        weight += len(style.content)
    assert weight < 100 * 1024
    assert not [each for each in browser.page.walk() if "style" in each.attributes or each.tag == "style"]
    assert not [each for each in browser.page.all("script") if each.text or "src" not in each.attributes]
    assert "script-src 'self'" in browser.answer.headers["Content-Security-Policy"]


def test_a_menu_that_is_empty_says_so(house: Expedite, browser: Browser, menu: Any) -> None:
    house.query("delete from menu_items")
    browser.open()
    assert "Nothing on the menu yet" in browser.page.text
    assert not browser.page.all(id="place")
    browser.send(**AT_A_TABLE)
    assert "Choose 1 to 20 dishes." in browser.page.text


def test_what_is_sold_out_stays_in_its_place_and_cannot_be_chosen(browser: Browser, menu: Any) -> None:
    menu(MARGARITA, available=False)
    row = browser.open().page.one("li", id=f"dish-{tag(MARGARITA)}")
    assert "Sold out" in row.text
    assert not row.all("input")


# --- placing --------------------------------------------------------------------------------------------------


def test_what_was_filled_in_is_ordered_and_its_tracker_follows(house: Expedite, browser: Browser) -> None:
    browser.send(
        **AT_A_TABLE,
        **many(MARGHERITA, 2),
        **{f"n{tag(MARGHERITA)}": "no basil on one"},
        **many(SIDECAR, 1),
        notification_email="Ada@Example.com",
        allergies=["eggs", "nuts"],
    )
    order = order_of(house, browser.tracker())
    assert order["order_type"] == "dine_in"
    assert (order["customer_name"], order["table_number"]) == ("Ada Lovelace", 12)
    assert order["items"] == [
        {"name": MARGHERITA, "quantity": 2, "price": 15.99, "note": "no basil on one"},
        {"name": SIDECAR, "quantity": 1, "price": 12.5, "note": None},
    ]
    assert order["allergies"] == ["eggs", "nuts"]
    assert order["notification_email"] == "ada@example.com"


def test_an_order_has_what_its_type_needs_whatever_was_typed_besides(house: Expedite, browser: Browser) -> None:
    fields = {
        **AT_A_TABLE,
        **many(MARGHERITA, 1),
        "delivery_address": "12 Harbour Street\r\n  flat 3,\r\n\r\nRome",
    }
    there = order_of(house, browser.send(**{**fields, "order_type": "delivery"}).tracker())
    assert (there["table_number"], there["delivery_address"]) == (None, "12 Harbour Street, flat 3, Rome")
    away = order_of(house, browser.open().send(**{**fields, "order_type": "takeout"}).tracker())
    assert (away["table_number"], away["delivery_address"]) == (None, None)


def test_the_sum_and_the_time_are_there_before_one_orders(house: Expedite, browser: Browser) -> None:
    before = placed(house)
    browser.send({"add_up": "1"}, **AT_A_TABLE, **many(MARGHERITA, 2), **many(SIDECAR, 1))
    assert browser.answer.status_code == 200
    assert browser.page.one(id="total").text == "Total 44.48"
    assert "31.98" in browser.line(MARGHERITA).text
    assert len(browser.page.one(id="ready").all("time")) == 3
    assert dict(browser.form().fields())["customer_name"] == "Ada Lovelace"
    assert placed(house) == before
    browser.send()
    assert order_of(house, browser.tracker())["total_amount"] == 44.48


@pytest.mark.parametrize("order_type", ["dine_in", "takeout", "delivery"])
def test_the_time_is_the_one_that_the_order_then_gets(house: Expedite, browser: Browser, order_type: str) -> None:
    where = {"dine_in": {"table_number": 3}, "delivery": {"delivery_address": "12 Harbour Street"}}
    items = [{"name": "Clover Club", "quantity": 10, "price": 12.5}]
    # Who waits is looked at every two seconds at most: else only the second look may see who has just ordered.
    earlier = "select coalesce(max(placed_at) < now() - interval '2.5 s', true) from orders"
    eventually(lambda: house.query(earlier) == [(True,)])
    began = datetime.now(UTC)
    url = f"{browser.url}/estimate?q{tag('Clover Club')}=10"
    part = html.read(requests.get(url, headers={"Accept": "text/html"}, timeout=15).text)
    order = an_order(order_type=order_type, items=items, **where.get(order_type, {}))
    answer = requests.post(f"{browser.url}/orders", json=order, timeout=15).json()
    told = _moment(part.one("span", class_=f"for-{order_type}").one("time").attributes["datetime"])
    passed = datetime.now(UTC) - began
    assert told <= _moment(answer["estimated_completion"]) <= told + passed


def test_an_estimate_bounds_what_it_is_asked_and_knows_only_what_is_on_the_menu(browser: Browser) -> None:
    for query in (
        "",
        "?qaaaaaaaa=3",
        f"?q{tag(MARGHERITA)}=999999999",
        f"?q{tag(MARGHERITA)}=-1&x=1",
        "?q=1&q'=1",
    ):
        answer = requests.get(f"{browser.url}/estimate{query}", headers={"Accept": "text/html"}, timeout=15)
        assert answer.status_code == 200
        assert "at the earliest" in answer.text
    many_dishes = "&".join(f"q{number:08}=1" for number in range(60))
    headers = {"Accept": "text/html"}
    assert requests.get(f"{browser.url}/estimate?{many_dishes}", headers=headers, timeout=15).status_code == 400


# --- what is wrong --------------------------------------------------------------------------------------------

WRONG = [
    ({"customer_name": "R2-D2"}, "customer_name", "Only letters, spaces, hyphens and apostrophes."),
    ({"customer_name": "  "}, "customer_name", "What is your name?"),
    ({"customer_name": "x" * 101}, "customer_name", "Must be 1 to 100 characters long."),
    ({"table_number": ""}, "table_number", "Which table?"),
    ({"table_number": "101"}, "table_number", "Must be 1 to 100."),
    ({"table_number": "by the window"}, "table_number", "Must be a whole number."),
    ({"order_type": "delivery", "delivery_address": ""}, "delivery_address", "Where shall we bring it?"),
    ({"order_type": "delivery", "delivery_address": "here"}, "delivery_address", "Must be 10 to 500 characters"),
    ({"notification_email": "ada at example"}, "notification_email", "Must be an e-mail address."),
]


@pytest.mark.parametrize(("fields", "name", "message"), WRONG)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    house: Expedite, browser: Browser, fields: dict[str, str], name: str, message: str
) -> None:
    before = placed(house)
    browser.send(**{**AT_A_TABLE, **many(MARGHERITA, 2), **fields})
    assert browser.answer.status_code == 422
    at = browser.page.one(id=name)
    assert at.attributes["aria-invalid"] == "true"
    assert message in browser.page.one(id=at.attributes["aria-describedby"]).text
    assert [link.attributes["href"] for link in browser.summary().all("a")] == [f"#{name}"]
    assert "1 thing to fix" in browser.summary().text
    sent = dict(browser.form().fields())
    assert {**sent, **AT_A_TABLE, **many(MARGHERITA, 2), **fields} == sent
    assert placed(house) == before


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (many(MARGHERITA, 11), "Must be 1 to 10."),
        (many(MARGHERITA, -1), "Must be 1 to 10."),
        (many(MARGHERITA, "two"), "Must be a whole number."),
        ({**many(MARGHERITA, 1), f"n{tag(MARGHERITA)}": "x" * 141}, "Must be 1 to 140 characters long."),
        ({**many(MARGHERITA, 1), f"n{tag(MARGHERITA)}": "no \x07 bells"}, "characters that cannot be shown"),
    ],
)
def test_what_is_wrong_with_a_dish_is_said_at_its_line(
    browser: Browser, fields: dict[str, str], message: str
) -> None:
    browser.send(**{**AT_A_TABLE, **fields})
    assert browser.answer.status_code == 422
    assert message in browser.line(MARGHERITA).text
    assert browser.page.one("input", name=f"q{tag(MARGHERITA)}").attributes["aria-invalid"] == "true"
    assert [link.text for link in browser.summary().all("a")] == [MARGHERITA]
    assert browser.page.all(id=browser.summary().one("a").attributes["href"][1:])


def test_all_that_is_wrong_is_said_at_once(browser: Browser, menu: Any) -> None:
    menu(MARGARITA, available=True)
    browser.open()
    menu(MARGARITA, available=False)
    menu(SIDECAR, price=13)
    chosen = {**many(MARGHERITA, 2), **many(MARGARITA, 1), **many(SIDECAR, 1)}
    browser.send(order_type="dine_in", customer_name="R2-D2", table_number="", **chosen)
    assert "Not placed yet: 4 things to fix" in browser.summary().text
    links = browser.summary().all("a")
    assert [link.text for link in links] == [MARGARITA, SIDECAR, "name", "table"]
    assert all(browser.page.all(id=link.attributes["href"][1:]) for link in links)
    assert browser.summary().text.endswith("Nothing has been ordered.")
    assert browser.page.one(id="total").text == "Total 44.98 without what is sold out"


def test_nothing_chosen_is_no_order(browser: Browser) -> None:
    browser.send(**AT_A_TABLE)
    assert "Choose 1 to 20 dishes." in browser.page.text
    assert browser.page.all(id=browser.summary().one("a").attributes["href"][1:])


def test_what_was_sold_out_meanwhile_is_taken_out_and_the_rest_ordered(
    house: Expedite, browser: Browser, menu: Any
) -> None:
    menu(MARGARITA, available=False)
    browser.send(**AT_A_TABLE, **many(MARGHERITA, 1), **many(MARGARITA, 1))
    assert browser.answer.status_code == 422
    assert "Sold out." in browser.line(MARGARITA).text
    browser.send()  # once more, nothing decided
    assert browser.answer.status_code == 422
    button = browser.line(MARGARITA).one("button", name="remove")
    browser.send({"remove": button.attributes["value"]})
    assert browser.answer.status_code == 200
    assert not browser.page.all("li", id=f"line-{tag(MARGARITA)}")
    order = order_of(house, browser.send().tracker())
    assert [item["name"] for item in order["items"]] == [MARGHERITA]


def test_another_price_is_paid_by_who_has_accepted_it(house: Expedite, browser: Browser, menu: Any) -> None:
    menu(SIDECAR, price=13)
    browser.send(**AT_A_TABLE, **many(SIDECAR, 2))
    assert browser.answer.status_code == 422
    line = browser.line(SIDECAR)
    assert line.one("s").text == "25.00"
    assert "26.00" in line.text
    assert "Costs 13.00 now." in line.text
    button = line.one("button", name="accept")
    assert button.text == "Accept 13.00"
    browser.send()  # not accepted by sending it once more
    assert browser.answer.status_code == 422
    browser.send({"accept": button.attributes["value"]})
    assert browser.answer.status_code == 200
    assert order_of(house, browser.send().tracker())["total_amount"] == 26


def test_what_is_not_on_the_menu_any_more_is_in_the_way_until_it_is_taken_out(
    house: Expedite, browser: Browser, menu: Any
) -> None:
    house.query("delete from menu_items where name = %s", SIDECAR)
    browser.send(**AT_A_TABLE, **many(MARGHERITA, 1), **many(SIDECAR, 2))
    assert browser.answer.status_code == 422
    assert "Not on the menu any more." in browser.line(SIDECAR).text
    assert "1 thing to fix" in browser.summary().text
    browser.send({"remove": tag(SIDECAR)})
    assert len(order_of(house, browser.send().tracker())["items"]) == 1


# --- once -----------------------------------------------------------------------------------------------------


def test_a_form_that_is_sent_twice_places_one_order(house: Expedite, browser: Browser) -> None:
    before = placed(house)
    form = [*browser.form().fields(), *AT_A_TABLE.items(), *many(MARGHERITA, 1).items()]
    form = list(dict(form).items())
    first, second = browser.post(form).tracker(), browser.post(form).tracker()
    assert first == second
    assert placed(house) == before + 1


def test_a_form_that_is_sent_ten_times_at_once_places_one_order(house: Expedite, browser: Browser) -> None:
    before = placed(house)
    form = {**dict(browser.form().fields()), **AT_A_TABLE, **many(MARGHERITA, 1)}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: Browser(browser.url).post(form).tracker(), range(10)))
    assert len(set(answers)) == 1
    assert placed(house) == before + 1


def test_each_page_has_a_key_of_its_own(browser: Browser) -> None:
    first = browser.key()
    assert KEY.fullmatch(first)
    assert browser.open().key() != first


def test_who_changes_an_order_that_had_arrived_is_told_and_may_order_that_as_well(
    house: Expedite, browser: Browser
) -> None:
    form = {**dict(browser.form().fields()), **AT_A_TABLE, **many(MARGHERITA, 1)}
    first = browser.post(form).tracker()
    before = placed(house)
    browser.post({**form, **many(MARGHERITA, 3)})
    assert browser.answer.status_code == 422
    assert "An order is placed already" in browser.summary().text
    assert browser.summary().one("a").attributes["href"] == first
    assert browser.key() != form["key"]
    assert placed(house) == before
    second = order_of(house, browser.send().tracker())
    assert second["items"][0]["quantity"] == 3
    assert placed(house) == before + 1


def test_a_key_of_a_programs_opens_no_order_here(house: Expedite, browser: Browser) -> None:
    key = {"Idempotency-Key": "1"}
    answer = requests.post(f"{browser.url}/orders", json=an_order(), headers=key, timeout=15)
    assert answer.status_code == 201
    browser.send(**AT_A_TABLE, **many(MARGHERITA, 1), key="1")
    assert answer.json()["order_number"] not in browser.tracker()


# --- who ------------------------------------------------------------------------------------------------------


def test_the_order_of_who_is_signed_in_is_theirs(house: Expedite, browser: Browser) -> None:
    cleo = people.register(house, "cleo2000")  # a name that an order's customer could not have
    signed_in(browser, cleo).open()
    assert dict(browser.form().fields())["customer_name"] == cleo.username
    number = re.search(r"ORD_\d+_\d+", browser.send(**many(MARGHERITA, 1), table_number="3").tracker())
    assert number
    mine = people.get(house, "/orders", cleo).json()["items"]
    assert [(order["order_number"], order["customer_name"]) for order in mine] == [(number[0], cleo.username)]


def test_who_was_signed_out_meanwhile_loses_nothing_and_orders_nothing_by_it(
    house: Expedite, browser: Browser
) -> None:
    cleo = people.register(house, "cleo")
    signed_in(browser, cleo).open()
    house.query("update users set token_version = token_version + 1 where id = %s", cleo.id)
    before = placed(house)
    browser.send(**{**AT_A_TABLE, **many(MARGHERITA, 2)})
    assert browser.answer.status_code == 401
    assert "You are signed out" in browser.summary().text
    assert placed(house) == before
    sent = dict(browser.form().fields())
    assert {**sent, **AT_A_TABLE, **many(MARGHERITA, 2)} == sent
    order = order_of(house, browser.send().tracker())  # as a guest, which the page has said
    assert house.query("select customer_id from orders where number = %s", order["order_number"]) == [(None,)]


def test_a_house_without_guests_asks_to_sign_in(house: Expedite) -> None:
    strict = house.start("order_service", GUEST_ORDERS="false", **people.NO_LIMITS)
    try:
        browser = Browser(strict.url).open()
        side = browser.page.one(id="order")
        assert "Sign in to order" in side.text
        assert not browser.page.all(id="place")
        before = placed(house)
        browser.send(**AT_A_TABLE, **many(MARGHERITA, 1))
        assert browser.answer.status_code == 401
        assert "Sign in to order" in browser.summary().text
        assert placed(house) == before
        signed_in(browser, people.register(house, "cleo")).open()
        browser.send(**AT_A_TABLE, **many(MARGHERITA, 1))
        assert browser.tracker()
    finally:
        _end(house, strict)


def test_too_many_orders_are_said_and_the_cart_stays(house: Expedite) -> None:
    strict = house.start("order_service", ORDERS_PER_ADDRESS="1 per hour", **people.NO_LIMITS)
    try:
        browser = Browser(strict.url).open().send(**AT_A_TABLE, **many(MARGHERITA, 1))
        assert browser.tracker()
        browser.open().send(**AT_A_TABLE, **many(MARGHERITA, 4))
        assert browser.answer.status_code == 429
        assert "Try again in" in browser.summary().text
        assert dict(browser.form().fields())[f"q{tag(MARGHERITA)}"] == "4"
    finally:
        _end(house, strict)


# --- what is not to be trusted --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "customer_name",
        "table_number",
        "delivery_address",
        "notification_email",
        "allergies",
        "order_type",
        "key",
        "as",
        f"q{tag(MARGHERITA)}",
        f"n{tag(MARGHERITA)}",
        f"p{tag(MARGHERITA)}",
        "remove",
        "accept",
    ],
)
def test_what_is_typed_comes_back_as_text(browser: Browser, name: str) -> None:
    order_type = "delivery" if name == "delivery_address" else "dine_in"
    browser.send(
        **{**AT_A_TABLE, "order_type": order_type, **many(MARGHERITA, 1), "customer_name": "1", name: SCRIPT}
    )
    assert browser.answer.status_code in (200, 422)
    assert_harmless(browser)


def test_a_dish_and_an_account_are_text_whatever_they_are_called(
    house: Expedite, browser: Browser, menu: Any
) -> None:
    name = "<b onclick=alert(1)>'\"&amp;"
    dish = {"name": name, "category": "<i>x", "price": 5, "ingredients": [{"name": SCRIPT[:50], "amount": "1"}]}
    assert people.post(house, "/menu", dish, people.register(house, "anna", "employee")).status_code == 201
    cleo = people.register(house, "cleo")
    house.query("update users set username = %s where id = %s", SCRIPT, cleo.id)
    signed_in(browser, cleo).open()
    assert browser.page.one("li", id=f"dish-{tag(name)}").one("h3").text == name
    browser.send({"add_up": "1"}, **many(name, 2))
    assert name in browser.line(name).text
    assert_harmless(browser)


def assert_harmless(browser: Browser) -> None:
    assert "<script>" not in browser.answer.text
    assert not browser.page.all("img")
    assert not [
        each for each in browser.page.walk() if any(attribute[:2] == "on" for attribute in each.attributes)
    ]
    assert not browser.page.all("b")
    assert not browser.page.all("i")


def test_a_form_that_is_too_big_or_not_ours_is_refused(house: Expedite, browser: Browser) -> None:
    before = placed(house)
    form = {**dict(browser.form().fields()), **AT_A_TABLE, **many(MARGHERITA, 1)}
    assert browser.post({**form, "customer_name": "x" * 70_000}).answer.status_code == 413
    assert browser.post([*form.items(), *(("x", "") for _ in range(4000))]).answer.status_code == 400
    assert browser.post(form, Origin="https://evil.example").answer.status_code == 403
    assert browser.post("{}", **{"Content-Type": "application/json"}).answer.status_code == 415
    assert placed(house) == before


def test_a_menu_of_a_thousand_dishes_can_be_ordered_from(house: Expedite, browser: Browser, menu: Any) -> None:
    house.query(
        "insert into menu_items (name_key, name, category, price, ingredients, allergens)"
        " select 'dish ' || n, 'Dish ' || n, 'drink', 1.50, '[]', '{}' from generate_series(1, 983) n"
    )
    menu(MARGHERITA, available=True)  # so that the service looks at its menu again
    browser.open()
    order = order_of(house, browser.send(**AT_A_TABLE, **many("Dish 983", 2)).tracker())
    assert order["total_amount"] == 3


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _end(house: Expedite, process: Process) -> None:
    process.kill()
    house.processes.remove(process)
