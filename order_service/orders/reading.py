"""Reading an order back: in full for whoever it concerns, as a status for everybody else."""

from collections.abc import Sequence

from nameko_sqlalchemy.database import Session
from sqlalchemy import select

from common.accounts.access import Visibility
from common.orders.numbers import is_order_number
from common.orders.queries import Standing
from common.orders.tables import Order, OrderItem


def find(session: Session, order_number: object) -> Order | None:
    """The order of that number."""
    if not is_order_number(order_number):
        return None
    return session.scalars(select(Order).where(Order.number == order_number)).one_or_none()


def status_only(standing: Standing) -> dict[str, object]:
    """What the number alone tells; nothing personal."""
    return {
        "order_number": standing.number,
        "status": standing.status,
        "updated_at": standing.updated_at,
        "estimated_completion": standing.estimated_completion,
    }


def in_full(session: Session, order: Order, seen: Visibility) -> dict[str, object]:
    """Everything that the customer said, as the table has it; the address for notifications is theirs alone."""
    full = described(session, [order])[0]
    if seen is Visibility.FULL:
        full["notification_email"] = order.notification_email
    return full


def described(session: Session, orders: Sequence[Order]) -> list[dict[str, object]]:
    """What staff need of orders, as the table has it: of one that waits, no estimate."""
    items: dict[int, list[dict[str, object]]] = {order.id: [] for order in orders}
    wanted = (
        select(OrderItem).where(OrderItem.order_id.in_(items)).order_by(OrderItem.order_id, OrderItem.position)
    )
    for item in session.scalars(wanted):
        items[item.order_id].append(
            {"name": item.name, "quantity": item.quantity, "price": item.price, "note": item.note}
        )
    return [
        {
            "order_number": order.number,
            "status": order.status,
            "updated_at": order.updated_at,
            "estimated_completion": order.estimated_completion,
            "customer_name": order.customer_name,
            "order_type": order.order_type,
            "table_number": order.table_number,
            "delivery_address": order.delivery_address,
            "items": items[order.id],
            "allergies": order.allergies,
            "total_amount": order.total_amount,
            "priority": order.priority,
            "placed_at": order.placed_at,
            "first_estimate": order.first_estimate,
            "station": order.accepted_by,
            "processed_by": order.processed_by,
            "reason": order.reason,
        }
        for order in orders
    ]


def nonces(session: Session, order_numbers: Sequence[str]) -> dict[str, str | None]:
    """What the tracking links of those orders are made of, by number."""
    wanted = select(Order.number, Order.link_nonce).where(Order.number.in_(order_numbers))
    return {row.number: row.link_nonce for row in session.execute(wanted)}
