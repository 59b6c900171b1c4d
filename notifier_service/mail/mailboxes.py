"""E-mail addresses, as letters carry them."""

from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr


class NoAddress(Exception):
    """A mail server would not take it for an address."""


def mailbox(address: str, name: str = "") -> Address:
    """Where a letter goes to, or comes from. A domain with letters beyond ASCII is written as machines know it.

    Raises NoAddress for what is none, and for letters beyond ASCII before the @, which only some servers take.
    """
    user, _, domain = address.rpartition("@")
    try:
        if not user or not domain or not user.isascii() or any(not each.isprintable() for each in address + name):
            raise NoAddress
        found = Address(name, user, domain.encode("idna").decode())
        Address(addr_spec=found.addr_spec)  # which takes it apart again
    except (MessageError, ValueError, IndexError) as exc:
        raise NoAddress from exc
    return found


def sender(written: str) -> Address:
    """An address with a name or without: Mario's <orders@eat.example>. Raises NoAddress."""
    name, address = parseaddr(written)
    if not written.isprintable():
        raise NoAddress
    return mailbox(address, name)
