"""`Idempotency-Key`: a request that is sent twice places one order.

The key, the order and the first answer are written in one transaction, so a crash at any moment leaves all or
none of them. Of two requests at once the second waits for the first one's commit, and then gets its answer.
"""

from collections.abc import Callable
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import codec
from common.errors import Invalid
from order_service.access import Person

_MOST_CHARACTERS = 200

# A key is free again after 24 hours.
_CLAIM = text("""
    insert into idempotency_keys as k (key, fingerprint, created_at) values (:key, :fingerprint, now())
    on conflict (key) do update set fingerprint = excluded.fingerprint, answer = null, created_at = now()
    where k.created_at < now() - interval '24 hours'
    returning key
""")
_ANSWERED = text("""
    select fingerprint, answer::text as answer from idempotency_keys
    where key = :key and created_at >= now() - interval '24 hours'
""")
_REMEMBER = text("update idempotency_keys set answer = cast(:answer as json) where key = :key")


def scoped(key: str, person: Person) -> str:
    """The key as it is kept: each user's own, since nobody can know what others think of; guests share theirs.

    Raises Invalid for what is no key.
    """
    is_text = isinstance(key, str) and key.isascii() and key.isprintable()  # RPC may send anything
    if not is_text or not 1 <= len(key) <= _MOST_CHARACTERS:
        raise _refuse(f"Must be 1 to {_MOST_CHARACTERS} printable ASCII characters.")
    return f"{person.role if person.user_id is None else person.user_id}:{key}"


def answered(session: Session, key: str, fingerprint: str) -> dict[str, Any] | None:
    """The answer that was given for this (scoped) key and order, if one was. Raises Invalid for a key that came
    with another order."""
    first = session.execute(_ANSWERED, {"key": key}).one_or_none()
    if first is None:
        return None
    if first.fingerprint != fingerprint:
        raise _refuse("Was used for another order.")
    return dict(codec.loads(first.answer))


def once(
    session: Session, key: str, fingerprint: str, place: Callable[[Session], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """The answer that `place` gave for this (scoped) key and order, and whether it was given just now.

    Calls `place` only if the key is new; `session` must be in a transaction. Raises Invalid as `answered` does.
    """
    if session.execute(_CLAIM, {"key": key, "fingerprint": fingerprint}).one_or_none() is None:
        first = answered(session, key, fingerprint)
        assert first is not None  # noqa: S101  (the claim failed because of it, and it is locked)
        return first, False
    answer = place(session)
    session.execute(_REMEMBER, {"key": key, "answer": codec.dumps(answer).decode()})
    return answer, True


def _refuse(message: str) -> Invalid:
    return Invalid.fields([{"field": "Idempotency-Key", "message": message}])
