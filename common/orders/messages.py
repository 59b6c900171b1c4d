"""Expedite's messages as values, and the one place where each is put together.

A message has one field for each property of its contract (contracts/*.json), and a test holds the two together.
Its body is written by the SQL statement that makes it true, so its author is an SQL expression: `order_placed()`
for a row of `orders`, whoever sends it, and `status_changed()` for a row that was moved. Its readers get it as a
value.

A field with a default is a member that messages of before do not have.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from common import codec
from common.orders import events

# Times inside a body that PostgreSQL writes, in the same form as common.codec.iso.
_ISO = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""


@dataclass(frozen=True, kw_only=True)
class Message:
    """What every message has."""

    event: ClassVar[str]  # its contract's name
    event_id: str
    request_id: str
    schema_version: int

    @classmethod
    def read(cls, body: Any) -> Self:
        """The message with that body; members that it has beyond the contract are left out.

        Raises ContractBroken, which names what is wrong.
        """
        events.check(cls.event, body)
        return cls(**{name: body[name] for name in _names(cls) if name in body})


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Message):
    """An order for the kitchen: the ticket. Amounts are Decimal, `prep_seconds` is at speed 1, times are UTC. An
    item is {"name", "quantity", "price", "note"}; `allergies` are of the fourteen (common/orders/allergens.py)."""

    event = events.ORDER_PLACED
    order_number: str
    customer_name: str = dataclasses.field(repr=False)
    order_type: str
    table_number: int | None
    delivery_address: str | None = dataclasses.field(repr=False)
    items: Sequence[dict[str, object]] = dataclasses.field(repr=False)  # which have the customer's notes
    allergies: Sequence[str] = dataclasses.field(default=(), repr=False)
    total_amount: Any
    priority: int
    prep_seconds: int
    placed_at: str

    def __post_init__(self) -> None:
        # An item without a note says nothing of one, as those did that were sent before there were notes.
        object.__setattr__(self, "items", [{"note": None, **item} for item in self.items])


@dataclass(frozen=True, kw_only=True)
class StatusChanged(Message):
    """An order got another status. `sequence` counts an order's changes: one that is not newer than what is known
    of the order is old news."""

    event = events.ORDER_STATUS_CHANGED
    order_number: str
    order_type: str
    old_status: str
    new_status: str
    changed_by: str
    timestamp: str
    estimated_completion: str | None
    reason: str | None
    sequence: int


def order_placed(order: str, *, items: str, event_id: str, request_id: str) -> str:
    """SQL: the body of OrderPlaced for `order`, an alias of a row of `orders`; the rest are expressions."""
    return _body(
        OrderPlaced,
        event_id=event_id,
        request_id=request_id,
        order_number=f"{order}.number",
        customer_name=f"{order}.customer_name",
        order_type=f"{order}.order_type",
        table_number=f"{order}.table_number",
        delivery_address=f"{order}.delivery_address",
        items=items,
        allergies=f"{order}.allergies",
        total_amount=f"{order}.total_amount",
        priority=f"{order}.priority",
        prep_seconds=f"{order}.prep_seconds",
        placed_at=placed_at(order),
    )


def placed_at(order: str) -> str:
    """SQL: when `order` was placed, as its ticket says. With the number that tells which order is meant: after a
    restore a number may be given again, to another order."""
    return f"to_char({order}.placed_at, {_ISO})"


def changed_at(step: str) -> str:
    """SQL: when `step`, a row of `order_status_log`, was made, as StatusChanged says it."""
    return f"to_char({step}.changed_at, {_ISO})"


def items_of(order: str) -> str:
    """SQL: the items of OrderPlaced for `order`, an alias of a row of `orders` that was written before."""
    return f"""(
        select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', i.name, 'quantity', i.quantity,
            'price', i.price, 'note', i.note)) order by i.position)
        from order_items i where i.order_id = {order}.id)"""


def status_changed(order: str, *, event_id: str, request_id: str, changed_by: str, old_status: str) -> str:
    """SQL: the body of StatusChanged for `order`, an alias of a row of `orders` as it is after the move; the rest
    are expressions."""
    return _body(
        StatusChanged,
        event_id=event_id,
        request_id=request_id,
        order_number=f"{order}.number",
        order_type=f"{order}.order_type",
        old_status=old_status,
        new_status=f"{order}.status",
        changed_by=changed_by,
        timestamp=f"to_char({order}.updated_at, {_ISO})",
        estimated_completion=f"to_char({order}.estimated_completion, {_ISO})",
        reason=f"{order}.reason",
        sequence=f"{order}.sequence",
    )


def dead_letter_headers(reason: str, queue: str, attempts: int, failed_by: str) -> dict[str, str | int]:
    """What a dead letter says besides its body: why it is one, where it came from, how often it failed, when
    (now), and in whose hands."""
    return {
        "reason": reason,
        "queue": queue,
        "attempts": attempts,
        "failed_at": codec.iso(datetime.now(UTC)),
        "failed_by": failed_by,
    }


def _names(message: type[Message]) -> list[str]:
    return [field.name for field in dataclasses.fields(message)]


def _body(message: type[Message], **members: str) -> str:
    members["schema_version"] = str(events.SCHEMA_VERSION)
    pairs = (f"'{name}', {members[name]}" for name in _names(message))
    return f"jsonb_build_object({', '.join(pairs)})"
