"""The secret in an order's tracking link: whoever has it may read the order in full and cancel it. The link leads
to the order's page; order_service answers the same secret at /orders/{number}?key=…, for programs.

It is an HMAC, under the server's key, of the order's number and of a nonce that is stored with the order. So a
number that anyone can guess is worth no more than the order's status; who reads the table has no link without the
key; and a link is worth nothing for another order that gets the same number, as after a restore from backup.
Orders of before there were nonces have none.
"""

import base64
import hmac

from common.orders.numbers import is_order_number

_BYTES = 18  # of the digest, 144 bits: 24 characters in a link


def secret_of(order_number: str, nonce: str | None, signing_key: bytes) -> str:
    """The secret of that order, safe in a URL."""
    about = order_number if nonce is None else f"{order_number}:{nonce}"
    digest = hmac.digest(signing_key, b"tracking:" + about.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:_BYTES]).decode()


def opens(order_number: object, nonce: str | None, secret: object, signing_key: bytes) -> bool:
    """True when `secret` is that order's; compared in constant time."""
    if not isinstance(secret, str) or not is_order_number(order_number):
        return False
    return hmac.compare_digest(
        secret.encode("utf-8", "replace"), secret_of(str(order_number), nonce, signing_key).encode()
    )


def link(order_number: str, nonce: str | None, tracking_url: str, signing_key: bytes) -> str:
    """The order's tracking link; `tracking_url` is where browsers reach tracking_service's pages."""
    return f"{tracking_url}/track/{order_number}?key={secret_of(order_number, nonce, signing_key)}"
