"""Where a webhook may lead to: the rules, on plain values. A name is looked up at each attempt (resolving.py);
here is what can be said of an address, and of a URL before anybody looks it up."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

MAX_URL = 2048  # characters

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_NAME = 253  # characters of a name in the DNS
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Printable ASCII, without what is never part of a URL as it goes over the wire.
_WRITTEN = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # the others are private, local, multicast, mapped, or nobody's yet
_LIKE_THIS = "Must be a URL, like https://example.com/orders."
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the way to IPv4 in a network that has none


class NotAllowed(ValueError):
    """A webhook may not lead there; the message says why, to whoever wants it to."""


@dataclass(frozen=True)
class Destination:
    """A URL, taken apart. `host` is a name in small letters, or an address without brackets; `target` is what
    stands in the request's first line."""

    is_secure: bool
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """As HTTP wants it: with brackets around an address of IPv6, and without the port that is the scheme's."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == _DEFAULT_PORTS["https" if self.is_secure else "http"]
        return host if is_usual else f"{host}:{self.port}"


def read(url: str) -> Destination:
    """The URL's parts. Raises NotAllowed for one that no webhook may have, whatever is set."""
    if len(url) > MAX_URL or not _WRITTEN.fullmatch(url):
        raise NotAllowed(f"Must be a URL of at most {MAX_URL} printable ASCII characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise NotAllowed(_LIKE_THIS) from exc
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise NotAllowed(_LIKE_THIS)
    if "@" in parts.netloc:
        raise NotAllowed("Must not hold a user or a password: the signature says who sends.")
    if "#" in url:
        raise NotAllowed("Must have no fragment: it would not be sent.")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    # Below 1024 live mail, directories and the like, which a request of ours could confuse.
    if port not in _DEFAULT_PORTS.values() and not 1024 <= port <= 65535:
        raise NotAllowed("The port must be 80, 443, or 1024 and above.")
    if _address(host) is None and ("[" in url or not _is_name(host)):
        raise NotAllowed("The host must be a name, or an address in its usual spelling.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme == "https", host, port, target)


def refusal(to: Destination, *, allow_http: bool, allow_private: bool) -> str | None:
    """Why a webhook may not lead there as this house is set, as far as that can be said before its name is looked
    up; None when it may."""
    if not to.is_secure and not allow_http:
        return "Must begin with https://."
    address = _address(to.host)
    if address is not None and not allow_private and not is_public(address):
        return "Must not lead to a private or local address."
    return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """True for an address that is one computer's on the internet. Not so: what is private, of this machine or this
    link, multicast, reserved, and ways to write an address of IPv4 as one of IPv6 (mapped, 6to4, Teredo), behind
    which a private one could hide. NAT64 counts as the address that it leads to."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST and address.is_global and address.sixtofour is None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return None if "%" in host else ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """True for a name that no resolver takes for an address: 127.1, 0x7f.1 and 2130706433 are such."""
    labels = host.split(".")
    is_number = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]) is not None
    return len(host) <= _MAX_NAME and not is_number and all(_LABEL.fullmatch(label) for label in labels)
