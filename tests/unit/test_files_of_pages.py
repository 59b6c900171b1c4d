"""The files of pages: packed for who takes that, as they are for others, and each with a tag of its own."""

import gzip
from pathlib import Path

import pytest

from common.http.answer import Answer
from common.http.request import Request
from common.pages import files
from common.pages.files import File, takes_gzip

STYLE = b"p { color: red }\n" * 100


def asked(style: File, **headers: str) -> Answer:
    request = Request("GET", b"/static/x/a.css")
    request.headers = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return style.answer(request)


def header(answer: Answer, name: str) -> str | None:
    return dict(answer.headers).get(name)


@pytest.mark.parametrize(
    "accepted", ["gzip", "br, gzip", "deflate, GZIP;q=0.5", "*", "gzip;q=1.0", "gzip; q=0.001"]
)
def test_who_takes_gzip_gets_it(accepted: str) -> None:
    answer = asked(File("text/css", STYLE), accept_encoding=accepted)
    assert header(answer, "Content-Encoding") == "gzip"
    assert gzip.decompress(answer.body) == STYLE
    assert len(answer.body) < len(STYLE) / 10


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.000", "x-gzip", "br;q=1, gzip;q=0"])
def test_others_get_it_as_it_is(accepted: str) -> None:
    assert not takes_gzip(accepted)
    answer = asked(File("text/css", STYLE), accept_encoding=accepted)
    assert (answer.body, header(answer, "Content-Encoding")) == (STYLE, None)
    assert header(answer, "Vary") == "Accept-Encoding"  # so that a cache does not give it to others


def test_what_gets_no_smaller_stays_as_it_is() -> None:
    answer = asked(File("image/png", b"\x89PNG"), accept_encoding="gzip")
    assert (answer.body, header(answer, "Content-Encoding")) == (b"\x89PNG", None)


def test_who_has_it_is_told_so_and_who_has_it_otherwise_gets_it() -> None:
    style = File("text/css", STYLE)
    packed = header(asked(style, accept_encoding="gzip"), "ETag") or ""
    plain = header(asked(style), "ETag") or ""
    assert packed != plain
    again = asked(style, accept_encoding="gzip", if_none_match=packed)
    assert (again.status, again.body) == (304, b"")
    assert asked(style, if_none_match=packed).body == STYLE
    assert asked(style, if_none_match=plain).status == 304


def test_a_services_own_file_hides_the_one_of_all(tmp_path: Path) -> None:
    for folder, text in (("own", "a{}"), ("all", "b{}")):
        (tmp_path / folder / "static").mkdir(parents=True)
        (tmp_path / folder / "static" / "a.css").write_text(text)
    (tmp_path / "all" / "static" / "b.svg").write_text("<svg/>")
    found = files.read([tmp_path / "own", tmp_path / "all"])
    assert set(found) == {"a.css", "b.svg"}
    assert asked(found["a.css"]).body == b"a{}"
