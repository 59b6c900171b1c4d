"""What a channel is: it sends a delivery to its receiver, and says how that went.

It knows nothing of queues, leases and retries, which are the same for all (`deliverer`)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True)
class Delivery:
    """A row of notification_deliveries that is to be sent now. `attempt` counts from 1; `sent_again` is how often
    somebody had it sent again by hand, and `tries` counts from 1 since then."""

    id: int
    event_id: UUID
    channel: str
    kind: str
    recipient: str = field(repr=False)
    order_number: str | None
    user_id: int | None
    data: dict[str, Any] = field(repr=False)
    traceparent: str | None
    attempt: int
    tries: int
    sent_again: int
    created_at: datetime


@dataclass(frozen=True)
class Sent:
    """The receiver's side has taken it."""


@dataclass(frozen=True)
class TryAgain:
    """It may work later; in `wait` seconds, if the other side asked for that. `why` is for people, in our words:
    no address, no secret, nothing that the other side said; so it is of the others, too."""

    why: str
    wait: float = 0.0


@dataclass(frozen=True)
class GivenUp:
    """It will never work."""

    why: str


@dataclass(frozen=True)
class Dropped:
    """It is not to be sent any more: nobody wants it, or it is old news."""

    why: str


Outcome = Sent | TryAgain | GivenUp | Dropped


class Channel(Protocol):
    """One for each process; `send()` runs in many threads at once."""

    #: As it stands in the table.
    name: str
    #: How many deliveries a process has in hand at a time, each of another receiver.
    places: int
    #: An attempt that takes longer is ended, and comes again.
    seconds: float
    #: SQL: common table expressions, separated by commas, of which the last is named `<name>_receivers` and has
    #: the columns event_id, kind, recipient, user_id: who is told of which event. They take from `heard`:
    #: event_id, order_number, and `event`, its body as jsonb.
    receivers: str

    @property
    def is_on(self) -> bool:
        """False when there is nothing to send by it: it costs nothing then. Asked for each event."""

    def send(self, delivery: Delivery) -> Outcome:
        """Send it, and wait until the receiver's side has taken it. What it raises counts as TryAgain."""
