"""From asking for a letter to what its link does, by a real mail server and pages without scripts."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import mail_server as mails
from tests.support import people
from tests.support.eventually import eventually
from tests.support.expedite import Expedite
from tests.support.mail_server import MailServer
from tests.support.people import PASSWORD, Someone
from tests.support.plain_browser import PlainBrowser

NEW_PASSWORD = "another battery"
LIMITS = {**people.NO_LIMITS, "LETTERS_PER_ADDRESS": "", "LETTERS_PER_MAILBOX": ""}


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mails.mail_server() as running:
        yield running


@pytest.fixture
def ada(expedite: Expedite) -> Someone:
    """Of a time before e-mails were sent."""
    process = expedite.start("order_service", **people.NO_LIMITS)
    ada = people.register(expedite, "ada")
    process.stop()
    expedite.processes.remove(process)
    return ada


@pytest.fixture
def house(expedite: Expedite, ada: Someone, server: MailServer) -> Expedite:
    for service in ("order_service", "notifier_service"):
        expedite.start(service, **mails.settings(server), **LIMITS)
    return expedite


@pytest.fixture
def browser(house: Expedite) -> PlainBrowser:
    return PlainBrowser(house.url("order_service"))


def letter(server: MailServer, to: str, subject: str) -> str:
    """The plain part of the letter to that address, when it has come."""

    found = eventually(lambda: [each for each in server.to(to) if each["Subject"] == subject])
    body: Any = found[-1].get_body(("plain",))
    return str(body.get_content())


def link(text: str) -> str:
    """Where it leads, as a path of the house."""
    [url] = re.findall(r"http://\S+[?]link=\S+", text)
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def ask(browser: PlainBrowser, page: str, **fields: str) -> str:
    """Sends that page's form; what stands on the page that follows."""
    return browser.send(browser.open(page).one("form"), **fields).text


def test_from_a_forgotten_password_to_a_new_one(
    house: Expedite, browser: PlainBrowser, server: MailServer, ada: Someone
) -> None:
    for email in (ada.email, "nobody@example.com"):
        assert "Look into your mailbox" in ask(browser, "/forgotten-password", email=email)
    asked = link(letter(server, ada.email, "Choose a new password"))
    page = browser.open(asked)
    assert "Sign in." in browser.send(page.one("form"), new_password=NEW_PASSWORD).text
    assert people.get(house, "/orders", ada).status_code == 401
    assert people.sign_in(house, ada.email).status_code == 401
    assert people.sign_in(house, ada.email, NEW_PASSWORD).status_code == 200
    assert "signed out everywhere" in letter(server, ada.email, "Your password was changed")
    assert "This link is over" in browser.open(asked).text
    # Who has no account got no letter, and no link stands in a table or a log.
    dropped = "select status, error from notification_deliveries where recipient = 'nobody@example.com'"
    eventually(lambda: house.query(dropped)[0][0] == "dropped")
    assert server.to("nobody@example.com") == []
    token = asked.partition("link=")[2]
    assert not [row for row in house.query("select d::text from notification_deliveries d") if token in row[0]]
    lines = [line for process in house.processes for line in process.lines]
    assert not [line for line in lines if token in line or ada.email in line]


@pytest.mark.matrix
def test_a_registration_is_finished_from_the_mailbox_and_says_nothing_elsewhere(
    house: Expedite, browser: PlainBrowser, server: MailServer, ada: Someone
) -> None:
    pages = {ask(browser, "/register", email=email) for email in ("grace@example.com", ada.email)}
    assert len(pages) == 1
    there_is_one = letter(server, ada.email, "You have an account already")
    assert "link=" not in there_is_one
    page = browser.open(link(letter(server, "grace@example.com", "Your account: one step more")))
    browser.send(page.one("form"), username="Grace", password=PASSWORD)
    assert "Grace" in browser.open("/account").text
    assert people.sign_in(house, "grace@example.com").status_code == 200


@pytest.mark.matrix
def test_an_address_is_changed_from_the_new_mailbox_and_the_old_one_is_told(
    house: Expedite, server: MailServer, ada: Someone
) -> None:
    browser = PlainBrowser(house.url("order_service"), ada)
    form = browser.open("/account").one("form", action="/account/address")
    assert "on its way" in browser.send(form, email="new@example.com", password=PASSWORD).text
    asked = link(letter(server, "new@example.com", "Is this your new address?"))
    assert "new@example.com" in browser.open(asked).text
    assert people.sign_in(house, ada.email).status_code == 200, "looking does nothing"
    browser.send(browser.open(asked).one("form"))
    assert people.sign_in(house, "new@example.com").status_code == 200
    assert people.sign_in(house, ada.email).status_code == 401
    assert "tell the house" in letter(server, ada.email, "Your account has another address")


@pytest.mark.matrix
def test_a_letter_that_waits_while_the_account_changes_is_not_sent(
    house: Expedite, server: MailServer, ada: Someone
) -> None:
    server.answers["new@example.com"] = "451 later"
    body = {"email": "new@example.com", "password": PASSWORD}
    assert people.request(house, "PUT", "/users/me/email", body, ada).status_code == 202
    eventually(lambda: "new@example.com" in server.tries)
    assert requests.post(f"{house.url('order_service')}/logout/everywhere", headers=ada.headers, timeout=15).ok
    del server.answers["new@example.com"]
    status = "select status from notification_deliveries where kind = 'address_change'"
    eventually(lambda: house.query(status) == [("dropped",)], 20)
    assert server.to("new@example.com") == []
