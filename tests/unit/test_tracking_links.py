"""The secret in a tracking link."""

from urllib.parse import parse_qs, urlsplit

import pytest

from order_service.orders import tracking_links

KEY = b"k" * 32
NUMBER = "ORD_20261122_001"


def test_a_link_carries_the_number_and_a_secret_that_opens_it() -> None:
    parts = urlsplit(tracking_links.link(NUMBER, "https://eat.example", KEY))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "eat.example", f"/orders/{NUMBER}")
    [secret] = parse_qs(parts.query)["key"]
    assert tracking_links.opens(NUMBER, secret, KEY)


def test_a_secret_opens_its_own_order_under_its_own_key_only() -> None:
    secret = tracking_links.secret_of(NUMBER, KEY)
    assert not tracking_links.opens("ORD_20261122_002", secret, KEY)
    assert not tracking_links.opens(NUMBER, secret, b"K" * 32)


def test_a_secret_is_long_stays_the_same_and_needs_no_escaping_in_a_url() -> None:
    secret = tracking_links.secret_of(NUMBER, KEY)
    assert secret == tracking_links.secret_of(NUMBER, KEY)
    assert len(secret) == 24
    assert secret.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "secret",
    [None, "", 5, True, [], {}, b"x", "é", "\ud800", "x" * 10_000, tracking_links.secret_of(NUMBER, KEY)[:-1]],
)
def test_anything_else_opens_nothing(secret: object) -> None:
    assert not tracking_links.opens(NUMBER, secret, KEY)
