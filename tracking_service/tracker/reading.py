"""Where the facts of orders come from: three statements, for however many orders are looked at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.orders import queries
from common.orders.queries import Standing
from tracking_service.tracker.facts import Facts, Happened, Line

_ORDERS = f"""
    select {", ".join(Standing._fields)}, sequence, customer_id, link_nonce, placed_at, customer_name,
        table_number, total_amount, allergies, {queries.public_name("orders.processed_by")} as public_processed_by
    from orders where
"""
_BY_NUMBER = text(f"{_ORDERS} number = :number")
_BY_IDS = text(f"{_ORDERS} id = any(:ids)")
_HISTORY = text(f"""
    select l.order_id, l.status, l.changed_at, l.changed_by, l.reason,
        {queries.PUBLIC_CHANGED_BY} as public_changed_by
    from order_status_log l where l.order_id = any(:ids) order by l.order_id, l.sequence
""")
_ITEMS = text("""
    select order_id, name, quantity, note from order_items where order_id = any(:ids) order by order_id, position
""")


@dataclass(frozen=True)
class Item:
    """Some of one dish."""

    name: str
    quantity: int
    note: str | None


@dataclass(frozen=True)
class Ordered:
    """What was ordered, by whom: for the order's customer and for staff."""

    customer_name: str
    table_number: int | None
    items: list[Item]
    total_amount: Decimal
    allergies: list[str]


@dataclass(frozen=True)
class Record:
    """All that the tables say of an order."""

    standing: Standing
    sequence: int  # of its changes
    customer_id: int | None
    link_nonce: str | None
    placed_at: datetime
    public_processed_by: str | None
    ordered: Ordered
    history: list[Any]  # rows of _HISTORY

    def facts(self, estimate: datetime | None, line: Line | None, *, is_public: bool) -> Facts:
        """What is known of it: to everybody, without persons' names and what they wrote, or to those whom it
        concerns."""
        history = [
            Happened(row.status, row.changed_at, row.public_changed_by)
            if is_public
            else Happened(row.status, row.changed_at, row.changed_by, row.reason)
            for row in self.history
        ]
        return Facts(
            number=self.standing.number,
            order_type=self.standing.order_type,
            status=self.standing.status,
            history=history,
            estimate=estimate,
            first_estimate=self.standing.first_estimate,
            processed_by=self.public_processed_by if is_public else self.standing.processed_by,
            line=line,
        )


def records(session: Session, *, number: str | None = None, ids: Sequence[int] = ()) -> Mapping[int, Record]:
    """The order of that number, or those with these ids: those that there are, by id."""
    if number is not None:
        orders = session.execute(_BY_NUMBER, {"number": number}).all()
    else:
        orders = session.execute(_BY_IDS, {"ids": list(ids)}).all()
    ids = [row.id for row in orders]
    history = _by_order(session.execute(_HISTORY, {"ids": ids}))
    items = _by_order(session.execute(_ITEMS, {"ids": ids}))
    return {
        row.id: Record(
            standing=Standing(*(getattr(row, field) for field in Standing._fields)),
            sequence=row.sequence,
            customer_id=row.customer_id,
            link_nonce=row.link_nonce,
            placed_at=row.placed_at,
            public_processed_by=row.public_processed_by,
            ordered=Ordered(
                row.customer_name,
                row.table_number,
                [Item(item.name, item.quantity, item.note) for item in items.get(row.id, [])],
                row.total_amount,
                row.allergies,
            ),
            history=history.get(row.id, []),
        )
        for row in orders
    }


def _by_order(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.order_id, []).append(row)
    return found
