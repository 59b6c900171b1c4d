"""The secret in an order's tracking link: whoever has it may read the order in full and cancel it. The link leads
to the order's page; order_service answers the same secret at /orders/{number}?key=…, for programs.

It is an HMAC, under the server's key, of the order's number and of a nonce that is stored with the order. So a
number that anyone can guess is worth no more than the order's status; who reads the table has no link without the
key; and a link is worth nothing for another order that gets the same number, as after a restore from backup.
Orders of before there were nonces have none.

A link ends some time after its order was placed, and before that with the key that made it. While keys change,
what the other one has made is good, too.
"""

import base64
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from common.orders.numbers import is_order_number

_BYTES = 18  # of the digest, 144 bits: 24 characters in a link


def secret_of(order_number: str, nonce: str | None, key: bytes) -> str:
    """The secret of that order, safe in a URL."""
    about = order_number if nonce is None else f"{order_number}:{nonce}"
    digest = hmac.digest(key, b"tracking:" + about.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:_BYTES]).decode()


@dataclass(frozen=True)
class TrackingLinks:
    """Makes links, and knows its own. The first of `keys` makes them, each of them opens what it has made.
    `tracking_url` is where browsers reach tracking_service's pages, `lifetime` counts from when an order was
    placed."""

    keys: tuple[bytes, ...] = field(repr=False)
    lifetime: timedelta
    tracking_url: str

    def secret_of(self, order_number: str, nonce: str | None) -> str:
        """The secret of that order, as links have it from now on."""
        return secret_of(order_number, nonce, self.keys[0])

    def link(self, order_number: str, nonce: str | None) -> str:
        """The order's tracking link."""
        return f"{self.tracking_url}/track/{order_number}?key={self.secret_of(order_number, nonce)}"

    def opens(self, order_number: object, nonce: str | None, placed_at: datetime, secret: object) -> bool:
        """True when `secret` is that order's, and its time is not over; compared in constant time."""
        if not isinstance(secret, str) or not is_order_number(order_number):
            return False
        shown = secret.encode("utf-8", "replace")
        is_its = [
            hmac.compare_digest(shown, secret_of(str(order_number), nonce, key).encode()) for key in self.keys
        ]
        return any(is_its) and datetime.now(UTC) < placed_at + self.lifetime
