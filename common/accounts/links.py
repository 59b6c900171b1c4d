"""Links in letters: what somebody may do who can read the mail of an address.

A link carries whom it is about, and the version that the account had when its letter was written. It is good for
one purpose, since each has a key of its own; for a while, which LIFETIMES says; and, where that matters, once:
what it does makes the account's version go up, as a new password and role do, and with that the link is void.

So no link is stored anywhere. It is made when its letter is sent, and signed with the first of the server's keys;
while keys change, what the other one has signed is read, too.
"""

import contextlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from common.errors import LinkEnded

PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose, no password
REGISTER = "register"
ADDRESS_CHANGE = "address_change"
CONFIRM_ADDRESS = "confirm_address"
UNSUBSCRIBE = "unsubscribe"

#: For how long a link is good, from when its letter was sent.
LIFETIMES = {
    PASSWORD_RESET: timedelta(hours=1),
    REGISTER: timedelta(days=1),
    ADDRESS_CHANGE: timedelta(days=1),
    CONFIRM_ADDRESS: timedelta(days=7),
    UNSUBSCRIBE: timedelta(days=365),
}
_ALGORITHM = "HS256"
_CLAIMS = ["sub", "ver", "exp"]
_LEEWAY = timedelta(seconds=30)  # by which the clocks of machines may differ
_MAX_LENGTH = 2000  # characters


@dataclass(frozen=True)
class Link:
    """What a link says. `subject` is whom it is about: an account's id, an e-mail address, as the purpose has it;
    `version` is the account's of then, 0 where there is none."""

    subject: str
    version: int


def issue(purpose: str, subject: str, version: int, keys: tuple[bytes, ...]) -> str:
    """What a letter's link carries, safe in a URL."""
    payload = {"sub": subject, "ver": version, "exp": datetime.now(UTC) + LIFETIMES[purpose]}
    return jwt.encode(payload, _key(keys[0], purpose), _ALGORITHM)


def read(purpose: str, token: object, keys: tuple[bytes, ...]) -> Link:
    """What a link for that purpose says. Raises LinkEnded for one that is over, or is no such link."""
    if isinstance(token, str) and len(token) <= _MAX_LENGTH:
        with contextlib.suppress(jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
            return _read(purpose, token, keys)
    raise LinkEnded("This link is not good any more.")


def _read(purpose: str, token: str, keys: tuple[bytes, ...]) -> Link:
    for key in keys:
        with contextlib.suppress(jwt.InvalidSignatureError):
            said = jwt.decode(
                token, _key(key, purpose), [_ALGORITHM], leeway=_LEEWAY, options={"require": _CLAIMS}
            )
            return Link(str(said["sub"]), int(said["ver"]))
    raise jwt.InvalidSignatureError


def _key(key: bytes, purpose: str) -> bytes:
    """Each purpose has one of its own: a link for one can never pass for a link for another, nor for a token."""
    return hmac.digest(key, f"link:{purpose}".encode(), "sha256")
