"""The tracker's page: what it says of an order in each of its states, to whom, and how an order is cancelled
there."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.support import html, people
from tests.support.expedite import SECRET_KEY, Expedite
from tests.support.html import Element
from tests.support.people import NO_LIMITS, Someone

NASTY = "<script>alert(1)</script>\"'&{{7*7}}"
#: What nobody learns by a number alone.
PERSONAL = ("Ada", "Lovelace", "Margherita", "15.99", "Harbour", "celery", "extra basil", "anna", "out of lettuce")


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    running.start("tracking_service")
    return running


@pytest.fixture(scope="module")
def anna(house: Expedite) -> Someone:
    return people.register(house, "anna", "employee")


def placed(house: Expedite, who: Someone | None = None, **changes: Any) -> dict[str, Any]:
    """A personal order: with an address, an allergy and a note where it may have them."""
    order: dict[str, Any] = {
        "customer_name": "Ada Lovelace",
        "order_type": "delivery",
        "delivery_address": "12 Harbour Street",
        "allergies": ["celery"],
        "items": [{"name": "Margherita Pizza", "quantity": 2, "price": 15.99, "note": "extra basil"}],
        **changes,
    }
    order = {name: value for name, value in order.items() if value is not None}
    answer = people.post(house, "/orders", order, who)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def takeout(house: Expedite, who: Someone | None = None, **changes: Any) -> dict[str, Any]:
    return placed(house, who, order_type="takeout", delivery_address=None, **changes)


def move(house: Expedite, number: str, *steps: str, by: Someone, why: str | None = None) -> None:
    for step in steps:
        answer = people.post(house, f"/orders/{number}/{step}", {"reason": why} if why else None, by)
        assert answer.status_code == 200, answer.text


def opened(url: str, who: Someone | None = None) -> requests.Response:
    cookie = {"Cookie": f"expedite={who.token}"} if who else {}
    return requests.get(url, headers={"Accept": "text/html", **cookie}, allow_redirects=False, timeout=15)


def look(url: str, who: Someone | None = None) -> Element:
    """The page, as a browser without scripts has it."""
    answer = opened(url, who)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return html.read(answer.text)


def by_number(house: Expedite, order: dict[str, Any]) -> str:
    return f"{house.url('tracking_service')}/track/{order['order_number']}"


def headline(page: Element) -> str:
    return page.one("h1").text


def steps(page: Element) -> list[str]:
    return [step.one(class_="step-name").text for step in page.all("li", class_="step")]


def cancel(page: Element, house: Expedite, who: Someone | None = None, **headers: str) -> requests.Response:
    """Send the form, as a browser sends it from the tracker's page."""
    form = page.one("form")
    assert form.attributes["method"] == "post"
    cookie = {"Cookie": f"expedite={who.token}"} if who else {}
    given = {"Origin": house.url("tracking_service"), "Accept": "text/html", **cookie, **headers}
    return requests.post(
        form.attributes["action"], form.fields(), headers=given, allow_redirects=False, timeout=15
    )


# --- what it says, to whom -------------------------------------------------------------------------------


def test_the_tracking_link_leads_there_and_shows_all_of_the_order(house: Expedite) -> None:
    order = placed(house)
    page = look(order["tracking_url"])
    assert order["tracking_url"].startswith(by_number(house, order) + "?key=")
    assert headline(page) == "Waiting its turn"
    assert steps(page) == ["Received", "Waiting its turn", "Preparing", "Ready", "Out for delivery", "Delivered"]
    ordered = page.one("section").text
    for shown in ("2 Margherita Pizza", "extra basil", "31.98", "for Ada Lovelace", "allergy: celery"):
        assert shown in ordered
    assert "You can cancel until it is started." in page.text


def test_by_its_number_alone_it_tells_nothing_personal(house: Expedite, anna: Someone) -> None:
    order = placed(house)
    for step in ("received", "cooking", "cancelled"):
        if step == "cooking":
            move(house, order["order_number"], "start", by=anna)
        if step == "cancelled":
            move(house, order["order_number"], "cancel", by=anna, why="out of lettuce")
        answer = opened(by_number(house, order))
        assert answer.status_code == 200
        assert [word for word in PERSONAL if word in answer.text] == []
        page = html.read(answer.text)
        assert page.all("form") == []
        assert "Is it yours?" in page.text
    assert "Staff cancelled it at" in page.text


def test_a_wrong_key_or_another_orders_is_worth_no_more_than_the_number(house: Expedite) -> None:
    order, other = placed(house), placed(house, customer_name="Grace Hopper")
    others_key = parse_qs(urlsplit(other["tracking_url"]).query)["key"][0]
    for key in (others_key, "x", "", "é", "%00"):
        answer = opened(f"{by_number(house, order)}?key={key}")
        assert answer.status_code == 200
        assert [word for word in PERSONAL if word in answer.text] == []
        assert "This link is not complete" in html.read(answer.text).text
        assert others_key not in answer.text


def test_its_customer_and_staff_need_no_key(house: Expedite, anna: Someone) -> None:
    cleo, otto = people.register(house, "cleo"), people.register(house, "otto")
    order = placed(house, cleo)
    url = by_number(house, order)
    assert "for Ada Lovelace" in look(url, cleo).text
    assert look(url, cleo).all("form")
    assert "for Ada Lovelace" in look(url, anna).text
    assert look(url, anna).all("form") == []
    for nobody in (None, otto):
        assert [word for word in PERSONAL if word in opened(url, nobody).text] == []


def test_a_session_that_is_worth_nothing_makes_a_guest(house: Expedite) -> None:
    order = placed(house)
    nobody = Someone(0, "", "", "a.b.c")
    assert "Is it yours?" in look(by_number(house, order), nobody).text
    assert "for Ada Lovelace" in look(order["tracking_url"], nobody).text


@pytest.mark.parametrize("number", ["ORD_20261122_999999", "ORD_99999999_001", "7", "%00", "ORD_2026%0a"])
def test_a_number_that_no_order_has_is_said_in_a_page(house: Expedite, number: str) -> None:
    answer = opened(f"{house.url('tracking_service')}/track/{number}")
    assert answer.status_code == 404
    assert "There is no" in html.read(answer.text).text


def test_what_people_typed_is_text(house: Expedite, anna: Someone) -> None:
    order = takeout(house, items=[{"name": NASTY, "quantity": 1, "price": 1, "note": NASTY}])
    move(house, order["order_number"], "start", "ready", by=anna)
    move(house, order["order_number"], "recall", by=anna, why=NASTY)
    answer = opened(order["tracking_url"])
    page = html.read(answer.text)
    assert "<script>alert" not in answer.text
    assert [typed.text for typed in page.all("bdi")].count(NASTY) == 3
    move(house, order["order_number"], "cancel", by=anna, why=NASTY)
    assert NASTY in look(order["tracking_url"]).one(class_="tracker-more").text


def test_scripts_off_it_comes_again_by_itself_until_nothing_can_happen(house: Expedite, anna: Someone) -> None:
    order = takeout(house)
    assert look(order["tracking_url"]).one("meta", http_equiv="refresh").attributes["content"] == "20"
    move(house, order["order_number"], "cancel", by=anna)
    assert look(order["tracking_url"]).all("meta", http_equiv="refresh") == []


# --- its states ------------------------------------------------------------------------------------------


def test_its_way_from_the_line_to_its_customer(house: Expedite, anna: Someone) -> None:
    order = placed(house)
    number = order["order_number"]
    move(house, number, "start", by=anna)
    page = look(order["tracking_url"])
    assert headline(page) == f"{anna.username} is preparing it"
    assert re.fullmatch(r"about \d\d:\d\d", _about(page))
    assert "Too late to cancel here. It has been started. Call us, we can still stop it." in page.text
    assert headline(look(by_number(house, order))) == "Being prepared"
    move(house, number, "ready", by=anna)
    assert headline(look(order["tracking_url"])) == "Ready to go out"
    move(house, number, "dispatch", by=anna)
    assert headline(look(order["tracking_url"])) == "On its way"
    move(house, number, "complete", by=anna)
    page = look(order["tracking_url"])
    assert headline(page) == "Delivered"
    assert page.all("li", class_="is-ahead") == []
    again = page.one("a", class_="main").attributes["href"]
    key = urlsplit(order["tracking_url"]).query
    assert again == f"{house.url('order_service')}/?again={number}&{key}"
    assert requests.get(again, headers={"Accept": "text/html"}, timeout=15).status_code == 200


def _about(page: Element) -> str:
    [ready] = [step for step in page.all("li", class_="is-ahead") if step.one(class_="step-name").text == "Ready"]
    return ready.one(class_="step-time").text


@pytest.mark.parametrize(
    ("order_type", "words"),
    [("takeout", "Show this number at the counter."), ("dine_in", "We bring it to table 7.")],
)
def test_ready_its_number_fills_the_screen(house: Expedite, anna: Someone, order_type: str, words: str) -> None:
    table = 7 if order_type == "dine_in" else None
    order = placed(house, order_type=order_type, delivery_address=None, table_number=table)
    move(house, order["order_number"], "start", "ready", by=anna)
    page = look(order["tracking_url"])
    short = order["order_number"].rpartition("_")[2]
    assert page.one(class_="tracker-number").text == short
    assert words in page.text
    assert "table 7" not in look(by_number(house, order)).text


def test_called_back_it_says_who_and_why_and_that_it_is_later(house: Expedite, anna: Someone) -> None:
    order = takeout(house)
    number = order["order_number"]
    move(house, number, "start", "ready", by=anna)
    move(house, number, "recall", by=anna, why="one box was missing")
    house.query(
        "update orders set first_estimate = now() - interval '3 minutes',"
        " estimated_completion = now() + interval '1 hour' where number = %s",
        number,
    )
    page = look(order["tracking_url"])
    assert headline(page) == "Being prepared again"
    assert steps(page) == ["Received", "Preparing", "Ready", "Preparing again", "Ready", "Collected"]
    assert re.search(rf"Called back by {anna.username} at \d\d:\d\d: one box was missing", page.text)
    assert re.search(r"6[234] minutes later than we first said It went back to be put right\.", page.text)
    assert page.one(class_="promise").all("s")


def test_nobody_here_makes_it(house: Expedite) -> None:
    order = takeout(house)
    house.query(
        "update orders set first_estimate = now() - interval '1 hour' where number = %s", order["order_number"]
    )
    assert "Nobody here makes takeout right now." in look(order["tracking_url"]).text


def test_a_time_that_has_passed_is_not_shown(house: Expedite, anna: Someone) -> None:
    order = takeout(house)
    move(house, order["order_number"], "start", by=anna)
    house.query(
        "update orders set estimated_completion = now() - interval '2 minutes' where number = %s",
        order["order_number"],
    )
    page = look(order["tracking_url"])
    assert "Later than we thought" in page.text
    assert page.all(class_="promise") == []
    assert "about" not in page.one("ol").text


def test_it_could_not_be_made(house: Expedite, anna: Someone) -> None:
    order = takeout(house)
    move(house, order["order_number"], "fail", by=anna, why="no ice")
    page = look(order["tracking_url"])
    assert headline(page) == "It could not be made"
    assert re.search(rf"{anna.username} gave it up at \d\d:\d\d: no ice", page.text)
    assert page.all("a", class_="main")


def test_an_order_of_another_day_says_so(house: Expedite) -> None:
    order = takeout(house)
    house.query(
        "update orders set number = 'ORD_20260102_' || right(number, 3), link_nonce = null where number = %s",
        order["order_number"],
    )
    short = order["order_number"].rpartition("_")[2]
    page = look(f"{house.url('tracking_service')}/track/ORD_20260102_{short}")
    assert f"Order {short} of 2 Jan" in page.text
    assert " of " not in look(takeout(house)["tracking_url"]).one(class_="tracker-order").text


def test_a_link_that_is_over_shows_what_the_number_does(house: Expedite) -> None:
    order = placed(house)
    assert "Lovelace" in opened(order["tracking_url"]).text
    house.query(
        "update orders set placed_at = now() - interval '31 days' where number = %s", order["order_number"]
    )
    page = opened(order["tracking_url"])
    assert page.status_code == 200
    assert not [word for word in PERSONAL if word in page.text]


def test_the_secret_key_is_nowhere(house: Expedite) -> None:
    assert SECRET_KEY not in opened(placed(house)["tracking_url"]).text


# --- cancelling ------------------------------------------------------------------------------------------


def test_who_has_the_link_cancels_and_is_back_at_the_tracker(house: Expedite) -> None:
    order = placed(house)
    answer = cancel(look(order["tracking_url"]), house)
    assert (answer.status_code, answer.headers["Location"]) == (303, order["tracking_url"])
    page = look(answer.headers["Location"])
    assert headline(page) == "Cancelled"
    assert re.search(r"You cancelled it at \d\d:\d\d\.", page.text)
    assert page.all("form") == []
    assert house.history(order["order_number"]) == ["received", "cancelled"]


def test_twice_is_once(house: Expedite) -> None:
    order = placed(house)
    page = look(order["tracking_url"])
    for _ in range(2):
        assert cancel(page, house).headers["Location"] == order["tracking_url"]
    assert house.history(order["order_number"]) == ["received", "cancelled"]


def test_too_late_it_says_so_and_whom_to_ask(house: Expedite, anna: Someone) -> None:
    order = takeout(house)
    page = look(order["tracking_url"])
    move(house, order["order_number"], "start", by=anna)
    answer = cancel(page, house)
    assert answer.status_code == 303
    page = look(answer.headers["Location"])
    assert "That came too late to cancel it." in page.one(role="alert", class_="band").text
    assert "Ask at the counter, they can still stop it." in page.text
    assert house.status(order["order_number"]) == "cooking"


def test_a_signed_in_customer_cancels_their_own(house: Expedite) -> None:
    cleo = people.register(house, "cleo")
    order = placed(house, cleo)
    url = by_number(house, order)
    answer = requests.post(
        f"{house.url('order_service')}/orders/{order['order_number']}/cancel-by-page",
        {"key": ""},
        headers={"Origin": house.url("tracking_service"), "Cookie": f"expedite={cleo.token}"},
        allow_redirects=False,
        timeout=15,
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, url)
    assert house.status(order["order_number"]) == "cancelled"


@pytest.mark.parametrize("headers", [{"Origin": ""}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_another_sites_page_cancels_nothing(house: Expedite, headers: dict[str, str]) -> None:
    order = placed(house)
    answer = cancel(look(order["tracking_url"]), house, **headers)
    assert answer.status_code == 403
    assert house.status(order["order_number"]) == "received"


def test_a_key_is_as_good_when_the_session_has_ended(house: Expedite) -> None:
    order = placed(house)
    answer = cancel(look(order["tracking_url"]), house, Someone(0, "", "", "a.b.c"))
    assert answer.headers["Location"] == order["tracking_url"]
    assert house.status(order["order_number"]) == "cancelled"


def test_without_a_key_who_is_not_signed_in_any_more_signs_in_and_goes_on_there(house: Expedite) -> None:
    cleo = people.register(house, "cleo")
    order = placed(house, cleo)
    answer = requests.post(
        f"{house.url('order_service')}/orders/{order['order_number']}/cancel-by-page",
        {},
        headers={
            "Origin": house.url("tracking_service"),
            "Cookie": "expedite=a.b.c",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        allow_redirects=False,
        timeout=15,
    )
    going = urlsplit(answer.headers["Location"])
    assert (answer.status_code, going.path) == (303, "/sign-in")
    assert parse_qs(going.query)["next"] == [by_number(house, order)]
    assert house.status(order["order_number"]) == "received"


@pytest.mark.parametrize("key", ["wrong", "", "\r\nSet-Cookie: a=b"])
def test_with_a_wrong_key_nothing_is_cancelled(house: Expedite, key: str) -> None:
    order = placed(house)
    answer = requests.post(
        f"{house.url('order_service')}/orders/{order['order_number']}/cancel-by-page",
        {"key": key},
        headers={"Origin": house.url("tracking_service")},
        allow_redirects=False,
        timeout=15,
    )
    assert answer.status_code == 404
    assert "There is no such order" in html.read(answer.text).text
    assert house.status(order["order_number"]) == "received"
