"""Sign-in tokens: JWT (RFC 7519), HS256, good for an hour.

A token carries the version that its user's role and password had. When either changes the version goes up, and the
token is void, whatever it says itself.

Processes on several machines issue and read tokens, so their clocks differ, and a clock may be set back. A token
is none the worse for that: `exp` has some leeway, and `iat` may lie ahead, though not so far that a token from a
clock that was wrong by years would be good for years.
"""

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from common.errors import Unauthorized

LIFETIME = timedelta(hours=1)
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


def issue(claims: Claims, signing_key: bytes) -> str:
    """A new token."""
    now = datetime.now(UTC)
    payload = {
        "sub": str(claims.user_id),
        "role": claims.role,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": uuid.uuid4().hex,
        "ver": claims.version,
    }
    return jwt.encode(payload, _key(signing_key), _ALGORITHM)


def read(token: object, signing_key: bytes) -> Claims:
    """What a token of ours says. Raises Unauthorized for one that has expired, or that is none of ours."""
    try:
        # The algorithm is ours to name: the token's own word for it ("none", another one) counts for nothing.
        said = jwt.decode(
            token if isinstance(token, str) else "",
            _key(signing_key),
            [_ALGORITHM],
            leeway=_LEEWAY,
            options={"require": _CLAIMS, "verify_iat": False},
        )
        if datetime.fromtimestamp(said["iat"], UTC) > datetime.now(UTC) + _AHEAD:
            raise Unauthorized("The token is from the future; sign in again.")
        return Claims(int(said["sub"]), str(said["role"]), int(said["ver"]))
    except jwt.ExpiredSignatureError as exc:
        raise Unauthorized("The token has expired; sign in again.") from exc
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as exc:
        raise Unauthorized("The token is not valid; sign in again.") from exc


def _key(signing_key: bytes) -> bytes:
    """A key of its own: what else is signed with the server's can never pass for a token."""
    return hmac.new(signing_key, b"tokens", hashlib.sha256).digest()
