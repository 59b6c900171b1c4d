"""Erasing what the house holds about one person.

Orders stay, as accounting needs them; the account goes, and with it whatever its tokens were good for. It is done
in bites, each a transaction, and the account is the last of them: what was interrupted is called again, and goes
on. A second time changes nothing.
"""

from collections.abc import Sequence
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import TextClause, text

from common.errors import LastAdmin, StillOpen
from common.notifications import deliveries
from common.observability import logs
from common.orders import front
from common.orders.lifecycle import ADMIN, STAFF
from common.postgres.sessions import Sessions
from common.postgres.statements import statement
from common.settings import Settings
from order_service.accounts import managing
from order_service.orders.over import IS_OVER
from order_service.personal_data import dead_letters
from order_service.personal_data.whose import Whose, find

#: The name on an order whose customer was erased.
ERASED = "erased"
_BITE = 100  # orders of one transaction
_IDS = 20_000  # orders whose histories, or deliveries, one transaction looks through
_SHOWN = 20  # orders that a refusal names

# Messages that wait hold what they tell of, and go out as they are.
_OPEN = text(f"""
    select o.number from orders o where o.id = any(:ids)
        and (not {IS_OVER} or exists (select 1 from outbox where body ->> 'order_number' = o.number))
    order by o.id limit {_SHOWN}
""")
_ERASE = text(
    statement(
        __file__,
        "erase",
        is_over=IS_OVER,
        erased=ERASED,
        email=deliveries.EMAIL,
        own_reasons=", ".join(f"'{reason}'" for reason in front.REASONS),
    )
)
_ERASE_NAMED = text("""
    update orders set notification_email = null
    where lower(notification_email) = :email and customer_id is not null
    returning number
""")
# Each by an index.
_ERASE_LETTERS = (
    text("delete from notification_deliveries where recipient = :email and channel = 'email' returning id"),
    text("delete from notification_deliveries where user_id = cast(:account as bigint) returning id"),
)
_ERASE_WISHES = text("delete from mail_addresses where address = :email")
_LAST_ORDER = text("select coalesce(max(id), 0) from orders")
_LAST_DELIVERY = text("select coalesce(max(id), 0) from notification_deliveries")
_IS_WORKER = text("select exists (select 1 from workers where name = :name)")
_SIGNED = text(f"""
    with steps as (
        update order_status_log set changed_by = '{STAFF}'
        where order_id > :after and order_id <= :after + {_IDS} and changed_by = :name returning 1
    ), orders_in_hand as (
        update orders set processed_by = '{STAFF}'
        where id > :after and id <= :after + {_IDS} and processed_by = :name returning 1
    )
    select (select count(*) from steps) + (select count(*) from orders_in_hand)
""")
_SIGNED_NEWS = text(f"""
    with news as (
        update notification_deliveries set data = data || '{{"changed_by": "{STAFF}"}}'
        where id > :after and id <= :after + {_IDS} and data ->> 'changed_by' = :name returning 1
    )
    select count(*) from news
""")
_LOCKED = text("select 1 from users where id = :id for update")
_FORGET_KEYS = text("delete from idempotency_keys where key like :of_account")
_FORGET_ACCOUNT = text("delete from users where id = :id")


def erase(sessions: Sessions, settings: Settings, whose: object) -> dict[str, Any]:
    """Erase somebody: an account, by its id or e-mail, with its orders; a guest's orders by their e-mail; one
    order by its number. Returns how much of what it was.

    Raises Invalid; StillOpen, with nothing erased, while an order of theirs is not over or a message about one
    waits; LastAdmin; and Unavailable when PostgreSQL or RabbitMQ is away, after which it is called again.
    """
    with sessions.begin() as session:
        person = find(session, whose)
        _must_be_over(session, person.orders(session))
        _must_leave_an_admin(session, person)
        numbers = person.numbers(session)
    # These first: afterwards nothing would tell that they are about this person.
    dead = dead_letters.drop(settings, numbers)
    orders = _erase_orders(sessions, person)
    named_on, letters = _erase_address(sessions, person)
    steps = _erase_signature(sessions, person)
    _erase_account(sessions, person)
    done: dict[str, Any] = {
        "account": person.account is not None,
        "orders": orders,
        "address_on_orders_of_others": named_on,
        "signatures_of_staff": steps,
        "letters": letters,
        "dead_letters": dead,
    }
    logs.event(
        "person_erased", "what the house held about a person is gone", user_id=person.keys()["account"], **done
    )
    return done


def _must_be_over(session: Session, ids: Sequence[int]) -> None:
    if numbers := session.execute(_OPEN, {"ids": list(ids)}).scalars().all():
        detail = "Orders are not over yet, or messages about them wait: erase when they are."
        raise StillOpen(detail, {"orders": list(numbers)})


def _must_leave_an_admin(session: Session, person: Whose) -> None:
    if person.account is None or person.account.role != ADMIN:
        return
    if session.execute(managing.ADMINS).scalars().all() == [person.account.id]:
        raise LastAdmin("Make somebody else an admin first.")


def _erase_orders(sessions: Sessions, person: Whose) -> int:
    erased = 0
    while True:
        with sessions.begin_in_background() as session:
            ids = person.orders(session, _BITE)
            numbers = session.execute(_ERASE, {"ids": list(ids), "number": person.number}).scalars().all()
        if numbers:
            logs.event(
                "orders_erased", f"{len(numbers)} orders tell of nobody any more", order_numbers=list(numbers)
            )
        erased += len(numbers)
        # By its number an order is found again; one that came meanwhile is not over.
        if len(numbers) < _BITE or person.number is not None:
            return erased


def _erase_address(sessions: Sessions, person: Whose) -> tuple[int, int]:
    """Off other people's orders, which stay theirs; and what was sent to it, or waits to be. How many of each."""
    with sessions.begin_in_background() as session:
        letters = sum(len(session.execute(each, person.keys()).all()) for each in _ERASE_LETTERS)
        session.execute(_ERASE_WISHES, {"email": person.email})
        return len(session.execute(_ERASE_NAMED, {"email": person.email}).all()), letters


def _erase_signature(sessions: Sessions, person: Whose) -> int:
    """Whoever worked here signed what they did, with a name that is theirs alone; a worker's of the same name
    stays. No index finds it: all histories are looked through, some at a time, and what was sent of them."""
    if person.account is None:
        return 0
    name = person.account.username
    with sessions.begin_in_background() as session:
        if session.execute(_IS_WORKER, {"name": name}).scalar_one():
            return 0
    signed = _sign_as_staff(sessions, _SIGNED, _LAST_ORDER, name)
    _sign_as_staff(sessions, _SIGNED_NEWS, _LAST_DELIVERY, name)
    return signed


def _sign_as_staff(sessions: Sessions, some: TextClause, last_id: TextClause, name: str) -> int:
    """Replace a name wherever it stands, up to the last id of now; returns in how many places it stood."""
    signed = after = 0
    with sessions.begin_in_background() as session:
        last = session.execute(last_id).scalar_one()
    while after < last:
        with sessions.begin_in_background() as session:
            signed += session.execute(some, {"after": after, "name": name}).scalar_one()
        after += _IDS
    return signed


def _erase_account(sessions: Sessions, person: Whose) -> None:
    if person.account is None:
        return
    with sessions.begin_in_background() as session:
        session.execute(_LOCKED, {"id": person.account.id})  # from here on nobody orders in its name
        _must_leave_an_admin(session, person)
        _must_be_over(session, person.orders(session))
        session.execute(_FORGET_KEYS, {"of_account": person.prefix_of_keys()})
        session.execute(_FORGET_ACCOUNT, {"id": person.account.id})
