"""Which lane of the board an order is in, what is first in it, and what is counted: plain functions on plain
values."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from common.orders import lifecycle
from common.orders.lifecycle import ORDER_TYPES
from common.orders.open_orders import Ticket, ToMake

WAITING = "waiting"
COOKING = "cooking"
READY = "ready"
AWAY = "away"  # on its way to who ordered it
NOBODY = "nobody"  # waits, and no worker online takes its type

LANES = (WAITING, COOKING, READY, AWAY, NOBODY)
ALL = "all"  # in counts, instead of one order type

STOPPED = (lifecycle.CANCELLED, lifecycle.FAILED)

_END = 10**14  # milliseconds

_BY_STATUS = {
    lifecycle.RECEIVED: WAITING,
    lifecycle.COOKING: COOKING,
    lifecycle.READY: READY,
    lifecycle.OUT_FOR_DELIVERY: AWAY,
}

ByType = Mapping[str, int]  # how many, by order type


def lane_of(ticket: Ticket, uncovered: Collection[str] = ()) -> str:
    """The lane. `uncovered` are the order types that no worker online takes. What was stopped stays where it was,
    until somebody clears it."""
    if ticket.status in STOPPED:
        return WAITING if ticket.cooking_started_at is None else COOKING
    if waits_for_a_worker(ticket) and ticket.order_type in uncovered:
        return NOBODY
    return _BY_STATUS[ticket.status]


def waits_for_a_worker(ticket: Ticket) -> bool:
    """True for one that nobody has in hand: no worker, and no people who took it from one."""
    return ticket.status == lifecycle.RECEIVED and ticket.accepted_by is None


def place(ticket: Ticket) -> str:
    """Sorts the orders of a lane, as text. What was sent to the front is first, the latest of it before the
    others; then the higher priority, then what has been there for longer. What is ready counts from when it became
    so; what was sent out last is the first of those that are on their way."""
    if ticket.status == lifecycle.READY:
        return f"{_millis(ticket.updated_at)}:{ticket.number}"
    if ticket.status == lifecycle.OUT_FOR_DELIVERY:
        return f"{_millis(ticket.updated_at, is_latest_first=True)}:{ticket.number}"
    if ticket.front_at is not None:
        return f"0:{_millis(ticket.front_at, is_latest_first=True)}:{ticket.number}"
    return f"1:{99 - ticket.priority:02}:{_millis(ticket.placed_at)}:{ticket.number}"


def _millis(moment: datetime, *, is_latest_first: bool = False) -> str:
    """A moment as text that sorts as it does; of the same length until the year 5138."""
    millis = round(moment.timestamp() * 1000)
    return f"{_END - millis if is_latest_first else millis:014}"


def counts(
    by_status: Mapping[tuple[str, str], int], stopped: Mapping[tuple[str, str], int], nobody: ByType
) -> dict[str, dict[str, int]]:
    """How many tickets there are, by lane and by order type; under ALL all of them. What is on its way is nobody's
    work any more, and not counted there.

    `by_status` has those that go on, by status and order type; `stopped` those that were stopped, by lane and
    order type; `nobody` those of the waiting ones that no worker online takes.
    """
    found = {
        lane: {
            order_type: by_status.get((status, order_type), 0) + stopped.get((lane, order_type), 0)
            for order_type in ORDER_TYPES
        }
        for status, lane in _BY_STATUS.items()
    }
    found[NOBODY] = {order_type: nobody.get(order_type, 0) for order_type in ORDER_TYPES}
    for order_type in ORDER_TYPES:
        found[WAITING][order_type] -= found[NOBODY][order_type]
    here = [lane for lane in found if lane != AWAY]
    found[ALL] = {order_type: sum(found[lane][order_type] for lane in here) for order_type in ORDER_TYPES}
    return {lane: {ALL: sum(by_type.values()), **by_type} for lane, by_type in found.items()}


@dataclass(frozen=True)
class Hidden:
    """What a filter hides: so many tickets, `nobodys` of them such as no worker online takes."""

    tickets: int
    nobodys: int


def hidden(counted: Mapping[str, ByType]) -> dict[str, Hidden]:
    """By the order type that is shown; of what counts() gives."""
    return {
        order_type: Hidden(
            counted[ALL][ALL] - counted[ALL][order_type], counted[NOBODY][ALL] - counted[NOBODY][order_type]
        )
        for order_type in ORDER_TYPES
    }


def all_day(to_make: Iterable[ToMake]) -> dict[str, list[tuple[str, int]]]:
    """What is still to make, by order type and under ALL: each dish with how many of it, the most first."""
    found: dict[str, dict[str, int]] = {order_type: {} for order_type in (ALL, *ORDER_TYPES)}
    for each in to_make:
        for order_type in (ALL, each.order_type):
            found[order_type][each.name] = found[order_type].get(each.name, 0) + each.quantity
    return {
        order_type: sorted(dishes.items(), key=lambda dish: (-dish[1], dish[0]))
        for order_type, dishes in found.items()
    }


def with_their_day(numbers: Iterable[str]) -> list[str]:
    """Which of the orders' numbers show their day: the older of those whose last part is the same, since numbers
    begin anew each day."""
    newest: dict[str, str] = {}
    shown = []
    for number in sorted(numbers):
        short = number.rpartition("_")[2]
        if short in newest:
            shown.append(newest[short])
        newest[short] = number
    return shown
