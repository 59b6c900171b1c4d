"""What of the web server can be seen without one."""

import resource

import pytest

from common.errors import Unavailable
from common.http import server
from common.http.answer import Answer, problem
from common.http.server import MAX_CONNECTIONS


def test_a_line_break_makes_no_second_header() -> None:
    answer = Answer(200, "application/json", b"{}", "till-7")
    answer.headers.append(("Location", "/orders/1\r\nSet-Cookie: x=y"))
    with pytest.raises(ValueError, match="Location"):
        answer.wire(with_body=True, close=False)


def test_an_answer_says_its_length_whether_its_body_goes_along_or_not() -> None:
    answer = problem(Unavailable("Later."), "till-7")
    whole, head = answer.wire(with_body=True, close=True), answer.wire(with_body=False, close=True)
    assert whole == head + answer.body
    assert f"\r\nContent-Length: {len(answer.body)}\r\n".encode() in head
    assert b"\r\nRetry-After: 2\r\n" in head
    assert head.endswith(b"\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("soft", "hard", "asked", "most"),
    [
        (1024, 1024 * 1024, MAX_CONNECTIONS * 3 // 2, MAX_CONNECTIONS),
        (1024, resource.RLIM_INFINITY, MAX_CONNECTIONS * 3 // 2, MAX_CONNECTIONS),
        (1024, 1200, 1200, 800),
        (100_000, 100_000, None, MAX_CONNECTIONS),
    ],
)
def test_a_process_leaves_a_third_of_its_files_for_everything_else(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, asked: int | None, most: int
) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    assert server._max_connections() == most
    assert set_to == ([] if asked is None else [(asked, hard)])
