"""A token's time, on machines whose clocks are not the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from common.errors import Unauthorized
from order_service.accounts import tokens

KEY = b"k" * 32
CLAIMS = tokens.Claims(7, "employee", 3)


def issued(ago: timedelta) -> str:
    """A token that another machine, or this one before its clock was set, issued so long ago by this clock."""
    said: dict[str, Any] = jwt.decode(tokens.issue(CLAIMS, KEY), options={"verify_signature": False})
    at = datetime.now(UTC) - ago
    return jwt.encode({**said, "iat": at, "exp": at + tokens.LIFETIME}, tokens._key(KEY), "HS256")


@pytest.mark.parametrize(
    "ago",
    [
        timedelta(0),
        timedelta(minutes=59),
        tokens.LIFETIME + timedelta(seconds=20),  # the other clock is behind
        timedelta(seconds=-20),  # or ahead
        timedelta(days=-1),  # or this one was set back
    ],
    ids=str,
)
def test_it_is_good_for_an_hour_whatever_seconds_the_clocks_differ(ago: timedelta) -> None:
    assert tokens.read(issued(ago), KEY) == CLAIMS


@pytest.mark.parametrize("ago", [tokens.LIFETIME + timedelta(seconds=40), timedelta(days=1)], ids=str)
def test_then_it_has_expired(ago: timedelta) -> None:
    with pytest.raises(Unauthorized, match="expired"):
        tokens.read(issued(ago), KEY)
