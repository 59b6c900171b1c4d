"""`Idempotency-Key`: a request that is sent twice places one order.

The key and the first answer are written by the statement that places the order (`placing`), so a crash at any
moment leaves all or none of them. A key is free again after 24 hours.
"""

from dataclasses import dataclass
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import codec
from common.accounts.access import Person
from common.errors import Invalid

#: For how long a key is remembered, as SQL writes it.
REMEMBERED = "interval '24 hours'"
MAX_KEY = 200  # characters

_ANSWERED = text(f"""
    select k.fingerprint, k.answer::text as answer, o.link_nonce
    from idempotency_keys k left join orders o on o.number = k.answer ->> 'order_number'
    where k.key = :key and k.created_at >= now() - {REMEMBERED}
""")


@dataclass(frozen=True)
class Once:
    """What makes an order one that is placed once: a (scoped) key, what was asked for under it, and the answer to
    give, which gets the order's number when there is one."""

    key: str
    fingerprint: str
    answer: dict[str, object]


def scoped(key: str, person: Person) -> str:
    """The key as it is kept: each user's own, since nobody can know what others think of; guests share theirs.

    Raises Invalid for what is no key.
    """
    is_text = isinstance(key, str) and key.isascii() and key.isprintable()  # RPC may send anything
    if not is_text or not 1 <= len(key) <= MAX_KEY:
        raise _refuse(f"Must be 1 to {MAX_KEY} printable ASCII characters.")
    return f"{person.role if person.user_id is None else person.user_id}:{key}"


def answered(session: Session, key: str, fingerprint: str) -> tuple[dict[str, Any], str | None] | None:
    """The answer that was given for this (scoped) key and order, and the nonce of its link, if one was given.
    Raises Invalid for a key that came with another order."""
    first = session.execute(_ANSWERED, {"key": key}).one_or_none()
    if first is None:
        return None
    if first.fingerprint != fingerprint:
        raise _refuse("Was used for another order: send a new key.")
    return dict(codec.loads(first.answer)), first.link_nonce


def placed(session: Session, key: str) -> tuple[str, str | None] | None:
    """The number of the order that was placed with this (scoped) key, whatever was in it, and the nonce of its
    link."""
    first = session.execute(_ANSWERED, {"key": key}).one_or_none()
    return None if first is None else (codec.loads(first.answer)["order_number"], first.link_nonce)


def _refuse(message: str) -> Invalid:
    return Invalid.fields([{"field": "Idempotency-Key", "message": message}])
