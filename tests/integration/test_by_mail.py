"""What is done by e-mail, as far as order_service does it: who may ask, what a link does, and what nobody learns.
The letters themselves come in tests/e2e/test_by_mail.py."""

from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
import requests

from common.accounts import links
from common.accounts.links import ADDRESS_CHANGE, PASSWORD_RESET, REGISTER
from tests.support import people
from tests.support.eventually import eventually
from tests.support.expedite import SECRET_KEY, Expedite, Process
from tests.support.people import NO_LIMITS, PASSWORD, Someone

KEYS = (SECRET_KEY.encode(),)
NEW_PASSWORD = "another battery"
NO_LETTER_LIMITS = {"LETTERS_PER_ADDRESS": "", "LETTERS_PER_MAILBOX": ""}
HTML = "text/html"


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    """One that sends no e-mails."""
    running.start("order_service", **NO_LIMITS)
    return running


@pytest.fixture(scope="module")
def door(house: Expedite) -> Process:
    """Of a house that does. Nobody sends what is written there."""
    return house.start("order_service", SMTP_HOST="mail.invalid", **NO_LIMITS, **NO_LETTER_LIMITS)


@pytest.fixture
def ada(house: Expedite) -> Someone:
    return people.register(house)


@pytest.fixture(autouse=True)
def _no_letters(house: Expedite) -> None:
    house.query("delete from notification_deliveries")


def ask(door: Process, method: str, path: str, body: Any = None, who: Someone | None = None) -> requests.Response:
    headers = who.headers if who else {}
    return requests.request(method, f"{door.url}{path}", json=body, headers=headers, timeout=15)


def look(door: Process, path: str, link: object) -> requests.Response:
    return requests.get(f"{door.url}{path}", params={"link": link}, headers={"Accept": HTML}, timeout=15)


def letters(house: Expedite) -> list[tuple[Any, ...]]:
    return house.query("select kind, recipient, user_id from notification_deliveries order by id")


def is_confirmed(house: Expedite, email: str) -> bool:
    """It gets news of orders: its owner has followed a link that was sent there."""
    confirmed = "select exists (select from mail_addresses where address = %s and confirmed_at is not null)"
    return bool(house.query(confirmed, email)[0][0])


def version(house: Expedite, who: Someone) -> int:
    return int(house.query("select token_version from users where id = %s", who.id)[0][0])


def link(
    house: Expedite, purpose: str, who: Someone, email: str | None = None, age: timedelta = timedelta(0)
) -> str:
    """As the notifier makes them, for a letter that was sent so long ago."""
    subject = {PASSWORD_RESET: str(who.id), ADDRESS_CHANGE: f"{who.id} {email}", REGISTER: str(email)}[purpose]
    with mock.patch.object(links, "datetime", wraps=datetime) as clock:
        clock.now.side_effect = lambda zone: datetime.now(zone) - age
        return links.issue(purpose, subject, 0 if purpose == REGISTER else version(house, who), KEYS)


def new_email(name: str) -> str:
    return f"{name}-{next(people._numbers)}@example.com"


# --- without mail ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/forgotten-password"),
        ("POST", "/reset-password"),
        ("POST", "/register/finish"),
        ("PUT", "/users/me/email"),
        ("POST", "/new-address"),
    ],
)
def test_where_no_mail_is_sent_it_is_said(house: Expedite, ada: Someone, method: str, path: str) -> None:
    answer = people.request(house, method, path, {}, ada)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_mail")
    assert "Ask the house" in answer.json()["detail"]


def test_where_no_mail_is_sent_pages_do_not_speak_of_it(house: Expedite, ada: Someone) -> None:
    url = house.url("order_service")
    assert "forgot" not in requests.get(f"{url}/sign-in", headers={"Accept": HTML}, timeout=15).text
    page = requests.get(f"{url}/account", headers={"Accept": HTML, "Cookie": f"expedite={ada.token}"}, timeout=15)
    assert "address" not in page.text.lower().replace("e-mail address", "")
    told = requests.get(f"{url}/forgotten-password", headers={"Accept": HTML}, timeout=15)
    assert (told.status_code, "Ask the house" in told.text) == (404, True)
    assert letters(house) == []


# --- nobody learns who has an account -------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/forgotten-password", "/register"])
def test_whether_an_address_has_an_account_cannot_be_told(
    house: Expedite, door: Process, ada: Someone, path: str
) -> None:
    known, unknown = (ask(door, "POST", path, {"email": email}) for email in (ada.email, new_email("nobody")))
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert known.status_code == 202
    assert set(known.headers) == set(unknown.headers)
    # The same work: one row each, and nobody was looked up.
    [one, other] = letters(house)
    assert (one[0], one[2]) == (other[0], other[2])
    assert one[2] is None


def test_by_page_it_cannot_be_told_either(door: Process, ada: Someone) -> None:
    for path in ("/forgotten-password", "/register"):
        pages = []
        for email in (ada.email, new_email("nobody")):
            answer = requests.post(
                f"{door.url}{path}",
                data={"email": email},
                headers={"Accept": HTML, "Origin": door.url},
                timeout=15,
            )
            assert answer.status_code == 200
            assert answer.url == f"{door.url}{path}?sent"
            assert email not in answer.text
            pages.append(answer.text.partition("<body>")[2])
        assert pages[0] == pages[1]


def test_for_an_address_nothing_else_is_looked_up_or_logged(house: Expedite, door: Process, ada: Someone) -> None:
    request_id = ask(door, "POST", "/forgotten-password", {"email": ada.email}).headers["X-Request-ID"]
    [asked] = eventually(
        lambda: [line for line in door.actions("password_reset_asked_for") if line["request_id"] == request_id]
    )
    assert set(asked["details"]) == {"address"}
    assert not [line for line in door.lines if ada.email in line]


def test_a_registration_makes_no_account_and_takes_no_password(house: Expedite, door: Process) -> None:
    email = new_email("eve")
    assert ask(door, "POST", "/register", {"email": email}).status_code == 202
    body = {"email": email, "username": "Eve", "password": PASSWORD}
    assert ask(door, "POST", "/register", body).status_code == 422, "who has the mailbox chooses them"
    assert house.query("select count(*) from users where email = %s", email) == [(0,)]


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\nSubject: x",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "ada@example.com\0",
        "ada@exam\u2028ple.com",
        "x" * 250 + "@example.com",
        "",
        None,
        7,
        ["ada@example.com"],
    ],
)
def test_an_address_is_one_and_nothing_else(house: Expedite, door: Process, ada: Someone, email: object) -> None:
    assert ask(door, "POST", "/forgotten-password", {"email": email}).status_code == 422
    assert ask(door, "POST", "/register", {"email": email}).status_code == 422
    body = {"email": email, "password": PASSWORD}
    assert ask(door, "PUT", "/users/me/email", body, ada).status_code == 422
    assert letters(house) == []


# --- nobody is flooded ----------------------------------------------------------------------------------------


@pytest.mark.matrix
def test_a_mailbox_gets_few_letters_and_an_address_asks_for_few(house: Expedite) -> None:
    limits = {"LETTERS_PER_MAILBOX": "3 per hour", "LETTERS_PER_ADDRESS": "5 per hour"}
    door = house.start("order_service", SMTP_HOST="mail.invalid", **NO_LIMITS, **limits)
    ada = people.register(house)
    others = (ada.email.replace("@", f"+{n}@") for n in range(3))  # which lead to the same mailbox
    told = [ask(door, "POST", "/forgotten-password", {"email": email}) for email in (ada.email.upper(), *others)]
    assert [answer.status_code for answer in told] == [202, 202, 202, 429]
    assert int(told[-1].headers["Retry-After"]) > 60
    assert len(letters(house)) == 3
    # Whoever asks for it, as long as it has no account too: that is no way to find out either.
    assert ask(door, "POST", "/register", {"email": ada.email}).status_code == 429
    assert ask(door, "POST", "/forgotten-password", {"email": new_email("bob")}).status_code == 429, (
        "of one address"
    )


# --- a forgotten password -------------------------------------------------------------------------------------


def test_a_new_password_ends_all_that_the_old_one_began(house: Expedite, door: Process, ada: Someone) -> None:
    asked = link(house, PASSWORD_RESET, ada)
    body = {"link": asked, "new_password": NEW_PASSWORD}
    answer = ask(door, "POST", "/reset-password", body)
    assert (answer.status_code, answer.json()["email"]) == (200, ada.email)
    assert "token" not in answer.text
    assert people.get(house, "/orders", ada).status_code == 401
    assert people.sign_in(house, ada.email).status_code == 401
    assert people.sign_in(house, ada.email, NEW_PASSWORD).status_code == 200
    assert letters(house) == [("password_changed", ada.email, ada.id)]
    assert is_confirmed(house, ada.email)
    again = ask(door, "POST", "/reset-password", body)
    assert (again.status_code, again.json()["code"]) == (410, "link_ended")


def test_of_two_links_one_is_over_when_the_other_was_used(house: Expedite, door: Process, ada: Someone) -> None:
    one, other = link(house, PASSWORD_RESET, ada), link(house, PASSWORD_RESET, ada)
    assert ask(door, "POST", "/reset-password", {"link": one, "new_password": NEW_PASSWORD}).status_code == 200
    assert ask(door, "POST", "/reset-password", {"link": other, "new_password": PASSWORD}).status_code == 410


def test_looking_at_a_link_uses_it_up_neither_for_people_nor_for_scanners(
    house: Expedite, door: Process, ada: Someone
) -> None:
    for purpose, path in ((PASSWORD_RESET, "/reset-password"), (ADDRESS_CHANGE, "/new-address")):
        asked = link(house, purpose, ada, new_email("ada"))
        before = version(house, ada)
        for method in ("GET", "HEAD", "GET"):
            answer = requests.request(
                method, f"{door.url}{path}", params={"link": asked}, headers={"Accept": HTML}, timeout=15
            )
            assert answer.status_code == 200
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "https://" not in answer.text.replace(door.url, "")
        assert version(house, ada) == before
    assert letters(house) == []


@pytest.mark.parametrize("path", ["/reset-password", "/new-address", "/register/finish"])
@pytest.mark.parametrize("asked", [None, "", "x", "eyJhbGciOiJub25lIn0.e30."])
def test_a_link_that_is_none_is_over(door: Process, path: str, asked: str | None) -> None:
    page = look(door, path, asked)
    assert (page.status_code, "This link is over" in page.text) == (410, True)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    body = {"link": asked, "new_password": NEW_PASSWORD, "username": "Bob", "password": NEW_PASSWORD}
    kept = {"/reset-password": ("link", "new_password"), "/new-address": ("link",)}
    body = {name: body[name] for name in kept.get(path, ("link", "username", "password"))}
    assert ask(door, "POST", path, body).status_code == (410 if asked else 422)


def test_a_link_is_good_for_its_purpose_alone(house: Expedite, door: Process, ada: Someone) -> None:
    reset, change = link(house, PASSWORD_RESET, ada), link(house, ADDRESS_CHANGE, ada, new_email("ada"))
    session = {"link": ada.token, "new_password": NEW_PASSWORD}
    assert ask(door, "POST", "/reset-password", {"link": change, "new_password": NEW_PASSWORD}).status_code == 410
    assert ask(door, "POST", "/new-address", {"link": reset}).status_code == 410
    assert ask(door, "POST", "/reset-password", session).status_code == 410
    assert people.get(house, "/orders", Someone(ada.id, "", "", reset)).status_code == 401
    assert people.sign_in(house, ada.email).status_code == 200


@pytest.mark.parametrize(
    ("purpose", "path", "body"),
    [(PASSWORD_RESET, "/reset-password", {"new_password": NEW_PASSWORD}), (ADDRESS_CHANGE, "/new-address", {})],
)
def test_a_link_ends(
    house: Expedite, door: Process, ada: Someone, purpose: str, path: str, body: dict[str, str]
) -> None:
    email = new_email("ada")
    late = link(house, purpose, ada, email, links.LIFETIMES[purpose] + timedelta(minutes=1))
    assert look(door, path, late).status_code == 410
    assert ask(door, "POST", path, {"link": late, **body}).status_code == 410
    meanwhile = link(house, purpose, ada, email)
    people.request(
        house, "PUT", "/users/me/password", {"current_password": PASSWORD, "new_password": "a third one"}, ada
    )
    assert look(door, path, meanwhile).status_code == 410, "the password has changed since"
    disabled = link(house, purpose, ada, email)
    house.query("update users set disabled_at = now() where id = %s", ada.id)
    assert ask(door, "POST", path, {"link": disabled, **body}).status_code == 410


def test_a_password_that_is_changed_by_hand_is_told_too(house: Expedite, door: Process, ada: Someone) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert ask(door, "PUT", "/users/me/password", body, ada).status_code == 200
    assert letters(house) == [("password_changed", ada.email, ada.id)]


def test_a_wrong_password_can_be_typed_again_behind_the_link(house: Expedite, door: Process, ada: Someone) -> None:
    asked = link(house, PASSWORD_RESET, ada)
    headers = {"Accept": HTML, "Origin": door.url}

    def send(password: str) -> requests.Response:
        fields = {"link": asked, "email": ada.email, "new_password": password}
        return requests.post(
            f"{door.url}/reset-password", data=fields, headers=headers, allow_redirects=False, timeout=15
        )

    short = send("short")
    assert (short.status_code, "8 to 200 characters" in short.text, asked in short.text) == (422, True, True)
    assert short.headers["Referrer-Policy"] == "no-referrer"
    assert send(NEW_PASSWORD).headers["Location"] == "/sign-in?done=password"
    assert people.sign_in(house, ada.email, NEW_PASSWORD).status_code == 200


# --- a new address --------------------------------------------------------------------------------------------


def test_an_address_is_changed_by_who_has_the_password_and_both_mailboxes_know(
    house: Expedite, door: Process, ada: Someone
) -> None:
    email = new_email("ada")
    wrong = ask(door, "PUT", "/users/me/email", {"email": email, "password": "not hers"}, ada)
    assert (wrong.status_code, letters(house)) == (403, [])
    assert ask(door, "PUT", "/users/me/email", {"email": email, "password": PASSWORD}).status_code == 401
    asked = ask(door, "PUT", "/users/me/email", {"email": email.upper(), "password": PASSWORD}, ada)
    assert asked.status_code == 202
    assert letters(house) == [("address_change", email, ada.id)]
    assert people.sign_in(house, ada.email).status_code == 200, "nothing has changed yet"
    to_the_old_one, change = link(house, PASSWORD_RESET, ada), link(house, ADDRESS_CHANGE, ada, email)
    assert email in look(door, "/new-address", change).text
    assert ask(door, "POST", "/new-address", {"link": change}).json()["email"] == email
    assert letters(house)[1:] == [("address_changed", ada.email, ada.id)]
    assert (is_confirmed(house, email), is_confirmed(house, ada.email)) == (True, False)
    assert people.get(house, "/orders", ada).status_code == 401
    assert people.sign_in(house, ada.email).status_code == 401
    assert people.sign_in(house, email).status_code == 200
    assert ask(door, "POST", "/new-address", {"link": change}).status_code == 410
    body = {"link": to_the_old_one, "new_password": NEW_PASSWORD}
    assert ask(door, "POST", "/reset-password", body).status_code == 410


@pytest.mark.parametrize(
    ("former", "new", "left"),
    [
        # What is wanted, and if that is confirmed, at the address of before and at the new one; what is left.
        (("every_step", True), None, [("new", "every_step", True)]),
        (("ready", False), None, [("new", "ready", True)]),
        (("every_step", True), ("ready", True), [("new", "ready", True)]),
        (None, None, [("new", "ready", True)]),
        # Who wants nothing is not asked again, there either.
        (("nothing", True), None, [("former", "nothing", True), ("new", "nothing", True)]),
        # A stranger said so.
        (("nothing", False), None, [("former", "nothing", False), ("new", "ready", True)]),
    ],
)
def test_what_was_chosen_moves_with_the_account_and_the_address_of_before_is_forgotten(
    house: Expedite, door: Process, ada: Someone, former: Any, new: Any, left: list[tuple[str, str, bool]]
) -> None:
    addresses = {ada.email: "former", new_email("ada"): "new"}
    for address, known in zip(addresses, (former, new), strict=True):
        if known:
            insert = "insert into mail_addresses (address, wants, confirmed_at) values (%s, %s, %s)"
            house.query(insert, address, known[0], "now" if known[1] else None)
    change = link(house, ADDRESS_CHANGE, ada, list(addresses)[1])
    assert ask(door, "POST", "/new-address", {"link": change}).status_code == 200
    rows = house.query(
        "select address, wants, confirmed_at is not null from mail_addresses where address = any(%s)",
        list(addresses),
    )
    assert sorted((addresses[address], *row) for address, *row in rows) == left


def test_an_account_that_moves_to_the_address_that_it_has_keeps_its_choice(
    house: Expedite, door: Process, ada: Someone
) -> None:
    house.query("insert into mail_addresses (address, wants) values (%s, 'every_step')", ada.email)
    change = link(house, ADDRESS_CHANGE, ada, ada.email)
    assert ask(door, "POST", "/new-address", {"link": change}).status_code == 200
    known = "select wants, confirmed_at is not null from mail_addresses where address = %s"
    assert house.query(known, ada.email) == [("every_step", True)]


def test_an_address_that_another_account_has_is_not_told_and_not_taken(
    house: Expedite, door: Process, ada: Someone
) -> None:
    otto = people.register(house, "otto")
    asked = ask(door, "PUT", "/users/me/email", {"email": otto.email, "password": PASSWORD}, ada)
    free = ask(door, "PUT", "/users/me/email", {"email": new_email("ada"), "password": PASSWORD}, ada)
    assert (asked.status_code, asked.json()) == (free.status_code, free.json())
    taken = ask(door, "POST", "/new-address", {"link": link(house, ADDRESS_CHANGE, ada, otto.email)})
    assert taken.status_code == 410
    assert people.sign_in(house, ada.email).status_code == 200


# --- a new account --------------------------------------------------------------------------------------------


def test_an_account_is_made_by_who_has_the_mailbox_and_once(house: Expedite, door: Process, ada: Someone) -> None:
    email = new_email("grace")
    asked = link(house, REGISTER, ada, email)
    assert email in look(door, "/register/finish", asked).text
    body = {"link": asked, "username": ada.username, "password": PASSWORD}
    assert ask(door, "POST", "/register/finish", body).json()["field"] == "username"
    made = ask(door, "POST", "/register/finish", {**body, "username": email.partition("@")[0]})
    assert (made.status_code, made.json()["user"]["email"]) == (201, email)
    assert is_confirmed(house, email)
    assert people.get(house, "/orders", Someone(0, "", "", made.json()["token"])).status_code == 200
    again = ask(door, "POST", "/register/finish", {**body, "username": "Somebody Else"})
    assert (again.status_code, "Sign in to it" in again.json()["detail"]) == (410, True)
    assert look(door, "/register/finish", asked).status_code == 410


@pytest.mark.parametrize("path", ["/reset-password", "/new-address", "/register/finish", "/forgotten-password"])
def test_what_another_site_sends_is_refused(house: Expedite, door: Process, ada: Someone, path: str) -> None:
    purpose = {"/reset-password": PASSWORD_RESET, "/new-address": ADDRESS_CHANGE}.get(path, REGISTER)
    fields = {"link": link(house, purpose, ada, new_email("ada")), "new_password": NEW_PASSWORD}
    headers = {"Accept": HTML, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = requests.post(f"{door.url}{path}", data=fields, headers=headers, timeout=15)
    assert (answer.status_code, "another site" in answer.text) == (403, True)
    assert people.sign_in(house, ada.email).status_code == 200
