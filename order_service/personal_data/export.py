"""Everything that the house holds about one person, as one document."""

from collections.abc import Sequence
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import TextClause, select, text

from common import codec
from common.errors import NotFound
from common.live.snapshots import one_moment
from common.orders.tables import Order, OrderStatusLog
from common.postgres.sessions import Sessions
from order_service.orders.reading import described
from order_service.personal_data.whose import Whose, find

_BITE = 100  # orders of one transaction

_KEYS = text("""
    select key, answer::text as answer, created_at from idempotency_keys
    where key like :of_account or answer ->> 'order_number' = any(:numbers) order by created_at
""")
_DELIVERIES = text("""
    select channel, kind, recipient, order_number, data, status, attempts, created_at, ended_at, error
    from notification_deliveries
    where id in (
        select id from notification_deliveries where recipient = :email and channel = 'email'
        union select id from notification_deliveries where user_id = cast(:account as bigint)
        union select id from notification_deliveries where order_number = any(:numbers)
    )
    order by id
""")
_WISHES = text(
    "select address, wants, confirmed_at, asked_at, created_at from mail_addresses where address = :email"
)
_MESSAGES = text("""
    select exchange, routing_key, created_at, body from outbox
    where body ->> 'order_number' = any(:numbers) order by id
""")


def document(sessions: Sessions, whose: object, dead_letters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All of it; `dead_letters` are the bodies of those about their orders. Each order is as it was at one moment:
    many are read some at a time, so that no transaction is long.

    Secrets are left out: the password's hash, and what tracking links are made of. Raises Invalid, Unavailable,
    and NotFound when there is nothing.
    """
    with one_moment(sessions) as session:
        person = find(session, whose)
        ids = person.orders(session)
        told = _besides_orders(session, person)
    if person.account is None and not ids and not any(told.values()):
        raise NotFound("The house holds nothing about them.")
    orders: list[dict[str, Any]] = []
    for first in range(0, len(ids), _BITE):
        with one_moment(sessions) as session:
            orders += _orders(session, ids[first : first + _BITE])
    account = None if person.account is None else dict(person.account._mapping)
    return {"account": account, "orders": orders, **told, "dead_letters": list(dead_letters)}


def _besides_orders(session: Session, person: Whose) -> dict[str, list[Any]]:
    known = {**person.keys(), "numbers": list(person.numbers(session)), "of_account": person.prefix_of_keys()}

    def rows(statement: TextClause) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in session.execute(statement, known)]

    return {
        "address_on_orders_of_others": list(person.named_on(session)),
        "idempotency_keys": [
            {**row, "answer": row["answer"] and codec.loads(row["answer"])} for row in rows(_KEYS)
        ],
        "deliveries": rows(_DELIVERIES),
        "mail_addresses": rows(_WISHES),
        "messages_that_wait": rows(_MESSAGES),
    }


def _orders(session: Session, ids: Sequence[int]) -> list[dict[str, Any]]:
    orders = list(session.scalars(select(Order).where(Order.id.in_(ids)).order_by(Order.id)))
    history: dict[int, list[dict[str, Any]]] = {order.id: [] for order in orders}
    steps = (
        select(OrderStatusLog)
        .where(OrderStatusLog.order_id.in_(history))
        .order_by(OrderStatusLog.order_id, OrderStatusLog.sequence)
    )
    for step in session.scalars(steps):
        history[step.order_id].append(
            {
                "status": step.status,
                "changed_at": step.changed_at,
                "changed_by": step.changed_by,
                "reason": step.reason,
            }
        )
    return [
        {**told, "notification_email": order.notification_email, "history": history[order.id]}
        for told, order in zip(described(session, orders), orders, strict=True)
    ]
