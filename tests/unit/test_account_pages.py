"""Where somebody goes on who has signed in."""

import pytest

from order_service.accounts.account_pages import destination

OURS = frozenset({"https://eat.example", "https://eat.example:8444", "http://127.0.0.1:3001"})


@pytest.mark.parametrize(
    "wanted",
    [
        "/",
        "/orders",
        "/account?changed",
        "/track/ORD_20261122_001?key=x&y=1#z",
        "/%2F%2Fevil.example",
        "/a//evil.example",
        "/@evil.example",
        "https://eat.example",
        "https://eat.example/",
        "https://eat.example:8444/board",
        "http://127.0.0.1:3001/board?types=delivery",
    ],
)
def test_it_is_where_they_were_going(wanted: str) -> None:
    assert destination(wanted, OURS) == wanted


ELSEWHERE = [
    "",
    "orders",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n//evil.example",
    " //evil.example",
    "https://evil.example",
    "https://evil.example/https://eat.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http://eat.example/",
    "https://eat.example.evil.example/",
    "https://eat.example@evil.example/",
    "https://eat.example:1@evil.example/",
    "https://eat.example\\@evil.example/",
    "https://eat.example//evil.example",
    "https://eat.example/\\evil.example",
    "https://eat.example:8443/",
    "https://eat.example?x",
    "http://127.0.0.1:30011/",
    "javascript:alert(1)",
    "JavaScript://eat.example/%0Aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "http://[",
    "/é",
    "/a\r\nSet-Cookie: x=y",
    "/\x00",
    "/" + "x" * 2000,
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_it_is_never_anywhere_else_than_with_us(wanted: str) -> None:
    assert destination(wanted, OURS) == "/"
