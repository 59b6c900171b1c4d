"""Taking an order off the board that was cancelled or failed: somebody has seen it."""

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.errors import IllegalMove, NotFound
from common.orders import lifecycle
from common.orders.waking import wake_screens

_CLEAR = text(f"""
    with before as (
        select id, order_type, status, cleared_at from orders where number = :number for update
    ), cleared as (
        update orders o set cleared_at = now() from before b
        where o.id = b.id and b.cleared_at is null and b.status in ('{lifecycle.CANCELLED}', '{lifecycle.FAILED}')
        returning o.id
    )
    select order_type, status, (select {wake_screens()} from cleared) from before
""")


def clear(session: Session, number: str) -> None:
    """Take it off all boards; again changes nothing. Raises NotFound, and IllegalMove for an order that goes on or
    was completed."""
    row = session.execute(_CLEAR, {"number": number}).one_or_none()
    if row is None:
        raise NotFound(f"There is no order {number}.")
    if row.status not in (lifecycle.CANCELLED, lifecycle.FAILED):
        allowed = lifecycle.targets(row.status, lifecycle.EMPLOYEE, row.order_type)
        instead = " Move it on instead." if allowed else ""
        raise IllegalMove(
            f"{number} is {row.status}: only what was cancelled or failed is cleared.{instead}",
            {"current_status": row.status, "allowed": list(allowed)},
        )
