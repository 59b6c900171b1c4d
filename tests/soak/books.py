"""The books: what customers were told, against what the database, the broker and the notifiers have."""

import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from common.orders import lifecycle
from common.settings import load_config
from tests.soak.load import Load
from tests.support.eventually import eventually
from tests.support.expedite import ROOT, Expedite, Process

_HISTORIES = (["received", "cooking", "ready"], ["received", "cancelled"])
_ANNOUNCED = re.compile(r"Notification for order (\S+): Status changed from '(\w+)' to '(\w+)' by ")

_ORDERS = """
    select o.number, o.customer_name, o.status, o.sequence,
        array_agg(l.status order by l.sequence), array_agg(l.sequence order by l.sequence)
    from orders o left join order_status_log l on l.order_id = o.id
    where o.customer_name like %s group by o.id
"""
# Numbers that a day skipped: none were given twice, since they are unique.
_GAPS = """
    select coalesce(sum(n.last - (select count(*) from orders o
        where o.number like 'ORD\\_' || to_char(n.day, 'YYYYMMDD') || '\\_%%')), 0)
    from order_numbers n
"""
_COUNTED = """
    select (select coalesce(sum(orders_processed), 0) from workers)
        - (select count(*) from order_status_log where status = 'ready')
"""
_OPEN = "select count(*) from orders where status in ('received', 'cooking')"
_OUTBOX = "select count(*) from outbox"
_QUEUES = (
    *(f"kitchen.{order_type}" for order_type in lifecycle.ORDER_TYPES),
    *(f"retry.{pause}s" for pause in load_config(ROOT / "config.yml")["RETRY_PAUSES"].split(",")),
)


def _count(label: str, fault: bool = True) -> Any:
    return field(default=0, metadata={"label": label, "fault": fault})


@dataclass
class Balance:
    """All that was counted. What must be nothing is marked so."""

    accepted: int = _count("orders answered 201", fault=False)
    in_table: int = _count("orders in the table", fault=False)
    ready: int = _count("ready", fault=False)
    cancelled: int = _count("cancelled", fault=False)
    resent: int = _count("requests sent again without an answer", fault=False)
    unanswered: int = _count("customers who gave up")
    wrong: int = _count("answers that no fault excuses")
    lost: int = _count("lost: answered 201, not in the table")
    doubled: int = _count("doubled: one request, two orders")
    gaps: int = _count("numbers skipped")
    stuck: int = _count("stuck: neither ready nor cancelled")
    elsewhere: int = _count("not where the customer was told")
    steps: int = _count("orders whose steps are wrong")
    miscounted: int = _count("orders the workers counted wrong")
    unannounced: int = _count("notifications missing")
    reannounced: int = _count("notifications doubled or unfounded")
    tickets: int = _count("tickets left in queues")
    outbox: int = _count("outbox rows left")
    dead_letters: int = _count("dead letters")
    ended: int = _count("processes that ended by themselves")

    @property
    def uneven(self) -> int:
        """How much is not as it must be."""
        return sum(getattr(self, each.name) for each in fields(self) if each.metadata["fault"])

    @property
    def is_even(self) -> bool:
        """Nothing lost, doubled or stuck, and nothing left over."""
        return self.uneven == 0

    def __str__(self) -> str:
        lines = (
            f"{getattr(self, each.name):8d}  {each.metadata['label']}"
            + ("  <-- !" if each.metadata["fault"] and getattr(self, each.name) else "")
            for each in fields(self)
        )
        return "\n".join(lines)

    def __add__(self, other: "Balance") -> "Balance":
        """Both together; what is left in queues and the outbox is the later balance's."""
        left = ("tickets", "outbox")
        return Balance(
            **{
                each.name: getattr(other, each.name) + (0 if each.name in left else getattr(self, each.name))
                for each in fields(self)
            }
        )


@dataclass(frozen=True)
class Opening:
    """What was uneven before: a balance is of what came after."""

    gaps: int
    miscounted: int
    dead_letters: int


def opening(expedite: Expedite) -> Opening:
    """The books before a load."""
    return Opening(
        gaps=int(expedite.query(_GAPS)[0][0]),
        miscounted=int(expedite.query(_COUNTED)[0][0]),
        dead_letters=expedite.waiting("dead_letters"),
    )


def _left(expedite: Expedite) -> int:
    """Tickets that wait, for a worker or for their next attempt."""
    return sum(expedite.waiting(queue) for queue in _QUEUES)


def balance(
    expedite: Expedite, load: Load, notifiers: Sequence[Process], before: Opening, within: float = 60.0
) -> Balance:
    """The balance of a load that is over. Waits at most `within` seconds until all its orders are done.

    `notifiers` are those that ran all the time since `before`, the opening of the books.
    """
    with contextlib.suppress(AssertionError):
        eventually(
            lambda: expedite.query(_OPEN) == [(0,)] and expedite.is_settled() and not _left(expedite),
            within,
            every=0.2,
        )
    rows = expedite.query(_ORDERS, f"% {load.family}")
    announcements = Counter(
        (number, old, new)
        for number, _name, _status, _sequence, steps, _sequences in rows
        for old, new in itertools.pairwise(steps)
    )
    numbers = {row[0]: row for row in rows}
    with contextlib.suppress(AssertionError):
        eventually(lambda: not any(announcements - _announced(each, numbers) for each in notifiers), 10)
    statuses = Counter(row[2] for row in rows)
    customers = Counter(row[1] for row in rows)
    told = [order for order in load.placed if order.number in numbers]
    now = opening(expedite)
    result = Balance(
        accepted=len(load.placed),
        in_table=len(rows),
        ready=statuses["ready"],
        cancelled=statuses["cancelled"],
        resent=load.lost_answers,
        unanswered=len(load.unanswered),
        wrong=len(load.wrong),
        lost=len(load.placed) - len(told),
        doubled=sum(customers.values()) - len(customers),
        gaps=abs(now.gaps - before.gaps),
        stuck=len(rows) - statuses["ready"] - statuses["cancelled"],
        elsewhere=sum((numbers[order.number][2] == "cancelled") != bool(order.cancelled) for order in told),
        steps=sum(
            steps not in _HISTORIES or sequences != list(range(1, sequence + 1)) or steps[-1] != status
            for _number, _name, status, sequence, steps, sequences in rows
        ),
        miscounted=abs(now.miscounted - before.miscounted),
        tickets=_left(expedite),
        outbox=int(expedite.query(_OUTBOX)[0][0]),
        dead_letters=now.dead_letters - before.dead_letters,
    )
    for notifier in notifiers:
        heard = _announced(notifier, numbers)
        result.unannounced += (announcements - heard).total()
        result.reannounced += (heard - announcements).total()
    return result


def _announced(notifier: Process, numbers: Container[str]) -> "Counter[tuple[str, str, str]]":
    """What a notifier has printed of these orders."""
    found = (_ANNOUNCED.match(line) for line in list(notifier.lines) if line.startswith("Notification"))
    return Counter((match[1], match[2], match[3]) for match in found if match and match[1] in numbers)
