"""JSON as it goes out and comes in."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import codec


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("5", "5.00"),
        ("5.1", "5.10"),
        ("19.99", "19.99"),
        ("0.01", "0.01"),
        ("199998", "199998.00"),
        ("1E+2", "100.00"),
    ],
)
def test_money_is_a_number_with_two_decimals(amount: str, shown: str) -> None:
    assert codec.dumps({"total": Decimal(amount)}) == f'{{"total":{shown}}}'.encode()
    assert codec.money(Decimal(amount)) == shown


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_never_goes_out(amount: str) -> None:
    with pytest.raises(TypeError):
        codec.dumps([Decimal(amount)])


def test_times_are_utc_with_milliseconds_and_a_z() -> None:
    moment = datetime(2026, 11, 22, 20, 30, 0, 250_999, timezone(timedelta(hours=2)))
    assert codec.iso(moment) == "2026-11-22T18:30:00.250Z"
    assert codec.dumps([moment, datetime(2026, 1, 1, tzinfo=UTC)]) == (
        b'["2026-11-22T18:30:00.250Z","2026-01-01T00:00:00.000Z"]'
    )


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        codec.dumps(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", {"a": "\ud800"}, {1: 2}])
def test_what_has_no_json_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        codec.dumps(value)


def test_text_of_any_script_goes_out_as_utf_8() -> None:
    assert codec.dumps("Zoë 王 👩") == '"Zoë 王 👩"'.encode()


def test_a_fraction_comes_in_with_all_its_digits() -> None:
    assert codec.loads("[0.1, 1.005, 12345678901234567890.12345678901234567890, 1e2]") == [
        Decimal("0.1"),
        Decimal("1.005"),
        Decimal("12345678901234567890.12345678901234567890"),
        Decimal("1e2"),
    ]
    assert codec.loads("3") == 3
    assert type(codec.loads("3")) is int


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"a": 1',
        "{'a': 1}",
        "[1,]",
        "01",
        "1.",
        "nul",
        "NaN",
        "[Infinity]",
        "-Infinity",
        '{"a": NaN}',
        '"a\nb"',
        '"\\ud800"',
        '{"\\udfff": 1}',
        '[{"a": ["\\ud83d x"]}]',
        "[" * 100_000,
        '{"a":' * 30_000,
        '["\\u0041", ' * 20_000,
        "9" * 5000,
        "1e9999999999999999999",
        "-1e-9999999999999999999",
        "{} {}",
        b"\xff",
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_no_json_text_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (any, as its callers catch)
        codec.loads(text)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert codec.loads('"\\ud83d\\udc69"') == "👩"


@given(
    st.binary(max_size=60)
    | st.text(max_size=60)
    | st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,30})?")
)
def test_anything_is_read_or_a_value_error(data: bytes | str) -> None:
    try:
        codec.loads(data)
    except ValueError:
        return
    json.loads(data)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain)
def test_what_went_out_comes_in_again(value: Any) -> None:
    assert codec.loads(codec.dumps(value)) == value
