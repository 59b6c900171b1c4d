"""Server-sent events, as browsers read them."""

import json

import pytest

from common.live import framing


def test_an_event_has_a_name_data_and_an_id_and_ends_with_an_empty_line() -> None:
    assert framing.event("status", {"sequence": 3}, "3") == b'event: status\ndata: {"sequence":3}\nid: 3\n\n'
    assert framing.event("estimate", {}) == b"event: estimate\ndata: {}\n\n"


def test_what_has_several_lines_is_one_value() -> None:
    [name, *data, end, rest] = framing._block(("event", "x"), ("data", "a\nb\r\nc\rd")).decode().split("\n")
    assert (name, end, rest) == ("event: x", "", "")
    assert data == ["data: a", "data: b", "data: c", "data: d"]


def test_a_page_stays_in_its_event() -> None:
    html = "<p>\n\nevent: reset\r\ndata: {}\u2028</p>"
    lines = framing.event("page", {"html": html}).decode().split("\n")
    assert len(lines) == 4
    assert json.loads(lines[1].removeprefix("data: "))["html"] == html


@pytest.mark.parametrize("broken", ["a\nb", "a\rb", "a\0b"])
def test_an_id_or_a_name_that_would_begin_another_line_is_none(broken: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        framing.event("status", {}, broken)
    with pytest.raises(ValueError, match="line break"):
        framing.event(broken, {})


def test_hello_says_when_to_come_back_what_time_it_is_and_which_pages_there_are() -> None:
    retry, hello, rest = framing.hello("abc").decode().split("\n\n")
    assert (retry, rest) == ("retry: 1000", "")
    data = json.loads(hello.partition("data: ")[2])
    assert data["version"] == "abc"
    assert data["now"].endswith("Z")
    assert framing.ping().startswith(b'event: ping\ndata: {"now":"')
