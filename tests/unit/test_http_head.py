"""Headers read quickly are what the standard library reads."""

from email.parser import Parser
from http.client import HTTPMessage

import pytest

from common.http_head import Headers, _headers

PLAIN = [
    [],
    [b"Host: x\r\n"],
    [b"Host:x\r\n", b"X-Request-ID:  till-7 \r\n", b"Accept: */*; q=0.5, text/html\r\n"],
    [b"Content-Length: 5\r\n", b"content-length: 6\r\n", b"Empty:\r\n", b"Blank: \t \r\n"],
]
ODD = [
    [b"Folded: a\r\n", b" b\r\n"],
    [b"No colon\r\n", b"Host: x\r\n"],
    [b"Space : x\r\n"],
    [b"Caf\xc3\xa9: x\r\n"],
    [b"Value: caf\xc3\xa9\r\n"],
    [b"Value: a\tb\r\n"],
    [b"Under_score: x\r\n"],
    [b"Newline: x\n"],
    [b": nameless\r\n"],
    [b"Bell: \x07\r\n"],
]


def read_by_the_library(lines: list[bytes]) -> HTTPMessage:
    return Parser(_class=HTTPMessage).parsestr(b"".join(lines).decode("iso-8859-1"))


@pytest.mark.parametrize("lines", PLAIN + ODD, ids=repr)
def test_they_are_the_same(lines: list[bytes]) -> None:
    found, expected = _headers(lines), read_by_the_library(lines)
    assert isinstance(found, Headers) == (lines in PLAIN)
    assert [(name, value.strip()) for name, value in found._headers] == [
        (name, value.strip()) for name, value in expected._headers
    ]
    for name in ("Host", "hOST", "Content-Length", "Empty", "X-Request-ID", "Missing"):
        assert (found.get(name) or "").strip() == (expected.get(name) or "").strip()
    assert found.get("Missing", "other") == "other"
    assert found.get_content_type() == expected.get_content_type()
