"""From a name to addresses, without holding up the process: the system's resolver blocks whoever asks it."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import eventlet
from eventlet import patcher, tpool

_SECONDS = 5.0
_MAX_AT_ONCE = 16  # names; a resolver that does not answer keeps a thread for as long as it likes
_MAX_ADDRESSES = 16  # of one name, that are looked at

_socket: Any = patcher.original("socket")
_under_way: dict[tuple[str, int], Any] = {}  # one look-up of a name, however many wait for it


class Unresolved(Exception):
    """The name has no address, or none that was told in time; the message says which."""


def addresses_of(name: str, port: int) -> list[IPv4Address | IPv6Address]:
    """A host's addresses, in the order in which the system would try them; at least one. An address is its own.

    Raises Unresolved, at the latest after five seconds.
    """
    lookup = _under_way.get((name, port))
    if lookup is None:
        if len(_under_way) >= _MAX_AT_ONCE:
            raise Unresolved("too many names are being looked up")
        lookup = _under_way[name, port] = eventlet.spawn(_look_up, name, port)
    found: list[IPv4Address | IPv6Address] | None = None
    with eventlet.Timeout(_SECONDS, False):
        found = lookup.wait()
    if not found:
        raise Unresolved("its name was not resolved in time" if found is None else "its name has no address")
    return found


def _look_up(name: str, port: int) -> list[IPv4Address | IPv6Address]:
    """In a thread. Its place is free again when the thread is, whether somebody still waits for it or not."""
    try:
        found: list[IPv4Address | IPv6Address] = tpool.execute(_ask_the_system, name, port)
        return found
    finally:
        del _under_way[name, port]


def _ask_the_system(name: str, port: int) -> list[IPv4Address | IPv6Address]:
    try:
        entries = _socket.getaddrinfo(name, port, type=_socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ip_address(str(where[0]).partition("%")[0]) for *_, where in entries[:_MAX_ADDRESSES]]
