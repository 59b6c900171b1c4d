"""Where a webhook may lead to."""

from ipaddress import ip_address

import pytest

from notifier_service.webhooks import addresses
from notifier_service.webhooks.addresses import Destination, NotAllowed


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
        *("192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "192.0.2.1"),
        *("255.255.255.255", "198.18.0.1", "198.51.100.7", "203.0.113.5"),
        *("::", "::1", "fe80::1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "64:ff9b::7f00:1"),
        *("64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::1", "2002:808:808::1", "2001:0:808:808::1"),
        *("100::1", "4000::1", "fe80::1%eth0"),
    ],
)
def test_what_is_not_one_computers_on_the_internet(address: str) -> None:
    assert not addresses.is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808"])
def test_what_is(address: str) -> None:
    assert addresses.is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "destination", "host_header"),
    [
        ("https://example.com", Destination(True, "example.com", 443, "/"), "example.com"),
        ("https://EXAMPLE.com:443/a?b=c", Destination(True, "example.com", 443, "/a?b=c"), "example.com"),
        ("https://example.com:8443/a", Destination(True, "example.com", 8443, "/a"), "example.com:8443"),
        ("http://example.com/a", Destination(False, "example.com", 80, "/a"), "example.com"),
        ("http://example.com:443/", Destination(False, "example.com", 443, "/"), "example.com:443"),
        (
            "https://[2606:4700::1111]:1024/",
            Destination(True, "2606:4700::1111", 1024, "/"),
            "[2606:4700::1111]:1024",
        ),
        (
            "https://xn--bcher-kva.example/",
            Destination(True, "xn--bcher-kva.example", 443, "/"),
            "xn--bcher-kva.example",
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, destination: Destination, host_header: str) -> None:
    assert addresses.read(url) == destination
    assert destination.host_header == host_header


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "example.com",
            "//example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://",
            "https:///a",
        ),
        *("https://ada@example.com/", "https://ada:secret@example.com/", "https://@example.com/"),
        *(
            "https://example.com/#part",
            "https://example.com/#",
            "https://example.com/a b",
            "https://example.com/\r\nA: b",
        ),
        *("https://example.com/\u00e4", "https://b\u00fccher.example/", "https://example.com\\@evil.example/"),
        *(
            "https://example.com:22/",
            "https://example.com:0/",
            "https://example.com:65536/",
            "https://example.com:x/",
        ),
        *("https://127.1/", "https://0x7f.1/", "https://0177.0.0.1/", "https://2130706433/", "https://1.2.3.4.5/"),
        *("https://example.0x7f/", "https://-a.example/", "https://a..example/", "https://example.com./"),
        *("https://[::1/", "https://[::1%25eth0]/", "https://[v1.a]/", f"https://{'a' * 64}.example/"),
        *(f"https://{'a.' * 127}example/", "https://example.com/" + "a" * 2048, "https://%31%32%37.0.0.1/"),
    ],
)
def test_what_is_no_url_for_a_webhook(url: str) -> None:
    with pytest.raises(NotAllowed):
        addresses.read(url)


@pytest.mark.parametrize(
    ("url", "allow_http", "allow_private", "refused"),
    [
        ("https://example.com/", False, False, None),
        ("http://example.com/", False, True, "https"),
        ("http://example.com/", True, False, None),
        ("https://10.0.0.1/", False, False, "private"),
        ("https://[::ffff:10.0.0.1]/", False, False, "private"),
        ("https://10.0.0.1/", False, True, None),
        ("https://8.8.8.8/", False, False, None),
        # Which is looked at when it is resolved.
        ("https://localhost/", False, False, None),
    ],
)
def test_what_the_house_allows(url: str, allow_http: bool, allow_private: bool, refused: str | None) -> None:
    why = addresses.refusal(addresses.read(url), allow_http=allow_http, allow_private=allow_private)
    assert why is None if refused is None else why is not None and refused in why
