"""Tokens, and clocks that differ, are set back, or were wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import jwt
import pytest

from common.accounts import tokens
from common.accounts.tokens import Claims
from common.errors import Unauthorized

KEY = b"only for tests " * 3
ADA = Claims(user_id=7, role="customer", version=2)
HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0


def issued(seconds_ago: float) -> str:
    """A token from so many seconds ago, by this machine's clock; from the future when that is less than none."""
    with mock.patch.object(tokens, "datetime", wraps=datetime) as clock:
        clock.now.side_effect = lambda zone: datetime.now(zone) - timedelta(seconds=seconds_ago)
        return tokens.issue(ADA, KEY)


def test_a_token_is_good_for_an_hour() -> None:
    said = jwt.decode(issued(0), options={"verify_signature": False})
    assert said["exp"] - said["iat"] == HOUR
    assert abs(said["iat"] - datetime.now(UTC).timestamp()) < 60
    assert tokens.read(issued(0), KEY) == ADA


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
    assert tokens.read(issued(seconds_ago), KEY) == ADA


@pytest.mark.parametrize("seconds_ago", [HOUR + 60, 2 * HOUR, DAY, YEAR])
def test_a_token_expires(seconds_ago: float) -> None:
    with pytest.raises(Unauthorized, match="expired"):
        tokens.read(issued(seconds_ago), KEY)


@pytest.mark.parametrize("seconds_ago", [-DAY - 60, -YEAR])
def test_a_token_of_a_clock_that_was_far_ahead_is_not_good_until_then(seconds_ago: float) -> None:
    with pytest.raises(Unauthorized, match="from the future"):
        tokens.read(issued(seconds_ago), KEY)


@pytest.mark.parametrize("changes", [{"iat": "x"}, {"iat": None}, {"iat": 1e300}, {"exp": "x"}])
def test_a_time_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    said = {**jwt.decode(issued(0), options={"verify_signature": False}), **changes}
    with pytest.raises(Unauthorized):
        tokens.read(jwt.encode(said, tokens._key(KEY), "HS256"), KEY)
