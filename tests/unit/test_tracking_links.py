"""The secret in a tracking link."""

from urllib.parse import parse_qs, urlsplit

import pytest

from common.orders import tracking_links

KEY = b"k" * 32
NONCE = "Vq2-nonce"
NUMBER = "ORD_20261122_001"


def test_a_link_carries_the_number_and_a_secret_that_opens_it() -> None:
    parts = urlsplit(tracking_links.link(NUMBER, NONCE, "https://eat.example", KEY))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "eat.example", f"/track/{NUMBER}")
    [secret] = parse_qs(parts.query)["key"]
    assert tracking_links.opens(NUMBER, NONCE, secret, KEY)


def test_a_secret_opens_its_own_order_under_its_own_key_only() -> None:
    secret = tracking_links.secret_of(NUMBER, NONCE, KEY)
    assert not tracking_links.opens("ORD_20261122_002", NONCE, secret, KEY)
    assert not tracking_links.opens(NUMBER, NONCE, secret, b"K" * 32)


def test_a_secret_is_long_stays_the_same_and_needs_no_escaping_in_a_url() -> None:
    secret = tracking_links.secret_of(NUMBER, NONCE, KEY)
    assert secret == tracking_links.secret_of(NUMBER, NONCE, KEY)
    assert len(secret) == 24
    assert secret.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "secret",
    [
        None,
        "",
        5,
        True,
        [],
        {},
        b"x",
        "é",
        "\ud800",
        "x" * 10_000,
        tracking_links.secret_of(NUMBER, NONCE, KEY)[:-1],
    ],
)
def test_anything_else_opens_nothing(secret: object) -> None:
    assert not tracking_links.opens(NUMBER, NONCE, secret, KEY)


def test_an_order_that_gets_the_number_of_another_has_a_link_of_its_own() -> None:
    secret = tracking_links.secret_of(NUMBER, NONCE, KEY)
    assert not tracking_links.opens(NUMBER, "another", secret, KEY)
    assert not tracking_links.opens(NUMBER, None, secret, KEY)


def test_the_link_of_an_order_without_a_nonce_stays_what_it_was() -> None:
    assert tracking_links.opens(NUMBER, None, tracking_links.secret_of(NUMBER, None, KEY), KEY)
    assert tracking_links.secret_of(NUMBER, None, KEY) == "hFsprUW-jDi_Trr3o15RkCEa"
