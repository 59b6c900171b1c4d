"""An order as the board shows it: plain values, made of its ticket and the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from common.orders import lifecycle
from common.orders.allergens import in_order
from common.orders.open_orders import Item, Ticket
from common.pages.settings import AgeLimits
from kitchen_service.board import lanes
from kitchen_service.board.offers import Offers, offers

NEW_SECONDS = 20  # for which an order that has come is marked as new
#: Seconds after which what is ready has stood for too long: it grows cold.
STANDS_TOO_LONG = 300

IN_TIME = "in-time"
WARN = "warn"
LATE = "late"


@dataclass(frozen=True)
class Allergy:
    """What an order's customer must not eat, and where it is: dishes with what they contain of it. `unknown` are
    dishes that are not on the menu, of which nobody has said what they contain."""

    allergens: Sequence[str]
    contained: Sequence[tuple[str, Sequence[str]]]
    unknown: Sequence[str]


@dataclass(frozen=True)
class Card:
    """One order on the board, in `lane` (where no worker is missing), at `place` in it. Times are UTC. `since` is
    what its age counts from; `warn_at` and `late_at` are when it becomes slow and late, None where it cannot;
    `pace` is how it does now. `fills_at` is when the bar that shows its age is full, of which `filled` hundredths
    are."""

    ticket: Ticket
    lane: str
    place: str
    short: str
    day: date
    since: datetime
    warn: float | None
    late: float | None
    pace: str
    full: float
    filled: float
    is_new: bool
    waits_for_a_worker: bool
    allergy: Allergy | None
    offers: Offers
    by: str | None

    @classmethod
    def of(cls, ticket: Ticket, limits: AgeLimits, now: datetime) -> "Card":
        """As it stands now; `limits` are of its order type."""
        _, day, short = ticket.number.split("_")
        is_received = ticket.status == lifecycle.RECEIVED
        is_made = ticket.status in (lifecycle.READY, lifecycle.OUT_FOR_DELIVERY)
        since = ticket.updated_at if is_made else ticket.placed_at
        age = (now - since).total_seconds()
        warn, late = limits_of(ticket.status, limits)
        was_cooking = ticket.cooking_started_at is not None
        return cls(
            ticket=ticket,
            lane=lanes.lane_of(ticket),
            place=lanes.place(ticket),
            short=short,
            day=date(int(day[:4]), int(day[4:6]), int(day[6:])),
            since=since,
            warn=warn,
            late=late,
            pace=pace(age, warn, late),
            full=limits.late,
            filled=round(min(1.0, max(0.0, age / limits.late)) * 100, 1),
            is_new=is_received and age < NEW_SECONDS,
            waits_for_a_worker=lanes.waits_for_a_worker(ticket),
            allergy=allergy(ticket.allergies, ticket.items),
            offers=offers(
                ticket.status,
                ticket.order_type,
                ticket.changed_by,
                was_cooking=was_cooking,
                is_first=ticket.front_at is not None,
            ),
            by=ticket.processed_by if was_cooking and not is_received else None,
        )

    @property
    def pieces(self) -> int:
        """How many things are to be made."""
        return sum(item.quantity for item in self.ticket.items)

    @property
    def dishes(self) -> list[str]:
        """What they are, each once."""
        return list(dict.fromkeys(item.name for item in self.ticket.items))


def limits_of(status: str, limits: AgeLimits) -> tuple[float | None, float | None]:
    """Seconds after which an order with that status is slow, and late; None where it cannot be. What was made
    cannot be late any more, but grows cold; for what was stopped time does not count."""
    if status in (lifecycle.RECEIVED, lifecycle.COOKING):
        return limits.warn, limits.late
    return (STANDS_TOO_LONG, None) if status == lifecycle.READY else (None, None)


def pace(age: float, warn: float | None, late: float | None) -> str:
    """How an order of that age (seconds) does, which is slow after `warn` and late after `late`."""
    if late is not None and age >= late:
        return LATE
    return WARN if warn is not None and age >= warn else IN_TIME


def allergy(allergies: Sequence[str], items: Sequence[Item]) -> Allergy | None:
    """The order's allergy against what its dishes contain; None for an order without one."""
    if not allergies:
        return None
    known: Mapping[str, Sequence[str] | None] = {item.name: item.allergens for item in items}
    contained = [
        (name, in_order(set(allergens) & set(allergies)))
        for name, allergens in known.items()
        if allergens is not None
    ]
    return Allergy(
        in_order(allergies),
        [(name, found) for name, found in contained if found],
        [name for name, allergens in known.items() if allergens is None],
    )
