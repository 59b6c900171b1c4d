"""A webhook's secret, and what is signed with it: HMAC-SHA256 as Standard Webhooks has it ("v1")."""

import base64
import hmac
import secrets
from collections.abc import Iterable

_SECRET_BYTES = 32  # of 24 to 64 that the specification allows
_PREFIX = "whsec_"


def new_secret() -> bytes:
    """A webhook's own secret, from the system's source of random bytes."""
    return secrets.token_bytes(_SECRET_BYTES)


def written(secret: bytes) -> str:
    """The secret as its owner gets it, and as libraries of Standard Webhooks take it."""
    return _PREFIX + base64.b64encode(secret).decode()


def signature(valid: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: a signature by each valid secret. `timestamp` is the attempt's, in seconds
    since 1970. Neither it nor the id holds a full stop, so nobody can move what they sign."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(each, signed, 'sha256')).decode()}" for each in valid)
