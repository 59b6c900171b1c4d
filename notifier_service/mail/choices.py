"""Who gets news by e-mail: the owners of addresses who have followed a link to say so, and what each wants.

The links carry the number of the address in mail_addresses, and so no address. After a restore a number may be
given again, to another address; so they carry what only the right one matches, too."""

import hmac
from dataclasses import dataclass

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.accounts import links
from common.errors import Forbidden, LinkEnded
from common.orders.lifecycle import CANCELLED, COOKING, DELIVERY, FAILED, OUT_FOR_DELIVERY, READY
from common.pages.settings import PageSettings

EVERY_STEP, ONLY_READY, NOTHING = "every_step", "ready", "nothing"
CHOICES = (EVERY_STEP, ONLY_READY, NOTHING)

#: How long an address that has not answered is left alone.
ASK_AGAIN = "interval '1 day'"

#: SQL: the choice of address `m` covers what event `e` (jsonb) tells. Only ready: when an order can be had, or
#: will not be, or turned out not to be ready after all.
IS_WANTED = f"""(m.confirmed_at is not null and (m.wants = '{EVERY_STEP}' or m.wants = '{ONLY_READY}' and (
    e ->> 'new_status' = case e ->> 'order_type' when '{DELIVERY}' then '{OUT_FOR_DELIVERY}' else '{READY}' end
    or e ->> 'new_status' in ('{CANCELLED}', '{FAILED}')
    or e ->> 'old_status' = '{READY}' and e ->> 'new_status' = '{COOKING}' and e ->> 'order_type' <> '{DELIVERY}'
)))"""

_OF_LINK = text("select id, address, wants, confirmed_at is not null from mail_addresses where id = :id")
_OF_ADDRESS = text(
    "select id, address, wants, confirmed_at is not null from mail_addresses where address = :address"
)
_CHOOSE = text("""
    insert into mail_addresses (address, wants) values (:address, :wants)
    on conflict (address) do update set wants = excluded.wants
""")
_STILL_WANTED = text(f"""
    select m.id, {IS_WANTED} as is_wanted
    from (select cast(:event as jsonb) as e) heard, mail_addresses m where m.address = :address
""")


@dataclass(frozen=True)
class Address:
    """A row of mail_addresses."""

    id: int
    address: str
    wants: str
    is_confirmed: bool

    @property
    def is_closed(self) -> bool:
        """Whoever reads its mail has said that they want none, and perhaps it is a stranger's."""
        return self.wants == NOTHING and not self.is_confirmed

    def must_be_confirmed(self) -> None:
        """Raises Forbidden: who has shown only that an account has it chooses nothing for who reads its mail."""
        if not self.is_confirmed:
            raise Forbidden(
                "Nobody has said yes for this address yet. The letter that asks leads to where to choose."
            )


def of_link(session: Session, purpose: str, token: object, keys: tuple[bytes, ...]) -> Address:
    """The address that a letter's link is about. Raises LinkEnded for one that is none, or over."""
    number, _, mark = links.read(purpose, token, keys).subject.partition(".")
    row = session.execute(_OF_LINK, {"id": int(number)}).one_or_none()
    if row is None or not any(hmac.compare_digest(mark, _mark(row.address, key)) for key in keys):
        raise LinkEnded("This link is not good any more.")
    return Address(*row)


def of_address(session: Session, address: str) -> Address | None:
    """What is known of an address; None when it was never named."""
    row = session.execute(_OF_ADDRESS, {"address": address.lower()}).one_or_none()
    return None if row is None else Address(*row)


def choose(session: Session, address: Address, wants: str) -> None:
    """`wants` is of CHOICES. It holds from the next letter on."""
    session.execute(_CHOOSE, {"address": address.address, "wants": wants})


def is_still_wanted(session: Session, address: str, event: str) -> tuple[int, bool]:
    """The number of the address, and whether its owner (still) wants to be told of the event (JSON)."""
    row = session.execute(_STILL_WANTED, {"address": address, "event": event}).one_or_none()
    return (0, False) if row is None else (row.id, row.is_wanted)


def confirm_link(settings: PageSettings, address_id: int, address: str) -> str:
    """Where somebody says that they want news."""
    token = _token(links.CONFIRM_ADDRESS, settings, address_id, address)
    return f"{settings.notifier_url}/notifications/confirm?token={token}"


def choices_link(settings: PageSettings, address_id: int, address: str) -> str:
    """Where somebody chooses what they get."""
    token = _token(links.UNSUBSCRIBE, settings, address_id, address)
    return f"{settings.notifier_url}/notifications?token={token}"


def unsubscribe_link(settings: PageSettings, address_id: int, address: str) -> str:
    """Where mail programs say that somebody wants nothing more (RFC 8058)."""
    token = _token(links.UNSUBSCRIBE, settings, address_id, address)
    return f"{settings.notifier_url}/notifications/unsubscribe?token={token}"


def _token(purpose: str, settings: PageSettings, address_id: int, address: str) -> str:
    keys = settings.signing_keys()
    return links.issue(purpose, f"{address_id}.{_mark(address, keys[0])}", 0, keys)


def _mark(address: str, key: bytes) -> str:
    """Of one address, which nobody without the key can tell from it."""
    return hmac.digest(key, f"address:{address}".encode(), "sha256").hex()[:32]
