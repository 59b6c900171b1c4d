"""`Idempotency-Key`: a request that is sent twice places one order.

The key, the order and the first answer are written in one transaction, so a crash at any moment leaves all or
none of them. Of two requests at once the second waits for the first one's commit, and then gets its answer.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import codec
from common.errors import Invalid
from order_service.orders.form import OrderForm

_MOST_CHARACTERS = 200

# A key is free again after 24 hours.
_CLAIM = text("""
    insert into idempotency_keys as k (key, fingerprint, created_at) values (:key, :fingerprint, now())
    on conflict (key) do update set fingerprint = excluded.fingerprint, answer = null, created_at = now()
    where k.created_at < now() - interval '24 hours'
    returning key
""")
_ANSWERED = text("select fingerprint, answer::text as answer from idempotency_keys where key = :key")
_REMEMBER = text("update idempotency_keys set answer = cast(:answer as json) where key = :key")


def once(
    session: Session, key: str, form: OrderForm, place: Callable[[Session], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """The answer that `place` gave for this key and order, and whether it was given just now.

    Calls `place` only if the key is new; `session` must be in a transaction. Raises Invalid for a key that
    came with another order, or that is none.
    """
    is_text = isinstance(key, str) and key.isascii() and key.isprintable()  # RPC may send anything
    if not is_text or not 1 <= len(key) <= _MOST_CHARACTERS:
        raise _refuse(f"Must be 1 to {_MOST_CHARACTERS} printable ASCII characters.")
    fingerprint = _fingerprint(form)
    if session.execute(_CLAIM, {"key": key, "fingerprint": fingerprint}).one_or_none() is None:
        first = session.execute(_ANSWERED, {"key": key}).one()
        if first.fingerprint != fingerprint:
            raise _refuse("Was used for another order.")
        return codec.loads(first.answer), False
    answer = place(session)
    session.execute(_REMEMBER, {"key": key, "answer": codec.dumps(answer).decode()})
    return answer, True


def _fingerprint(form: OrderForm) -> str:
    """Equal for bodies that mean the same order, however they are written."""
    plain = orjson.dumps(asdict(form), default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(plain).hexdigest()


def _refuse(message: str) -> Invalid:
    return Invalid.fields([{"field": "Idempotency-Key", "message": message}])
