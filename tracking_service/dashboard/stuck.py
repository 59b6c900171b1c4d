"""Which orders are stuck, and why: rules on plain values. Orders with the same reason are one group.

What to do about each is said where it is shown (templates/dashboard_stuck.html).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from common.orders.lifecycle import ORDER_TYPES
from tracking_service.dashboard.staffing import Worker

#: Seconds for which a message may wait until something is wrong with the broker. The relay needs milliseconds.
MAX_UNSENT = 30.0


class Waiting(NamedTuple):
    """Orders of a type that wait. `is_accepted`: they are on a board, for people. `is_long`: for longer than the
    limit. `retried_at`: their tickets failed, and come again from then on."""

    order_type: str
    is_accepted: bool
    is_long: bool
    retried_at: datetime | None
    orders: int
    numbers: Sequence[str]  # the oldest three
    since: datetime


class Cooking(NamedTuple):
    """Orders that `holder` has cooked for longer than the limit."""

    holder: str
    orders: int
    numbers: Sequence[str]
    since: datetime


class SetAside(NamedTuple):
    """An order whose ticket failed `tries` times and was set aside, and the last reason. `since` is when it was
    placed."""

    number: str
    reason: str | None
    tries: int
    since: datetime


class Unsent(NamedTuple):
    """Messages that wait for the broker."""

    messages: int
    since: datetime | None


@dataclass(frozen=True)
class Group:
    """Orders that are stuck for one reason: how many, the oldest of their numbers, and since when."""

    kind: ClassVar[str]
    orders: int
    numbers: Sequence[str]
    since: datetime


@dataclass(frozen=True)
class NobodyTakesIt(Group):
    """No worker online takes `order_types`; `last` is the one who did last, if anybody ever did. With
    `is_nobody_there` no worker is online at all."""

    kind: ClassVar[str] = "nobody"
    order_types: Sequence[str]
    last: Worker | None
    is_nobody_there: bool


@dataclass(frozen=True)
class WaitsLong(Group):
    """`able` are the workers online who take `order_type`."""

    kind: ClassVar[str] = "waits"
    order_type: str
    is_accepted: bool
    retried_at: datetime | None
    able: Sequence[str]


@dataclass(frozen=True)
class CooksLong(Group):
    """`holder` has them; `worker` is its row if it is a worker."""

    kind: ClassVar[str] = "cooks"
    holder: str
    worker: Worker | None


@dataclass(frozen=True)
class Failed(Group):
    """It failed, and was set aside."""

    kind: ClassVar[str] = "failed"
    reason: str | None
    tries: int


def groups(
    waiting: Iterable[Waiting], cooking: Iterable[Cooking], failed: Iterable[SetAside], workers: Sequence[Worker]
) -> list[Group]:
    """All that is stuck: what nobody will ever begin first, then what takes long, then what was given up."""
    online = [worker for worker in workers if worker.is_online]
    by_type: dict[str, list[Waiting]] = {}
    long: list[Group] = []
    for row in waiting:
        able = [worker.name for worker in online if worker.takes(row.order_type)]
        if not able:
            by_type.setdefault(row.order_type, []).append(row)
        elif row.is_long:
            long.append(
                WaitsLong(
                    row.orders, row.numbers, row.since, row.order_type, row.is_accepted, row.retried_at, able
                )
            )
    return [
        *_nobody_takes(by_type, workers, is_nobody_there=not online),
        *sorted(long, key=lambda group: group.since),
        *(
            CooksLong(row.orders, row.numbers, row.since, row.holder, _named(workers, row.holder))
            for row in cooking
        ),
        *(Failed(1, [row.number], row.since, row.reason, row.tries) for row in failed),
    ]


def is_stalled(unsent: Unsent, now: datetime) -> bool:
    """Messages wait for the broker for longer than they should."""
    return unsent.since is not None and (now - unsent.since).total_seconds() > MAX_UNSENT


def _nobody_takes(
    by_type: dict[str, list[Waiting]], workers: Sequence[Worker], *, is_nobody_there: bool
) -> list[Group]:
    kinds = [order_type for order_type in ORDER_TYPES if order_type in by_type]
    # When nobody is there, that is one reason for all.
    together = [kinds] if is_nobody_there and kinds else [[order_type] for order_type in kinds]
    found: list[Group] = []
    for order_types in together:
        rows = sorted((row for kind in order_types for row in by_type[kind]), key=lambda row: row.since)
        numbers = [number for row in rows for number in row.numbers]
        did = [worker for worker in workers if any(worker.takes(order_type) for order_type in order_types)]
        last = max(did, key=lambda worker: worker.last_seen, default=None)
        orders = sum(row.orders for row in rows)
        found.append(NobodyTakesIt(orders, numbers, rows[0].since, order_types, last, is_nobody_there))
    return sorted(found, key=lambda group: group.since)


def _named(workers: Iterable[Worker], name: str) -> Worker | None:
    return next((worker for worker in workers if worker.name == name), None)
