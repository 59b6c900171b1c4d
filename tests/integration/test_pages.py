"""Pages as a browser gets them: sessions, forms, files, and what is said when something is wrong.

Who may see which page stands in the table of test_roles.py."""

import html
import http.client
import re
from collections.abc import Iterator
from datetime import timedelta
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

import jwt
import pytest
import requests

from common.accounts import tokens
from common.pages.entrypoint import _MAX_FIELDS
from tests.support.eventually import eventually
from tests.support.expedite import SECRET_KEY, Expedite, Process
from tests.support.people import NO_LIMITS, PASSWORD, Someone, register, session_of

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def house(running: Expedite) -> Expedite:
    running.start("order_service", **NO_LIMITS)
    running.start("tracking_service")
    return running


@pytest.fixture(scope="module")
def ada(house: Expedite) -> Someone:
    return register(house, "ada")


def look(url: str, path: str, session: str | None = None, **headers: str) -> requests.Response:
    """A page, with a session's cookie."""
    cookie = {} if session is None else {"Cookie": f"expedite={session}"}
    return requests.get(
        f"{url}{path}", headers={"Accept": HTML, **cookie, **headers}, allow_redirects=False, timeout=15
    )


def send(url: str, path: str, session: str | None = None, **fields: str) -> requests.Response:
    """A form, as a page of that service does."""
    cookie = {} if session is None else {"Cookie": f"expedite={session}"}
    headers = {"Accept": HTML, "Origin": url, "Content-Type": FORM, **cookie}
    return requests.post(f"{url}{path}", data=fields, headers=headers, allow_redirects=False, timeout=15)


def sign_in(url: str, who: Someone, **fields: str) -> requests.Response:
    return send(url, "/sign-in", email=who.email, password=PASSWORD, **fields)


def cookie_of(answer: requests.Response) -> "Morsel[str]":
    """The session that a browser is told to keep."""
    return SimpleCookie(answer.headers["Set-Cookie"])["expedite"]


def claims_of(token: str) -> dict[str, Any]:
    said: dict[str, Any] = jwt.decode(token, tokens._key(SECRET_KEY.encode()), ["HS256"])
    return said


# --- sessions -------------------------------------------------------------------------------------------------


def test_a_session_is_a_cookie_that_no_script_reads_and_no_other_site_sends(house: Expedite, ada: Someone) -> None:
    answer = sign_in(house.url("order_service"), ada)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = cookie_of(answer)
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert cookie["secure"] == ""  # this house speaks http
    assert int(cookie["max-age"]) == 12 * 3600
    said = claims_of(cookie.value)
    assert (said["sub"], said["exp"] - said["iat"]) == (str(ada.id), 12 * 3600)
    assert cookie.value not in answer.text


def test_where_pages_are_https_a_session_never_goes_in_the_clear(house: Expedite, ada: Someone) -> None:
    process = house.start("order_service", PUBLIC_URL="https://eat.example", **NO_LIMITS)
    assert cookie_of(sign_in(process.url, ada))["secure"]
    assert cookie_of(send(process.url, "/sign-out"))["secure"]


def test_a_session_counts_at_all_services_and_for_programs_answers_too(house: Expedite, ada: Someone) -> None:
    session = cookie_of(sign_in(house.url("order_service"), ada)).value
    mine = requests.get(
        f"{house.url('order_service')}/orders", headers={"Cookie": f"expedite={session}"}, timeout=15
    )
    assert mine.json() == {"items": [], "next": None}
    assert ada.username in look(house.url("order_service"), "/account", session).text


@pytest.mark.parametrize(("minutes", "is_renewed"), [(0, False), (9, False), (11, True), (700, True)])
def test_a_session_that_is_used_is_renewed(house: Expedite, ada: Someone, minutes: int, is_renewed: bool) -> None:
    age = timedelta(minutes=minutes)
    session = session_of(ada, iat=-age, exp=timedelta(hours=12) - age)
    answer = look(house.url("order_service"), "/account", session)
    assert answer.status_code == 200
    assert ("Set-Cookie" in answer.headers) is is_renewed
    if is_renewed:
        renewed, before = claims_of(cookie_of(answer).value), claims_of(session)
        assert renewed["exp"] - renewed["iat"] == 12 * 3600
        assert renewed["exp"] > before["exp"]
        assert {**renewed, "exp": 0, "iat": 0, "jti": 0} == {**before, "exp": 0, "iat": 0, "jti": 0}
        assert cookie_of(answer)["httponly"]
        assert look(house.url("order_service"), "/account", cookie_of(answer).value).status_code == 200


def test_a_session_lasts_for_a_week_however_it_is_used(house: Expedite, ada: Someone) -> None:
    age = timedelta(minutes=11)
    times = {"iat": -age, "exp": timedelta(hours=12) - age}
    door = house.url("order_service")
    late = session_of(ada, auth_time=timedelta(hours=1) - tokens.SESSION_AT_MOST, **times)
    renewed = claims_of(cookie_of(look(door, "/account", late)).value)
    assert 3500 < renewed["exp"] - renewed["iat"] <= 3600
    over = session_of(ada, auth_time=-tokens.SESSION_AT_MOST, **times)
    assert "Set-Cookie" not in look(door, "/account", over).headers


def test_a_programs_token_never_becomes_a_session(house: Expedite, ada: Someone) -> None:
    claims = claims_of(ada.token)
    old = jwt.encode({**claims, "iat": claims["iat"] - 1200}, tokens._key(SECRET_KEY.encode()), "HS256")
    answer = look(house.url("order_service"), "/account", old)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_who_has_lost_their_role_meanwhile_is_signed_out_where_they_are_shown_as_a_guest(
    house: Expedite, ada: Someone
) -> None:
    house.query("update users set token_version = token_version + 1 where id = %s", ada.id)
    try:
        answer = look(house.url("order_service"), "/", session_of(ada))
        assert answer.status_code == 200
        assert (cookie_of(answer).value, cookie_of(answer)["max-age"]) == ("", "0")
    finally:
        house.query("update users set token_version = token_version - 1 where id = %s", ada.id)


def test_a_session_that_has_ended_is_a_guest_and_who_must_be_signed_in_goes_to_the_door(
    house: Expedite, ada: Someone
) -> None:
    door = house.url("order_service")
    ended = session_of(ada, iat=timedelta(hours=-13), exp=timedelta(hours=-1))
    at_the_door = look(door, "/sign-in", ended)
    assert at_the_door.status_code == 200
    assert cookie_of(at_the_door)["max-age"] == "0"  # it is good for nothing any more
    assert ada.username not in at_the_door.text
    answer = look(door, "/account?changed", ended)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    there = urlsplit(answer.headers["Location"])
    assert f"{there.scheme}://{there.netloc}{there.path}" == f"{door}/sign-in"
    assert there.query == f"next={quote(f'{door}/account?changed', safe='')}"
    in_again = sign_in(door, ada, next=f"{door}/account?changed")
    assert in_again.headers["Location"] == f"{door}/account?changed"


@pytest.mark.parametrize("session", ["", "x", "a.b.c", "é", '"', "x" * 4000])
def test_a_cookie_that_is_no_session_is_a_guests(house: Expedite, session: str) -> None:
    door = house.url("order_service")
    answer = requests.get(
        f"{door}/sign-in", headers={"Accept": HTML, "Cookie": f"expedite={session}".encode()}, timeout=15
    )
    assert answer.status_code == 200
    told = SimpleCookie(answer.headers.get("Set-Cookie", ""))
    assert [each["max-age"] for each in told.values()] == (["0"] if session else [])


def test_a_changed_role_and_a_changed_password_end_the_sessions_of_before(house: Expedite) -> None:
    door = house.url("order_service")
    emma, anna = register(house, "emma", "employee"), register(house, "anna", "admin")
    before = cookie_of(sign_in(door, emma)).value
    assert look(door, "/account", before).status_code == 200
    changed = requests.put(
        f"{door}/users/{emma.id}/role", json={"role": "customer"}, headers=anna.headers, timeout=15
    )
    assert changed.status_code == 200
    assert look(door, "/account", before).status_code == 303

    here, elsewhere = (cookie_of(sign_in(door, emma)).value for _ in range(2))
    new = send(door, "/account", here, current_password=PASSWORD, new_password="another battery")
    assert (new.status_code, new.headers["Location"]) == (303, "/account?changed")
    assert look(door, "/account", elsewhere).status_code == 303
    assert look(door, "/account", here).status_code == 303
    assert look(door, "/account", cookie_of(new).value).status_code == 200


def test_who_signs_out_is_nobody(house: Expedite, ada: Someone) -> None:
    door = house.url("order_service")
    answer = send(door, "/sign-out", cookie_of(sign_in(door, ada)).value)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert (cookie_of(answer).value, cookie_of(answer)["max-age"]) == ("", "0")
    assert cookie_of(answer)["httponly"]


# --- where a sign-in leads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["/account", "/account?changed", "{tracking}/lobby", "{door}/account"])
def test_who_signs_in_goes_on_where_they_were_going(house: Expedite, ada: Someone, wanted: str) -> None:
    door = house.url("order_service")
    wanted = wanted.format(door=door, tracking=house.url("tracking_service"))
    form = look(door, f"/sign-in?next={quote(wanted, safe='')}")
    assert f'name="next" value="{html.escape(wanted)}"' in form.text
    assert sign_in(door, ada, next=wanted).headers["Location"] == wanted
    session = cookie_of(sign_in(door, ada)).value
    assert look(door, f"/sign-in?next={quote(wanted, safe='')}", session).headers["Location"] == wanted
    assert look(door, f"/register?next={quote(wanted, safe='')}", session).headers["Location"] == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "{door}@evil.example/",
        "{door}.evil.example/",
        "http://[",
        "/\r\nSet-Cookie: expedite=x",
        f'"><{SCRIPT}',
    ],
)
def test_a_sign_in_leads_to_no_other_site(house: Expedite, ada: Someone, wanted: str) -> None:
    door = house.url("order_service")
    wanted = wanted.format(door=door)
    for page in ("/sign-in", "/register"):
        form = look(door, f"{page}?next={quote(wanted, safe='')}")
        assert form.status_code == 200
        assert 'name="next" value="/"' in form.text
    answer = sign_in(door, ada, next=wanted)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert look(door, f"/sign-in?next={quote(wanted, safe='')}", ada.token).headers["Location"] == "/"


def test_a_wrong_password_and_an_unknown_email_look_the_same(house: Expedite, ada: Someone) -> None:
    door = house.url("order_service")
    wrong = send(door, "/sign-in", email=ada.email, password="not this one")
    unknown = send(door, "/sign-in", email="nobody@example.com", password="not this one")
    assert (wrong.status_code, unknown.status_code) == (422, 422)
    assert "Set-Cookie" not in wrong.headers
    assert ada.email in wrong.text  # what was typed stays, but for the password
    assert "not this one" not in wrong.text
    pages = [re.sub(r"\d\d:\d\d:\d\d\.\d{3}Z", "now", answer.text) for answer in (wrong, unknown)]
    assert pages[0].replace(ada.email, "nobody@example.com") == pages[1]


def test_too_many_sign_ins_are_told_when_it_works_again(house: Expedite, ada: Someone) -> None:
    limited = house.start("order_service", **{**NO_LIMITS, "SIGN_IN_PER_ADDRESS": "2 per hour"})
    for _ in range(2):
        assert send(limited.url, "/sign-in", email=ada.email, password="not this one").status_code == 422
    answer = sign_in(limited.url, ada)
    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert re.search(r"Too many tries\. Try again in \d+ s\.", answer.text)
    assert "Set-Cookie" not in answer.headers
    assert ada.email in answer.text


# --- what a page is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sign-in", "/register", "/account", "/there/is/nothing"])
def test_nothing_runs_in_a_page_that_is_no_file_of_ours(house: Expedite, ada: Someone, path: str) -> None:
    answer = look(house.url("order_service"), path, ada.token if path == "/account" else None)
    rules = dict(rule.strip().partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["img-src"] == "'self'"
    assert rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    services = ("order_service", "kitchen_service", "tracking_service", "notifier_service")
    own = {house.url(service) for service in services}
    assert set(rules["form-action"].split()) == set(rules["connect-src"].split()) == {"'self'", *own}
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers
    # The policy forbids these, so they would not work.
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", answer.text)


def test_pages_and_programs_answers_share_an_address(house: Expedite) -> None:
    door = house.url("order_service")
    body = {"email": "grace@example.com", "username": "grace", "password": PASSWORD}
    program = requests.post(f"{door}/register", json=body, timeout=15)
    assert (program.status_code, program.headers["Content-Type"]) == (201, "application/json")
    browser = send(door, "/register", **{**body, "email": "hopper@example.com"})
    assert (browser.status_code, browser.headers["Content-Type"]) == (409, "text/html; charset=utf-8")
    assert "There is an account with that username." in html.unescape(browser.text)


def test_what_somebody_typed_is_shown_and_never_run(house: Expedite) -> None:
    door = house.url("order_service")
    registering = send(door, "/register", email=f'"{SCRIPT}', username=SCRIPT, password="x")
    assert registering.status_code == 422
    signing_in = send(door, "/sign-in", email=f"' onfocus=alert(1) x='{SCRIPT}", password="x")
    sam = register(house, "sam")
    # No form lets such a name in: as an older one might have.
    house.query("update users set username = %s where id = %s", f"Sam {SCRIPT}", sam.id)
    account = look(door, "/account", sam.token)
    lost = look(door, f"/{quote(SCRIPT, safe='')}?{quote(SCRIPT)}")
    for answer in (registering, signing_in, account, lost):
        assert SCRIPT not in answer.text
        assert "onfocus=alert(1) x='<" not in answer.text
    assert f"<bdi>Sam {html.escape(SCRIPT)}</bdi>" in account.text
    assert SCRIPT in html.unescape(registering.text)


# --- when something is wrong ------------------------------------------------------------------------------------


def raw(
    url: str, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str
) -> tuple[int, str, str]:
    """Status, content type and body of a request whose path is sent as it is written."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=15)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, str(answer.headers["Content-Type"]), answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "/nothing/here", None, 404, "There is nothing at this address."),
        ("POST", "/nothing/here", b"a=1", 404, "There is nothing at this address."),
        ("POST", "/sign-out/x", b"a=1", 404, "There is nothing at this address."),
        ("GET", "/sign-out", None, 405, "Try POST."),
        ("POST", "/sign-in", b"email=%ff&password=x", 400, "Not a form"),
        ("POST", "/sign-in", b"\xff=x", 400, "Not a form"),
        ("POST", "/sign-in", b"&".join(b"a=1" for _ in range(_MAX_FIELDS + 1)), 400, "Not a form of at most"),
    ],
    ids=["unknown", "unknown form", "below", "method", "no text", "no UTF-8", "many fields"],
)
def test_what_is_wrong_is_said_in_a_page(
    house: Expedite, method: str, path: str, body: bytes | None, status: int, says: str
) -> None:
    door = house.url("order_service")
    headers = {"Accept": HTML, "Origin": door, **({} if body is None else {"Content_Type": FORM})}
    found, content_type, text = raw(door, method, path, body, **headers, X_Request_ID="ada-7")
    assert (found, content_type) == (status, "text/html; charset=utf-8")
    assert says in html.unescape(text)
    assert "ada-7" in text
    # The same for a program.
    headers = {"Origin": door, **({} if body is None else {"Content_Type": "application/json"})}
    if status in (404, 405):
        found, content_type, _ = raw(door, method, path, body, **headers)
        assert (found, content_type) == (status, "application/problem+json")


def test_a_form_that_turns_out_too_large_is_refused_in_a_page(house: Expedite) -> None:
    door = house.url("order_service")
    in_chunks = iter([b"email=", *[b"x" * 1000] * 70])
    found, content_type, text = raw(door, "POST", "/sign-in", in_chunks, Origin=door, Content_Type=FORM)
    assert (found, content_type) == (413, "text/html; charset=utf-8")
    assert "65536" in text


def test_what_is_no_form_is_refused_by_a_page(house: Expedite) -> None:
    door = house.url("order_service")
    for content_type in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        found, kind, text = raw(door, "POST", "/sign-out", b"{}", Origin=door, Content_Type=content_type)
        assert (found, kind) == (415, "text/html; charset=utf-8")
        assert "as a form does" in text


def test_without_postgresql_a_page_says_so_and_the_door_stays_open(house: Expedite, ada: Someone) -> None:
    away = house.start("order_service", wait=False, DATABASE_URL="postgresql://x:y@127.0.0.1:1/x")
    eventually(lambda: _answers(away))
    answer = look(away.url, "/account", ada.token)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert answer.headers["Retry-After"]
    assert "Wait a moment" in answer.text
    assert look(away.url, "/sign-in").status_code == 200


def _answers(process: Process) -> bool:
    try:
        return process.health("live").status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize("service", ["order_service", "kitchen_service", "tracking_service", "notifier_service"])
@pytest.mark.parametrize("key", ["", "x" * 31])
def test_a_service_with_pages_does_not_start_without_its_key(expedite: Expedite, service: str, key: str) -> None:
    process = expedite.start(service, wait=False, SECRET_KEY=key)
    assert eventually(process.popen.poll, 30) == 1
    why = "SECRET_KEY needs at least 32 characters: set it to what `openssl rand -hex 32` prints"
    eventually(lambda: why in "\n".join(process.lines))
    assert not key or key not in "\n".join(process.lines)
    assert process.actions("service_started") == []


# --- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", ["order", "tracking"])
@pytest.mark.parametrize(
    ("file", "content_type"),
    [
        ("base.css", "text/css; charset=utf-8"),
        ("icons.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_a_file_is_sent_once_and_then_only_when_it_has_changed(
    house: Expedite, service: str, file: str, content_type: str
) -> None:
    url = f"{house.url(f'{service}_service')}/static/{service}/{file}"
    first = requests.get(url, timeout=15)
    assert (first.status_code, first.headers["Content-Type"]) == (200, content_type)
    assert first.headers["Cache-Control"] == "no-cache"
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    tag = first.headers["ETag"]
    again = requests.get(url, headers={"If-None-Match": tag}, timeout=15)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    other = requests.get(url, headers={"If-None-Match": '"of another version"'}, timeout=15)
    assert (other.status_code, other.content) == (200, first.content)
    head = requests.head(url, timeout=15)
    assert (head.status_code, head.headers["ETag"], head.content) == (200, tag, b"")


def test_each_file_that_a_page_names_is_there(house: Expedite, ada: Someone) -> None:
    door = house.url("order_service")
    pages = [look(door, path, session).text for path, session in (("/sign-in", None), ("/account", ada.token))]
    named = {file for page in pages for file in re.findall(r'(?:href|src)="(/static/[^"#]+)', page)}
    assert len(named) > 5
    for file in named:
        assert requests.get(f"{door}{file}", timeout=15).status_code == 200, file


@pytest.mark.parametrize(
    "path",
    [
        "/static/order/nothing.css",
        "/static/order/",
        "/static/order",
        "/static/tracking/base.css",
        "/static/common/base.css",
        "/static/../static/order/base.css",
        "/static/order/../templates/sign_in.html",
        "/static/order/%2e%2e/settings.py",
        "/static/order/%2e%2e%2fsettings.py",
        "/static/order/..%2fsettings.py",
        "/static/order/..%5csettings.py",
        "/static/%2e%2e/order/base.css",
        "/static/order/%2fetc%2fpasswd",
        "/static/order//etc/passwd",
        "/static/order/base.css%00",
        "/static/order/base.css/",
        "/static/order/BASE.CSS",
        "/static/order/../../config.yml",
    ],
)
def test_nothing_but_the_files_is_sent(house: Expedite, path: str) -> None:
    status, content_type, text = raw(house.url("order_service"), "GET", path)
    assert (status, content_type) == (404, "application/problem+json")
    assert "root:" not in text
