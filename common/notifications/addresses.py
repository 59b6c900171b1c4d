"""E-mail addresses, and who has shown that they are theirs."""

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

_CONFIRM = text("""
    insert into mail_addresses (address, confirmed_at) values (lower(:address), now())
    on conflict (address) do update set confirmed_at = coalesce(mail_addresses.confirmed_at, now())
""")
# What somebody else may have said of the address of before, whose it never was shown to be, is not theirs.
_MOVE = text("""
    with former as (
        select wants, confirmed_at is not null or wants <> 'nothing' as is_theirs from mail_addresses
        where address = lower(:former)
    ), forgotten as (
        delete from mail_addresses
        where address = lower(:former) and address <> lower(:address) and wants <> 'nothing'
    )
    insert into mail_addresses (address, wants, confirmed_at)
    select lower(:address), coalesce((select wants from former where is_theirs), 'ready'), now()
    on conflict (address) do update set confirmed_at = coalesce(mail_addresses.confirmed_at, now())
""")


def confirm(session: Session, address: str) -> None:
    """Somebody has followed a link that was sent to the address: it is theirs, and from now on gets the news that
    its owner wants."""
    session.execute(_CONFIRM, {"address": address})


def move(session: Session, former: str, address: str) -> None:
    """Confirms `address`, which an account has now instead of `former`, and gives it the choice that its owner
    made there, unless they have made one here. `former` is forgotten; only where nothing was wanted it is
    remembered, as everywhere, so that nobody asks there again."""
    session.execute(_MOVE, {"former": former, "address": address})
