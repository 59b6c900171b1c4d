"""Reading an order back: in full for whoever it belongs to, as a status for everybody else."""

from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import select

from common import read_model
from common.models import Order, OrderItem


def status_only(session: Session, order_number: str) -> dict[str, Any]:
    """What the number alone tells; nothing personal. Raises NotFound."""
    known = read_model.order_status(session, order_number)
    return {
        "order_number": known["order_number"],
        "status": known["current_status"],
        "updated_at": known["updated_at"],
        "estimated_completion": known["estimated_completion"],
    }


def in_full(session: Session, order_number: str) -> dict[str, Any]:
    """Everything that the customer said and was promised. Raises NotFound."""
    status = status_only(session, order_number)
    order = session.scalars(select(Order).where(Order.number == order_number)).one()
    items = session.scalars(select(OrderItem).where(OrderItem.order_id == order.id).order_by(OrderItem.position))
    return {
        **status,
        "customer_name": order.customer_name,
        "order_type": order.order_type,
        "table_number": order.table_number,
        "delivery_address": order.delivery_address,
        "items": [{"name": item.name, "quantity": item.quantity, "price": item.price} for item in items],
        "total_amount": order.total_amount,
        "priority": order.priority,
        "placed_at": order.placed_at,
        "processed_by": order.processed_by,
        "reason": order.reason,
    }
