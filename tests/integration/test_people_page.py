"""The page of people, without scripts."""

import uuid

import pytest
import requests

from tests.support import people
from tests.support.expedite import Expedite
from tests.support.html import Element
from tests.support.people import Someone
from tests.support.plain_browser import PlainBrowser

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **people.NO_LIMITS)
    return running


@pytest.fixture(scope="module")
def anna(house: Expedite) -> Someone:
    return people.register(house, "anna", "admin")


@pytest.fixture
def browser(house: Expedite, anna: Someone) -> PlainBrowser:
    return PlainBrowser(house.url("order_service"), anna)


def row(page: Element, who: Someone) -> Element:
    return page.one("li", id=f"person-{who.id}")


def found(browser: PlainBrowser, search: str) -> Element:
    """The page, after somebody was searched for."""
    return browser.send(browser.open("/users").one("form", class_="staff-search"), search=search)


def emails(page: Element) -> list[str]:
    return [each.text for each in page.all("span", class_="person-email")]


def question(page: Element, who: Someone) -> Element:
    """The form that asks which role they shall have."""
    return row(page, who).one("form", class_="person-question")


def role(house: Expedite, who: Someone) -> str:
    return str(house.query("select role from users where id = %s", who.id)[0][0])


def test_it_is_for_admins_and_programs_get_what_they_always_got(house: Expedite, anna: Someone) -> None:
    guest = PlainBrowser(house.url("order_service"))
    assert "Sign in" in guest.open("/users").one("h1").text
    for employee in (people.register(house, "emma", "employee"), people.register(house)):
        visitor = PlainBrowser(house.url("order_service"), employee)
        assert "for admins" in visitor.open("/users").text
        assert visitor.status == 403
    answer = people.get(house, "/users", anna)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["items"][0]["email"] == anna.email


def test_a_role_is_asked_for_once_and_given(browser: PlainBrowser, house: Expedite) -> None:
    grace = people.register(house, "grace")
    page = found(browser, grace.username)
    person = row(page, grace)
    assert "open" not in person.one("details").attributes
    assert "Customer" in person.one("summary").text
    assert [each.text for each in person.all("button")] == ["Staff", "Admin", "Disable"]
    page = browser.send(person.one("form", class_="person-question"), {"role": "employee"})
    assert browser.at == f"/users?search={grace.username}#person-{grace.id}"
    assert "Staff" in row(page, grace).one("summary").text
    assert role(house, grace) == "employee"
    assert people.get(house, "/orders", grace).status_code == 401, "her token was a customer's"


def test_an_account_is_disabled_and_enabled_again(browser: PlainBrowser, house: Expedite, anna: Someone) -> None:
    grace = people.register(house, "grace")
    page = found(browser, grace.username)
    page = browser.send(row(page, grace).one("form", class_="person-access"), {"disabled": "yes"})
    assert browser.at == f"/users?search={grace.username}#person-{grace.id}"
    assert "Disabled" in row(page, grace).one("summary").text
    assert people.get(house, "/orders", grace).status_code == 401, "she was signed out"
    assert people.sign_in(house, grace.email).status_code == 403
    page = browser.send(row(page, grace).one("form", class_="person-access"), {"disabled": "no"})
    assert "Customer" in row(page, grace).one("summary").text
    assert people.sign_in(house, grace.email).status_code == 200
    page = browser.send(row(browser.open("/users"), anna).one("form", class_="person-access"), {"disabled": "yes"})
    assert browser.status == 409
    assert "Make somebody else an admin first" in row(page, anna).text
    assert people.get(house, "/users", anna).status_code == 200


def test_the_last_admin_stays_one_and_is_told_why(browser: PlainBrowser, house: Expedite, anna: Someone) -> None:
    page = browser.send(question(browser.open("/users"), anna), {"role": "customer"})
    assert browser.status == 409
    person = row(page, anna)
    assert "open" in person.one("details").attributes
    assert "Make somebody else an admin first." in person.text
    assert role(house, anna) == "admin"


@pytest.mark.parametrize("wanted", ["boss", ""])
def test_a_role_that_there_is_not_is_refused(browser: PlainBrowser, house: Expedite, wanted: str) -> None:
    otto = people.register(house, "otto")
    page = browser.send(question(found(browser, otto.username), otto), {"role": wanted})
    assert browser.status == 422
    assert "Choose a role." in row(page, otto).text
    assert role(house, otto) == "customer"


@pytest.mark.parametrize("user_id", ["999999999", "x", "1" * 30, "%00"])
def test_somebody_who_is_not_there_gets_none(browser: PlainBrowser, user_id: str) -> None:
    form = browser.open("/users").all("form", class_="person-question")[0]
    form.attributes["action"] = f"/users/{user_id}/role"
    page = browser.send(form, {"role": "employee"})
    assert browser.status == 404
    assert "no such user" in page.text.lower()


def test_another_sites_page_gives_no_role(house: Expedite, anna: Someone) -> None:
    otto = people.register(house, "otto")
    answer = requests.post(
        f"{house.url('order_service')}/users/{otto.id}/role",
        {"role": "admin"},
        headers={"Origin": "https://evil.example", "Cookie": f"expedite={anna.token}"},
        timeout=15,
    )
    assert answer.status_code == 403
    assert role(house, otto) == "customer"


def test_who_is_looked_for_is_found_by_a_part_of_name_or_email(browser: PlainBrowser, house: Expedite) -> None:
    mark = uuid.uuid4().hex[:8]
    house.query(
        "insert into users (email, username, username_key, password_hash, role) values"
        f" ('a-{mark}@x.example', 'Zoë {mark}', 'zoë {mark}', '', 'customer'),"
        f" ('b-{mark}@y.example', 'Bob {mark}', 'bob {mark}', '', 'employee')"
    )
    assert emails(found(browser, f"  zoË {mark} ")) == [f"a-{mark}@x.example"]
    assert emails(found(browser, f"B-{mark}@Y")) == [f"b-{mark}@y.example"]
    assert len(emails(found(browser, mark))) == 2
    groups = {each.text: each for each in browser.page.one("nav", class_="people-groups").all("a")}
    assert "aria-current" in groups["Everybody"].attributes
    page = browser.open(groups["Staff and admins"].attributes["href"])
    assert emails(page) == [f"b-{mark}@y.example"]
    page = browser.send(page.one("form", class_="staff-search"), search="%")
    assert "Nobody has “%”" in page.text, "a per cent sign is one"


def test_all_are_there_by_the_page(browser: PlainBrowser, house: Expedite) -> None:
    house.query(
        "insert into users (email, username, username_key, password_hash, role)"
        " select 'many-' || n || '@example.com', 'many ' || n, 'many ' || n, '', 'customer'"
        " from generate_series(1, 120) as n"
    )
    page, seen = found(browser, "many-"), []
    for _ in range(3):
        seen += emails(page)
        onwards = {each.text: each.attributes["href"] for each in page.one("p", class_="people-pages").all("a")}
        if "More people" not in onwards:
            break
        page = browser.open(onwards["More people"])
    assert seen == [f"many-{number}@example.com" for number in range(1, 121)]
    page = browser.open(onwards["To the first"])
    assert emails(page) == seen[:50]


@pytest.mark.parametrize("query", ["cursor=x", "role=boss", "search=%00", "search=" + "x" * 2000])
def test_an_address_that_was_changed_by_hand_shows_everybody(
    browser: PlainBrowser, anna: Someone, query: str
) -> None:
    page = browser.open(f"/users?{query}")
    assert browser.status == 200
    assert row(page, anna)


def test_what_is_searched_for_is_text(browser: PlainBrowser) -> None:
    page = found(browser, SCRIPT)
    assert f"Nobody has “{SCRIPT}”" in page.text
    assert not [each for each in page.all("script") if "src" not in each.attributes]


def test_programs_can_narrow_the_list_too(house: Expedite, anna: Someone) -> None:
    listed = people.get(house, "/users", anna, role="admin", search=anna.username).json()["items"]
    assert [each["id"] for each in listed] == [anna.id]
    refused = people.get(house, "/users", anna, role="boss")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "role"
