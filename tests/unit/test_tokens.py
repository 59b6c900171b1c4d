"""Tokens, and clocks that differ, are set back, or were wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import jwt
import pytest

from common.accounts import tokens
from common.accounts.tokens import Claims
from common.errors import Unauthorized

KEYS = (b"only for tests " * 3,)
OTHER = b"another key of the house " * 2
ADA = Claims(user_id=7, role="customer", version=2, sign_in="one")
HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0


def issued(seconds_ago: float, keys: tuple[bytes, ...] = KEYS, **session: Any) -> str:
    """A token from so many seconds ago, by this machine's clock; from the future when that is less than none."""
    with mock.patch.object(tokens, "datetime", wraps=datetime) as clock:
        clock.now.side_effect = lambda zone: datetime.now(zone) - timedelta(seconds=seconds_ago)
        return tokens.issue(ADA, keys, **session)


def test_a_token_is_good_for_an_hour() -> None:
    said = jwt.decode(issued(0), options={"verify_signature": False})
    assert said["exp"] - said["iat"] == HOUR
    assert abs(said["iat"] - datetime.now(UTC).timestamp()) < 60
    assert tokens.read(issued(0), KEYS) == ADA


@pytest.mark.parametrize(
    "seconds_ago",
    [
        HOUR - 30,
        HOUR + 10,  # by a clock that is behind ours
        -10,  # by one that is ahead
        -HOUR,  # ours was set back
        -DAY + 60,
    ],
)
def test_clocks_that_differ_and_one_that_was_set_back_void_no_token(seconds_ago: float) -> None:
    assert tokens.read(issued(seconds_ago), KEYS) == ADA


@pytest.mark.parametrize("seconds_ago", [HOUR + 60, 2 * HOUR, DAY, YEAR])
def test_a_token_expires(seconds_ago: float) -> None:
    with pytest.raises(Unauthorized, match="expired"):
        tokens.read(issued(seconds_ago), KEYS)


@pytest.mark.parametrize("seconds_ago", [-DAY - 60, -YEAR])
def test_a_token_of_a_clock_that_was_far_ahead_is_not_good_until_then(seconds_ago: float) -> None:
    with pytest.raises(Unauthorized, match="from the future"):
        tokens.read(issued(seconds_ago), KEYS)


@pytest.mark.parametrize("changes", [{"iat": "x"}, {"iat": None}, {"iat": 1e300}, {"exp": "x"}])
def test_a_time_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    said = {**jwt.decode(issued(0), options={"verify_signature": False}), **changes}
    with pytest.raises(Unauthorized):
        tokens.read(jwt.encode(said, tokens._key(KEYS[0]), "HS256"), KEYS)


def test_while_keys_change_both_are_read_and_the_new_one_signs() -> None:
    both = (OTHER, *KEYS)
    assert tokens.read(issued(0), both) == ADA
    assert tokens.read(issued(0, both), (OTHER,)) == ADA
    with pytest.raises(Unauthorized):
        tokens.read(issued(0), (OTHER,))
    with pytest.raises(Unauthorized, match="expired"):
        tokens.read(issued(2 * HOUR), both)


def test_a_session_that_the_old_key_signed_is_renewed_at_once() -> None:
    session = issued(0, lifetime=tokens.SESSION_LIFETIME, signed_in=datetime.now(UTC))
    assert tokens.renewed(session, KEYS) is None
    renewed = tokens.renewed(session, (OTHER, *KEYS))
    assert renewed is not None
    assert tokens.read(renewed, (OTHER,)) == ADA


def test_each_sign_in_has_a_name_of_its_own_which_its_session_keeps() -> None:
    fresh = Claims(user_id=7, role="customer", version=2)
    one, other = (tokens.issue(fresh, KEYS) for _ in range(2))
    assert tokens.read(one, KEYS).sign_in != tokens.read(other, KEYS).sign_in
    assert tokens.read(tokens.for_session(one, KEYS), KEYS) == tokens.read(one, KEYS)


def test_a_token_from_before_they_named_their_sign_in_is_one_by_itself() -> None:
    said = jwt.decode(issued(0), options={"verify_signature": False})
    del said["sid"]
    old = jwt.encode(said, tokens._key(KEYS[0]), "HS256")
    assert tokens.read(old, KEYS).sign_in == said["jti"]
