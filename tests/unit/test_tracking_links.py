"""The secret in a tracking link."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from common.orders import tracking_links
from common.orders.tracking_links import TrackingLinks

KEY = b"k" * 32
NONCE = "Vq2-nonce"
NUMBER = "ORD_20261122_001"
NOW = datetime.now(UTC)


def links(*keys: bytes) -> TrackingLinks:
    return TrackingLinks(keys or (KEY,), timedelta(days=30), "https://eat.example")


def test_a_link_carries_the_number_and_a_secret_that_opens_it() -> None:
    parts = urlsplit(links().link(NUMBER, NONCE))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "eat.example", f"/track/{NUMBER}")
    [secret] = parse_qs(parts.query)["key"]
    assert links().opens(NUMBER, NONCE, NOW, secret)


def test_a_secret_opens_its_own_order_under_its_own_key_only() -> None:
    secret = tracking_links.secret_of(NUMBER, NONCE, KEY)
    assert not links().opens("ORD_20261122_002", NONCE, NOW, secret)
    assert not links(b"K" * 32).opens(NUMBER, NONCE, NOW, secret)


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
    assert not links().opens(NUMBER, NONCE, NOW, secret)


def test_an_order_that_gets_the_number_of_another_has_a_link_of_its_own() -> None:
    secret = tracking_links.secret_of(NUMBER, NONCE, KEY)
    assert not links().opens(NUMBER, "another", NOW, secret)
    assert not links().opens(NUMBER, None, NOW, secret)


def test_the_link_of_an_order_without_a_nonce_stays_what_it_was() -> None:
    assert links().opens(NUMBER, None, NOW, tracking_links.secret_of(NUMBER, None, KEY))
    assert tracking_links.secret_of(NUMBER, None, KEY) == "hFsprUW-jDi_Trr3o15RkCEa"


def test_while_keys_change_both_open_and_the_new_one_makes_the_links() -> None:
    both = links(b"N" * 32, KEY)
    assert both.opens(NUMBER, NONCE, NOW, tracking_links.secret_of(NUMBER, NONCE, KEY))
    assert both.opens(NUMBER, NONCE, NOW, both.secret_of(NUMBER, NONCE))
    assert both.secret_of(NUMBER, NONCE) == tracking_links.secret_of(NUMBER, NONCE, b"N" * 32)


def test_a_link_ends_its_time_after_the_order_was_placed() -> None:
    secret = links().secret_of(NUMBER, NONCE)
    a_month_ago = NOW - timedelta(days=30)
    assert links().opens(NUMBER, NONCE, a_month_ago + timedelta(hours=1), secret)
    assert not links().opens(NUMBER, NONCE, a_month_ago, secret)
