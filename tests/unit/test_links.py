"""Links in letters: what they are good for, and for how long."""

from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import jwt
import pytest

from common.accounts import links, tokens
from common.accounts.links import LIFETIMES, Link
from common.accounts.tokens import Claims
from common.errors import LinkEnded, Unauthorized

KEYS = (b"only for tests " * 3,)
OTHER = b"another key of the house " * 2
ADA = Link("7", 2)


def issued(purpose: str, age: timedelta = timedelta(0), keys: tuple[bytes, ...] = KEYS) -> str:
    """A link whose letter was sent so long ago."""
    with mock.patch.object(links, "datetime", wraps=datetime) as clock:
        clock.now.side_effect = lambda zone: datetime.now(zone) - age
        return links.issue(purpose, ADA.subject, ADA.version, keys)


@pytest.mark.parametrize("purpose", LIFETIMES)
def test_a_link_is_good_for_its_purpose_and_for_no_other(purpose: str) -> None:
    link = issued(purpose)
    assert links.read(purpose, link, KEYS) == ADA
    for other in set(LIFETIMES) - {purpose}:
        with pytest.raises(LinkEnded):
            links.read(other, link, KEYS)


@pytest.mark.parametrize("purpose", LIFETIMES)
def test_a_link_is_good_for_as_long_as_the_table_says(purpose: str) -> None:
    nearly, over = (LIFETIMES[purpose] + timedelta(minutes=more) for more in (-1, 1))
    assert links.read(purpose, issued(purpose, nearly), KEYS) == ADA
    with pytest.raises(LinkEnded):
        links.read(purpose, issued(purpose, over), KEYS)


def test_a_reset_is_not_good_for_long() -> None:
    assert LIFETIMES[links.PASSWORD_RESET] == timedelta(hours=1)


def test_while_keys_change_both_are_read_and_the_new_one_signs() -> None:
    both = (OTHER, *KEYS)
    assert links.read(links.REGISTER, issued(links.REGISTER), both) == ADA
    assert links.read(links.REGISTER, issued(links.REGISTER, keys=both), (OTHER,)) == ADA
    with pytest.raises(LinkEnded):
        links.read(links.REGISTER, issued(links.REGISTER), (OTHER,))


def test_a_link_is_no_token_and_a_token_no_link() -> None:
    with pytest.raises(Unauthorized):
        tokens.read(issued(links.PASSWORD_RESET), KEYS)
    with pytest.raises(LinkEnded):
        links.read(links.PASSWORD_RESET, tokens.issue(Claims(7, "admin", 2), KEYS), KEYS)


def changed(**changes: Any) -> str:
    said = {**jwt.decode(issued(links.REGISTER), options={"verify_signature": False}), **changes}
    kept = {name: value for name, value in said.items() if value is not ...}
    return jwt.encode(kept, links._key(KEYS[0], links.REGISTER), "HS256")


@pytest.mark.parametrize(
    "link",
    [
        None,
        7,
        "",
        "x",
        "...",
        "é",
        "\ud800",
        "x" * 100_000,
        issued(links.REGISTER)[:-1],
        jwt.encode({"sub": "7", "ver": 2, "exp": 2e9}, "", "none"),
        changed(exp=...),
        changed(ver=...),
        changed(ver="x"),
        changed(sub=...),
    ],
)
def test_anything_else_is_none(link: object) -> None:
    with pytest.raises(LinkEnded):
        links.read(links.REGISTER, link, KEYS)
