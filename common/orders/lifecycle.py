"""An order's life: the one table of moves, and the questions that are asked of it.

Plain functions on plain values. `common.orders.moves` carries the moves out in PostgreSQL; nothing else decides
whether a move is allowed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

RECEIVED = "received"
COOKING = "cooking"
READY = "ready"
OUT_FOR_DELIVERY = "out_for_delivery"
COMPLETED = "completed"
CANCELLED = "cancelled"
FAILED = "failed"

STATUSES = (RECEIVED, COOKING, READY, OUT_FOR_DELIVERY, COMPLETED, CANCELLED, FAILED)

DINE_IN = "dine_in"
TAKEOUT = "takeout"
DELIVERY = "delivery"

ORDER_TYPES = (DINE_IN, TAKEOUT, DELIVERY)

CUSTOMER = "customer"  # whoever owns the order: a signed-in customer or a guest with the order's secret
EMPLOYEE = "employee"
ADMIN = "admin"
WORKER = "worker"  # a kitchen_service process
KITCHEN = "kitchen"  # the system itself: dead letters, the sweeper
STAFF = "staff"  # in a history that everybody may read: somebody who works here

#: The roles that an account can have; the first is what everybody begins with.
USER_ROLES = (CUSTOMER, EMPLOYEE, ADMIN)

_STAFF = (EMPLOYEE, ADMIN)


@dataclass(frozen=True)
class Move:
    """One allowed change of status.

    `roles` may make it; with `order_types` it exists for those orders only; a recall is possible within the recall
    window only, which begins when the order was completed (setting RECALL_WINDOW).
    """

    source: str
    target: str
    roles: tuple[str, ...]
    order_types: tuple[str, ...] = ORDER_TYPES
    is_recall: bool = False


MOVES = (
    Move(RECEIVED, COOKING, (WORKER, *_STAFF)),
    Move(RECEIVED, CANCELLED, (CUSTOMER, *_STAFF)),
    Move(COOKING, READY, (WORKER, *_STAFF)),
    Move(COOKING, CANCELLED, _STAFF),
    Move(RECEIVED, FAILED, (KITCHEN, *_STAFF)),
    Move(COOKING, FAILED, (KITCHEN, *_STAFF)),
    Move(FAILED, RECEIVED, (KITCHEN, *_STAFF)),  # its dead letter was replayed
    Move(READY, COOKING, _STAFF, is_recall=True),
    Move(READY, COMPLETED, _STAFF, (DINE_IN, TAKEOUT)),
    Move(READY, OUT_FOR_DELIVERY, _STAFF, (DELIVERY,)),
    Move(OUT_FOR_DELIVERY, COMPLETED, _STAFF, (DELIVERY,)),
)

#: What staff call their moves: the status that an order gets, and the one that it must have, where the table
#: leaves more than one.
STEPS: dict[str, tuple[str, str | None]] = {
    "start": (COOKING, RECEIVED),
    "ready": (READY, None),
    "dispatch": (OUT_FOR_DELIVERY, None),
    "complete": (COMPLETED, None),
    "recall": (COOKING, READY),
    "fail": (FAILED, None),
}

# What a time of an order is set to.
NOW = "now"
NEVER = "never"  # there is none any more
AFTER_COOKING = "after cooking"  # now and its preparation, at the pace of whoever cooks


@dataclass(frozen=True)
class Effects:
    """What getting a status does to an order besides; a time that is not named here stays as it is.

    With `takes_in_hand` its fence goes up, so that whoever had it before can move it no more, and it says who has
    it since when; any other status takes it out of its worker's hands. With `counts` a worker has done one order
    more.
    """

    takes_in_hand: bool = False
    counts: bool = False
    estimated_completion: str | None = None
    completed_at: str | None = None


EFFECTS = {
    COOKING: Effects(takes_in_hand=True, estimated_completion=AFTER_COOKING, completed_at=NEVER),
    READY: Effects(counts=True, estimated_completion=NOW, completed_at=NOW),
    CANCELLED: Effects(estimated_completion=NEVER),
    FAILED: Effects(estimated_completion=NEVER),
}


def sources(target: str, role: str, order_type: str) -> tuple[str, ...]:
    """The statuses from which `role` may move an order of that type to `target`."""
    return tuple(
        move.source
        for move in MOVES
        if move.target == target and role in move.roles and order_type in move.order_types
    )


def targets(source: str, role: str, order_type: str) -> tuple[str, ...]:
    """The statuses to which `role` may move an order of that type from `source`, in the table's order."""
    return tuple(
        move.target
        for move in MOVES
        if move.source == source and role in move.roles and order_type in move.order_types
    )


def is_final(status: str) -> bool:
    """True when no move leads out of `status`."""
    return all(move.source != status for move in MOVES)


def known_types(order_types: Iterable[str]) -> tuple[str, ...]:
    """`order_types` without repetitions, in the order of `ORDER_TYPES`.

    Raises ValueError when one is unknown or there is none.
    """
    wanted = set(order_types)
    unknown = wanted - set(ORDER_TYPES)
    if unknown or not wanted:
        raise ValueError(f"order types are {', '.join(ORDER_TYPES)}; got {sorted(unknown) or 'none'}")
    return tuple(order_type for order_type in ORDER_TYPES if order_type in wanted)
