"""Sending an order that waits to the front of the line, and back to its place, in one SQL statement: front.sql.

It is no move: the order's status stays, and no event tells of it. Its history does, by a row of the same status
with one of the reasons below. Tickets cannot be taken out of their queue, so the order gets another one, of its
new priority. Whichever comes first is cooked, and the others change nothing; but one of a priority above the
order's is void, since the order was put back in its place (`kitchen_service/stove.py`).
"""

from dataclasses import dataclass
from datetime import datetime

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.errors import IllegalMove, NotFound
from common.observability import logs, traces
from common.orders import events, lifecycle, messages, topology, waking
from common.postgres.statements import statement

SENT = "sent to the front"
PUT_BACK = "back in its place"
#: The reasons in a history that nobody typed, so that everybody may read them.
REASONS = (SENT, PUT_BACK)

_FRONT = text(
    statement(
        __file__,
        "front",
        front=str(topology.MAX_PRIORITY),
        received=lifecycle.RECEIVED,
        exchange=events.exchange_of("order_service"),
        routing_key=events.ORDER_PLACED,
        body=messages.order_placed(
            "c",
            items=messages.items_of("c"),
            event_id="e.id",
            request_id="cast(:request_id as text)",
        ),
        wake_screens=waking.wake_screens(),
    )
)
#: What to do with an order that does not wait.
_INSTEAD = {
    lifecycle.COOKING: "Ask {holder} to hurry.",
    lifecycle.READY: "Hand it over, or recall it if it has to be made again.",
    lifecycle.OUT_FOR_DELIVERY: "It is on its way.",
    lifecycle.COMPLETED: "The customer has it.",
    lifecycle.CANCELLED: "Place it again if it is wanted after all.",
    lifecycle.FAILED: "Replay its dead letter, or place it again.",
}


@dataclass(frozen=True)
class InLine:
    """An order that waits, and its place. `front_at` (UTC) is when it was sent to the front; None: it stands in
    its own place. `is_changed` is False when it was there already."""

    order_number: str
    status: str
    priority: int
    front_at: datetime | None
    is_changed: bool

    def as_answer(self) -> dict[str, object]:
        """What HTTP and RPC answer."""
        return {
            "order_number": self.order_number,
            "status": self.status,
            "priority": self.priority,
            "front_at": self.front_at,
        }


def send(session: Session, number: str, by: str, *, undo: bool = False) -> InLine:
    """Send order `number` to the front, as a member of staff called `by`; with `undo` put it back in its place.
    Doing it again changes nothing. Raises NotFound, and IllegalMove for an order that does not wait.
    """
    values = {
        "number": number,
        "undo": undo,
        "by": by,
        "reason": PUT_BACK if undo else SENT,
        "request_id": logs.current_request_id(),
        "traceparent": traces.traceparent(),
    }
    row = session.execute(_FRONT, values).one_or_none()
    if row is None:
        raise NotFound(f"There is no order {number}.")
    if row.status != lifecycle.RECEIVED:
        allowed = lifecycle.targets(row.status, lifecycle.EMPLOYEE, row.order_type)
        raise IllegalMove(
            refusal(number, row.status, row.processed_by, undo=undo),
            {"current_status": row.status, "allowed": list(allowed)},
        )
    return InLine(row.number, row.status, row.priority, row.front_at, row.is_changed)


def refusal(number: str, status: str, holder: str | None, *, undo: bool) -> str:
    """Why an order that does not wait stays where it is, and what to do. `holder` has it in hand, or had it."""
    what = "be put back in its place" if undo else "be sent to the front"
    instead = "" if undo else " " + _INSTEAD[status].format(holder=holder or "who cooks it")
    return f"{number} is {status}: only an order that waits can {what}.{instead}"
