"""Whose data it is: an account's, with its orders, or a guest's, by the e-mail of their orders or an order's
number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.errors import Invalid
from common.form_fields import MAX_EMAIL
from common.orders.numbers import is_order_number

_ACCOUNT = text("""
    select id, email, username, role, created_at, disabled_at from users
    where id = cast(:id as bigint) or email = cast(:email as text)
""")
_ORDERS = text("""
    select id from orders where customer_id = cast(:account as bigint)
    union select id from orders where lower(notification_email) = cast(:email as text) and customer_id is null
    union select id from orders where number = cast(:number as text)
    order by id limit :most
""")
_NUMBERS = text("select number from orders where id = any(:ids) order by id")
# Somebody named this address on an order of their own account: that order is theirs.
_NAMED_ON = text("""
    select number from orders where lower(notification_email) = cast(:email as text)
        and customer_id is not null and customer_id is distinct from cast(:account as bigint)
    order by id
""")


@dataclass(frozen=True)
class Whose:
    """Somebody's account, if they have one, their e-mail in small letters, or one order's number."""

    account: Any = None  # a row: id, email, username, role, created_at, disabled_at (UTC)
    email: str | None = None
    number: str | None = None

    def keys(self) -> dict[str, Any]:
        """What statements ask for."""
        return {
            "account": None if self.account is None else self.account.id,
            "email": self.email,
            "number": self.number,
        }

    def prefix_of_keys(self) -> str | None:
        """What their account's idempotency keys are like, for SQL; None where there is no account."""
        return None if self.account is None else f"{self.account.id}:%"

    def orders(self, session: Session, most: int | None = None) -> Sequence[int]:
        """The ids of their orders, oldest first; at most so many."""
        return session.execute(_ORDERS, {**self.keys(), "most": most}).scalars().all()

    def numbers(self, session: Session) -> Sequence[str]:
        """The numbers of their orders."""
        return session.execute(_NUMBERS, {"ids": list(self.orders(session))}).scalars().all()

    def named_on(self, session: Session) -> Sequence[str]:
        """The numbers of other people's orders that have their e-mail for notifications."""
        return session.execute(_NAMED_ON, {"account": self.keys()["account"], "email": self.email}).scalars().all()


def find(session: Session, whose: object) -> Whose:
    """Who is meant by an account's id, an e-mail or an order's number; of an id that no account has, nobody.

    An order's number means that order alone. Raises Invalid for what is none of them.
    """
    if is_order_number(whose):
        return Whose(number=str(whose))
    given = str(whose).strip() if isinstance(whose, str | int) and not isinstance(whose, bool) else ""
    if given.isascii() and given.isdecimal() and len(given) <= 18:
        account = session.execute(_ACCOUNT, {"id": int(given), "email": None}).one_or_none()
        return Whose(account, None if account is None else account.email)
    if "@" in given and given.isprintable() and len(given) <= MAX_EMAIL:
        email = given.lower()
        return Whose(session.execute(_ACCOUNT, {"id": None, "email": email}).one_or_none(), email)
    message = "Must be an account's id, an e-mail, or an order's number."
    raise Invalid.fields([{"field": "whose", "message": message}])
