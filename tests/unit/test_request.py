"""What a request says of the browser that it comes from."""

import pytest

from common.http.request import Request

OURS = frozenset({"http://127.0.0.1:3000", "https://board.example"})
HOST = b"127.0.0.1:3002"


def request(method: str = "POST", **headers: str) -> Request:
    """With those headers; __ in a name is a hyphen."""
    asked = Request(method, b"/somewhere")
    asked.own_origins = OURS
    asked.headers = {b"host": HOST} | {
        name.replace("__", "-").encode(): value.encode("latin-1") for name, value in headers.items()
    }
    return asked


@pytest.mark.parametrize(
    "headers",
    [
        {"sec__fetch__site": "same-origin"},
        {"sec__fetch__site": "none"},  # who typed the address
        {"origin": "http://127.0.0.1:3002"},  # the host that it was sent to
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "https://board.example", "sec__fetch__site": "same-site"},
        {"origin": "http://127.0.0.1:3000", "sec__fetch__site": "cross-site"},
    ],
    ids=str,
)
def test_what_our_pages_send_is_known(headers: dict[str, str]) -> None:
    assert request(**headers).is_from_our_pages()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec__fetch__site": "cross-site"},
        {"sec__fetch__site": "same-site"},
        {"sec__fetch__site": ""},
        {"sec__fetch__site": "same-origin, same-origin"},
        {"origin": ""},
        {"origin": "null"},
        {"origin": "null", "host": ""},
        {"origin": "://", "host": ""},
        {"origin": "https://evil.example"},
        {"origin": "https://evil.example", "sec__fetch__site": "cross-site"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1:30020"},
        {"origin": "http://127.0.0.1:3002.evil.example"},
        {"origin": "http://evil.example/127.0.0.1:3002"},
        {"origin": "https://board.example.evil.example"},
        {"origin": "http://board.example"},
        {"origin": "http://board.example", "host": "board.example"},
        {"origin": "http://127.0.0.1:3002, http://127.0.0.1:3002"},
        {"referer": "http://127.0.0.1:3002/"},
    ],
    ids=str,
)
def test_what_others_send_is_not(headers: dict[str, str]) -> None:
    assert not request(**headers).is_from_our_pages()


@pytest.mark.parametrize(
    ("cookies", "value"),
    [
        ("expedite=abc", "abc"),
        ("a=1; expedite=abc; b=2", "abc"),
        ("a=1;expedite=abc", "abc"),
        ("expedite=a=b==", "a=b=="),
        ("expedite=", ""),
        ("expedite=first; expedite=second", "first"),
        ("expedite", None),
        ("Expedite=abc", None),
        ("xexpedite=abc", None),
        ("expedite2=abc", None),
        ("a=expedite=abc", None),
        ("", None),
        (";;; ;", None),
    ],
)
def test_a_cookie_is_found_by_its_name(cookies: str, value: str | None) -> None:
    assert request(cookie=cookies).cookie("expedite") == value
    assert request().cookie("expedite") is None


@pytest.mark.parametrize(
    ("method", "headers", "wants"),
    [
        ("GET", {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, True),
        ("HEAD", {"accept": "text/html"}, True),
        ("GET", {"accept": "*/*"}, False),
        ("GET", {"accept": "application/json"}, False),
        ("GET", {"accept": "text/event-stream"}, False),
        ("GET", {}, False),
        ("GET", {"content__type": "application/x-www-form-urlencoded"}, False),
        ("POST", {"content__type": "application/x-www-form-urlencoded"}, True),
        ("POST", {"content__type": "Application/X-WWW-Form-Urlencoded ; charset=utf-8"}, True),
        ("POST", {"content__type": "application/json", "accept": "text/html"}, False),
        ("POST", {"content__type": "multipart/form-data; boundary=x"}, False),
        ("POST", {"accept": "text/html"}, False),
    ],
)
def test_a_browser_is_told_from_a_program(method: str, headers: dict[str, str], wants: bool) -> None:
    assert request(method, **headers).wants_page() is wants
