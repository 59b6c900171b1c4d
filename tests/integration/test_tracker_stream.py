"""The tracker while one looks: the stream of an order sends the part of the page that changes, to everybody what
they may see."""

import re
from typing import Any

import pytest
import requests

from tests.integration.test_tracker_page import PERSONAL, by_number, move, opened, placed
from tests.support import html, people
from tests.support.events import Listener, listening
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.people import NO_LIMITS, Someone

_SECONDS = re.compile(r"(:\d\d\.\d+)?Z")


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    running.start("tracking_service")
    return running


@pytest.fixture(scope="module")
def anna(house: Expedite) -> Someone:
    return people.register(house, "anna", "employee")


def stream_of(house: Expedite, order: dict[str, Any], with_key: bool = True) -> str:
    key = "?" + order["tracking_url"].partition("?")[2] if with_key else ""
    return f"{house.url('tracking_service')}/orders/{order['order_number']}/stream{key}"


def latest(listener: Listener) -> str:
    """The HTML that came last."""
    pages = listener.of("page")
    assert pages, "no page has come"
    return str(pages[-1].data["html"])


def says(listener: Listener, words: str) -> None:
    listener.wait(lambda: words in html.read(latest(listener)).text)


def stands(listener: Listener, headline: str) -> None:
    listener.wait(lambda: html.read(latest(listener)).one("h1").text == headline)


def shows_what_the_page_shows(listener: Listener, url: str, who: Someone | None = None) -> bool:
    """The same part of the page, loaded now; but for seconds, which only scripts see."""
    page = opened(url, who).text
    part = page[page.index("<article") : page.index("</article>") + len("</article>")]
    return _SECONDS.sub("Z", latest(listener).strip()) == _SECONDS.sub("Z", part)


def test_what_comes_is_what_the_page_would_show(house: Expedite, anna: Someone) -> None:
    order = placed(house)
    with listening(stream_of(house, order), after="1") as listener:
        for step, headline in (
            ("start", f"{anna.username} is preparing it"),
            ("ready", "Ready to go out"),
            ("dispatch", "On its way"),
            ("complete", "Delivered"),
        ):
            move(house, order["order_number"], step, by=anna)
            stands(listener, headline)
            # Both look at who works, and so at estimates, once a second, each for itself.
            eventually(lambda: shows_what_the_page_shows(listener, order["tracking_url"]))


def test_by_the_number_alone_nothing_personal_comes(house: Expedite, anna: Someone) -> None:
    order = placed(house)
    with listening(stream_of(house, order, with_key=False)) as listener:
        move(house, order["order_number"], "start", by=anna)
        says(listener, "Being prepared")
        move(house, order["order_number"], "cancel", by=anna, why="out of lettuce")
        says(listener, "Staff cancelled it at")
        assert shows_what_the_page_shows(listener, by_number(house, order))
    for event in listener.events:
        assert [word for word in PERSONAL if word in str(event.data)] == []


def test_its_customer_and_staff_see_all_of_it_by_their_session(house: Expedite, anna: Someone) -> None:
    cleo, otto = people.register(house, "cleo"), people.register(house, "otto")
    order = placed(house, cleo)
    url = stream_of(house, order, with_key=False)
    for who, sees_all, may_cancel in ((cleo, True, True), (anna, True, False), (otto, False, False)):
        with listening(url, Cookie=f"expedite={who.token}") as listener:
            listener.wait(lambda listener=listener: listener.of("page"))
            assert ("for Ada Lovelace" in html.read(latest(listener)).text) == sees_all
            assert ("<form" in latest(listener)) == may_cancel


def test_a_session_that_is_worth_nothing_listens_as_a_guest(house: Expedite) -> None:
    order = placed(house)
    with listening(stream_of(house, order, with_key=False), Cookie="expedite=a.b.c") as listener:
        says(listener, "Waiting its turn")
        assert "Lovelace" not in latest(listener)


def test_it_tells_when_it_will_be_later_and_why(house: Expedite) -> None:
    house.query("truncate orders cascade")  # those of other tests wait, too
    order = placed(house)
    house.query(
        "update orders set first_estimate = now(), prep_seconds = 60 where number = %s", order["order_number"]
    )
    # Who waits is looked at once a second.
    eventually(lambda: "You are first in line for deliveries" in opened(order["tracking_url"]).text)
    with listening(stream_of(house, order)) as listener:
        says(listener, "You are first in line for deliveries")
        # Somebody orders for more than 100, which comes first.
        urgent = placed(house, items=[{"name": "Cake", "quantity": 10, "price": 20}])
        house.query("update orders set prep_seconds = 1200 where number = %s", urgent["order_number"])
        says(listener, "minutes later than we first said Nobody here makes deliveries right now.")
        says(listener, "You are second in line for deliveries")


def test_with_rabbitmq_away_the_tracker_and_the_lobby_go_on(database_url: str) -> None:
    house = Expedite(database_url, "amqp://guest:guest@127.0.0.1:1/")
    try:
        house.start("order_service", **NO_LIMITS)
        house.start("tracking_service")
        anna = people.register(house, "anna", "employee")
        order = placed(house, order_type="takeout", delivery_address=None)
        number = order["order_number"]
        assert "Waiting its turn" in opened(order["tracking_url"]).text
        wall = house.url("tracking_service") + "/lobby/stream"
        with listening(stream_of(house, order)) as tracker, listening(wall) as lobby:
            lobby.wait(lambda: lobby.of("reset"))
            move(house, number, "start", "ready", by=anna)
            says(tracker, "Show this number at the counter.")
            lobby.wait(lambda: [event for event in lobby.of("change") if "just now" in event.data["html"]])
        assert requests.get(house.url("tracking_service") + "/lobby", timeout=15).status_code == 200
    finally:
        house.stop_all()
