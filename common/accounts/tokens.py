"""Sign-in tokens: JWT (RFC 7519), HS256, good for an hour; in a browser for twelve, from when it was used last,
and for a week at most.

A token carries the version that its user's role and password had. When either changes the version goes up, and the
token is void, whatever it says itself. It also names the sign-in that it is from, and so does whatever renews it:
signing out ends that sign-in, with all copies of its tokens.

The first of a server's keys signs; while keys change, what the other one has signed is read, too.

Processes on several machines issue and read tokens, so their clocks differ, and a clock may be set back. A token
is none the worse for that: `exp` has some leeway, and `iat` may lie ahead, though not so far that a token from a
clock that was wrong by years would be good for years.
"""

import contextlib
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from common.errors import Unauthorized

LIFETIME = timedelta(hours=1)
SESSION_LIFETIME = timedelta(hours=12)  # in a browser: a shift, so that no board signs itself out in the middle
SESSION_AT_MOST = timedelta(days=7)  # from the sign-in, however it is used: a copy that was taken ends, too
_RENEWED_AFTER = timedelta(minutes=10)  # in a browser that goes on using it
_LEEWAY = timedelta(seconds=30)  # by which clocks may differ; machines with NTP differ by less than one second
_AHEAD = timedelta(days=1)  # a clock that was set back by more than this voids the tokens from before
_ALGORITHM = "HS256"
_CLAIMS = ["sub", "role", "iat", "exp", "jti", "ver"]


@dataclass(frozen=True)
class Claims:
    """What a token says of its user."""

    user_id: int
    role: str
    version: int
    sign_in: str | None = None  # which one of theirs it is from; None for one that is new


def issue(
    claims: Claims, keys: tuple[bytes, ...], lifetime: timedelta = LIFETIME, signed_in: datetime | None = None
) -> str:
    """A new token; with `signed_in`, when that was, a session's."""
    now = datetime.now(UTC)
    payload = {
        **({} if signed_in is None else {"auth_time": int(signed_in.timestamp())}),
        "sid": claims.sign_in or uuid.uuid4().hex,
        "sub": str(claims.user_id),
        "role": claims.role,
        "iat": now,
        "exp": now + lifetime,
        "jti": uuid.uuid4().hex,
        "ver": claims.version,
    }
    return jwt.encode(payload, _key(keys[0]), _ALGORITHM)


def for_session(token: str, keys: tuple[bytes, ...]) -> str:
    """The same sign-in, as a browser keeps it. Raises Unauthorized."""
    return issue(read(token, keys), keys, SESSION_LIFETIME, datetime.now(UTC))


def renewed(token: str, keys: tuple[bytes, ...]) -> str | None:
    """A fresh one for a session's that has been used for ten minutes, or was signed with the other key; it
    says the same, so what voids the old one voids it too. None when there is no need, for a session that has
    lasted for a week, and for what is no session's token."""
    try:
        said, key = _read(token, keys)
    except Unauthorized:
        return None
    if "auth_time" not in said:
        return None
    now, signed_in = datetime.now(UTC), datetime.fromtimestamp(said["auth_time"], UTC)
    is_due = key != keys[0] or now - datetime.fromtimestamp(said["iat"], UTC) > _RENEWED_AFTER
    lifetime = min(SESSION_LIFETIME, signed_in + SESSION_AT_MOST - now)
    if not is_due or lifetime <= timedelta(0):
        return None
    return issue(_claims(said), keys, lifetime, signed_in)


def read(token: object, keys: tuple[bytes, ...]) -> Claims:
    """What a token of ours says. Raises Unauthorized for one that has expired, or that is none of ours."""
    return _claims(_read(token, keys)[0])


def _claims(said: dict[str, Any]) -> Claims:
    try:
        # Those from before tokens named their sign-in are each one by itself.
        sign_in = str(said.get("sid", said["jti"]))
        return Claims(int(said["sub"]), str(said["role"]), int(said["ver"]), sign_in)
    except (ValueError, TypeError, OverflowError) as exc:
        raise Unauthorized("The token is not valid; sign in again.") from exc


def _read(token: object, keys: tuple[bytes, ...]) -> tuple[dict[str, Any], bytes]:
    """What it says, and which of the keys has signed it."""
    try:
        for key in keys:
            with contextlib.suppress(jwt.InvalidSignatureError):
                return _verified(token, key), key
    except jwt.ExpiredSignatureError as exc:
        raise Unauthorized("The token has expired; sign in again.") from exc
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as exc:
        raise Unauthorized("The token is not valid; sign in again.") from exc
    raise Unauthorized("The token is not valid; sign in again.")


def _verified(token: object, key: bytes) -> dict[str, Any]:
    # The algorithm is ours to name: the token's own word for it ("none", another one) counts for nothing.
    said: dict[str, Any] = jwt.decode(
        token if isinstance(token, str) else "",
        _key(key),
        [_ALGORITHM],
        leeway=_LEEWAY,
        options={"require": _CLAIMS, "verify_iat": False},
    )
    if datetime.fromtimestamp(said["iat"], UTC) > datetime.now(UTC) + _AHEAD:
        raise Unauthorized("The token is from the future; sign in again.")
    return said


def _key(signing_key: bytes) -> bytes:
    """A key of its own: what else is signed with the server's can never pass for a token."""
    return hmac.new(signing_key, b"tokens", hashlib.sha256).digest()
