"""Where a request came from."""

import functools
import ipaddress
import re

_MAX_ADDRESS = 64  # characters; an address of IPv6 with brackets, port and blanks has fewer


def client(peer: str, forwarded: str | None, trusted_proxies: int) -> str:
    """The client's address, in its one spelling; "" for what is none.

    Each trusted proxy has put the address that called it at the end of X-Forwarded-For (`forwarded`); what stands
    before those anybody can have written. `peer` is who holds the other end of the connection.
    """
    if trusted_proxies and forwarded is not None:
        passed = forwarded.split(",")[-trusted_proxies:]
        if len(passed) == trusted_proxies and len(passed[0]) <= _MAX_ADDRESS and (found := normal(passed[0])):
            return found
    return normal(peer) or ""


@functools.lru_cache(maxsize=1024)
def normal(address: str) -> str | None:
    """An address in its one spelling, without its port; of IPv6 the network (/64), which is one customer's. None
    for what is no address."""
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+|([0-9A-Fa-f:.]+)", address.strip())
    try:
        parsed = ipaddress.ip_address("".join(filter(None, found.groups()))) if found else None
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed else None
