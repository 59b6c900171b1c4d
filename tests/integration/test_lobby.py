"""The numbers on the wall: which are there, and that they are there at once."""

from typing import Any

import pytest
import requests

from tests.integration.test_tracker_page import move, placed
from tests.support import html, people
from tests.support.events import Listener, listening
from tests.support.expedite import Expedite
from tests.support.html import Element
from tests.support.people import NO_LIMITS, Someone

_ORDERS = """
    insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status, sequence,
        placed_at, updated_at)
    select 'ORD_20260101_' || lpad(n::text, 3, '0'), 'Ada Lovelace', 'takeout', 10, 1, 10, %s, 1, now(),
        now() - make_interval(secs => 100 + n)
    from generate_series(1, %s) n
"""


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    running.start("tracking_service")
    return running


@pytest.fixture(scope="module")
def anna(house: Expedite) -> Someone:
    return people.register(house, "anna", "employee")


@pytest.fixture(autouse=True)
def _empty(house: Expedite) -> None:
    house.query("truncate orders cascade")


def order(house: Expedite, order_type: str = "takeout") -> str:
    """The number of a new order, and nothing in the kitchen that would take it."""
    table = {"table_number": 7} if order_type == "dine_in" else {}
    address = {} if order_type == "delivery" else {"delivery_address": None}
    return str(placed(house, order_type=order_type, **table, **address)["order_number"])


def short(number: str) -> str:
    return number.rpartition("_")[2]


def look(house: Expedite, query: str = "") -> Element:
    """The page, as a browser without scripts has it."""
    answer = requests.get(f"{house.url('tracking_service')}/lobby{query}", timeout=15)
    assert answer.status_code == 200
    return html.read(answer.text)


def on(page: Element, side: str, class_: str | None = None) -> list[str]:
    """The numbers of one side, those of a kind or all."""
    [section] = page.all("section", class_=f"lobby-{side}")
    found = section.all("li") if class_ is None else section.all("li", class_=class_)
    return [number.text.partition(",")[0].removesuffix("just now") for number in found]


def stream(house: Expedite) -> str:
    return house.url("tracking_service") + "/lobby/stream"


def latest(listener: Listener) -> Element:
    events = listener.of("reset", "change")
    assert events, "nothing has come"
    return html.read(events[-1].data["html"])


def test_numbers_go_from_one_side_to_the_other_and_away(house: Expedite, anna: Someone) -> None:
    one, other = order(house), order(house, "dine_in")
    move(house, one, "start", by=anna)
    page = look(house)
    assert on(page, "made", "is-cooking") == [short(one)]
    assert on(page, "made", "is-waiting") == [short(other)]
    move(house, one, "ready", by=anna)
    page = look(house)
    assert on(page, "made") == [short(other)]
    assert on(page, "ready", "is-newest") == on(page, "ready") == [short(one)]
    assert "just now" in page.text
    move(house, one, "complete", by=anna)
    assert on(look(house), "ready") == []
    move(house, other, "cancel", by=anna)
    page = look(house)
    assert "Nothing waiting" in page.text
    assert page.all("li", class_="is-newest") == []


def test_it_stays_until_it_is_handed_over_and_is_new_for_a_moment_only(house: Expedite, anna: Someone) -> None:
    number = order(house)
    move(house, number, "start", "ready", by=anna)
    house.query("update orders set updated_at = now() - interval '11 hours' where number = %s", number)
    page = look(house)
    assert on(page, "ready") == [short(number)]
    assert on(page, "ready", "is-newest") == []


def test_what_was_forgotten_days_ago_is_not_there(house: Expedite, anna: Someone) -> None:
    number = order(house)
    move(house, number, "start", "ready", by=anna)
    house.query("update orders set placed_at = now() - interval '36 hours' where number = %s", number)
    assert on(look(house), "ready") == []


def test_one_that_went_back_is_named(house: Expedite, anna: Someone) -> None:
    number = order(house)
    move(house, number, "start", "ready", "recall", by=anna)
    page = look(house)
    assert on(page, "made", "is-cooking") == [short(number)]
    assert f"{short(number)} went back for a moment" in page.text


def test_nobody_comes_for_deliveries_and_nothing_personal_hangs_on_a_wall(house: Expedite, anna: Someone) -> None:
    deliveries, takeout = [order(house, "delivery") for _ in range(2)], order(house)
    move(house, deliveries[0], "start", by=anna)
    for number in (deliveries[1], takeout):
        move(house, number, "start", "ready", by=anna)
    answer = requests.get(house.url("tracking_service") + "/lobby", timeout=15)
    page = html.read(answer.text)
    assert on(page, "made") == []
    assert on(page, "ready") == [short(takeout)]
    assert [
        word for word in ("Ada", "Margherita", "Harbour", "31.98", "anna", "ORD_") if word in answer.text
    ] == []


def test_a_wall_has_an_end(house: Expedite) -> None:
    house.query(_ORDERS, "received", 61)
    page = look(house)
    assert on(page, "made") == [f"{number:03}" for number in range(1, 61)]
    assert "and more" in page.text
    house.query("update orders set status = 'ready'")
    page = look(house)
    assert on(page, "ready") == [f"{number:03}" for number in range(1, 41)]
    assert "and more" not in page.text


def test_those_that_cook_are_there_however_many_wait(house: Expedite) -> None:
    house.query(_ORDERS, "received", 100)
    house.query("update orders set status = 'cooking' where number = 'ORD_20260101_100'")
    assert on(look(house), "made", "is-cooking") == ["100"]


def test_of_two_with_one_number_the_older_shows_its_day(house: Expedite) -> None:
    house.query(_ORDERS, "received", 2)
    house.query(
        "update orders set number = 'ORD_20251231_001', status = 'ready' where number = 'ORD_20260101_002'"
    )
    page = look(house)
    assert on(page, "made") == ["001"]
    assert on(page, "ready") == ["001 31 Dec"]


@pytest.mark.parametrize(("query", "theme"), [("", "dark"), ("?theme=light", "light"), ("?theme=<b>", "dark")])
def test_it_begins_dark_and_has_a_switch(house: Expedite, query: str, theme: str) -> None:
    page = look(house, query)
    assert page.one("html").attributes["data-theme"] == theme
    other = {"dark": "light", "light": "dark"}[theme]
    assert page.one("a", class_="lobby-theme").attributes["href"] == f"/lobby?theme={other}"
    assert page.one("meta", http_equiv="refresh").attributes["content"] == "15"


def test_what_comes_is_what_the_page_would_show(house: Expedite, anna: Someone) -> None:
    number = order(house)
    with listening(stream(house)) as wall:
        wall.wait(lambda: on(latest(wall), "made", "is-waiting") == [short(number)])
        move(house, number, "start", by=anna)
        wall.wait(lambda: on(latest(wall), "made", "is-cooking") == [short(number)])
        move(house, number, "ready", by=anna)
        wall.wait(lambda: on(latest(wall), "ready", "is-newest") == [short(number)])
        assert _parts(latest(wall)) == _parts(look(house))
        house.query("update orders set updated_at = now() - interval '19.5 seconds' where number = %s", number)
        wall.wait(
            lambda: on(latest(wall), "ready") == [short(number)] and not on(latest(wall), "ready", "is-newest")
        )
        move(house, number, "recall", by=anna)
        wall.wait(lambda: "went back" in latest(wall).text)


def _parts(page: Element) -> list[Any]:
    """All elements of the part that changes, and what they say."""
    return [(each.tag, each.attributes, each.text) for part in page.all("section") for each in part.walk()]


def test_who_comes_back_sees_what_who_never_left_sees(house: Expedite, anna: Someone) -> None:
    page = look(house).one(id="lobby").attributes
    with listening(stream(house)) as stayed:
        away = Listener(f"{house.url('tracking_service')}{page['data-stream']}", last_id=page["data-after"])
        away.start().stop()
        numbers = [order(house) for _ in range(3)]
        move(house, numbers[0], "start", "ready", by=anna)
        move(house, numbers[1], "start", by=anna)
        stayed.wait(lambda: on(latest(stayed), "made", "is-cooking") == [short(numbers[1])])
        away.start()
        away.wait(lambda: latest(away).text == latest(stayed).text)
        away.stop()
