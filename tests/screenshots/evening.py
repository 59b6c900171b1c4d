"""One busy evening, written into a database: what every picture shows. Ages count from the moment it is written.

It is history, so it is written as history: orders with the rows that their moves would have left, and no message.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

import psycopg2
from psycopg2 import extensions

from common.orders.lifecycle import (
    CANCELLED,
    COMPLETED,
    COOKING,
    DELIVERY,
    DINE_IN,
    FAILED,
    OUT_FOR_DELIVERY,
    READY,
    RECEIVED,
    TAKEOUT,
)
from order_service.orders import pricing

_SEED = 20261122
_KITCHEN_SECONDS = {DINE_IN: 660, TAKEOUT: 600, DELIVERY: 720}
#: Orders that came in each hour before the last one, today and yesterday, from the one that is longest ago.
_TODAY = (8, 21, 19, 9, 5, 4, 9, 24, 30)
_YESTERDAY = (9, 18, 21, 8, 6, 5, 11, 20, 31, 29)

Line = tuple[int, str] | tuple[int, str, str]


@dataclass
class Ticket:
    """An order of the evening. `waited` is the seconds since it was placed, `since` those since its last move."""

    number: int
    status: str
    order_type: str
    waited: int
    items: Sequence[Line]
    name: str = "Ada Lovelace"
    table: int | None = None
    by: str | None = None  # who cooks it, or has cooked it
    since: int = 0
    allergies: Sequence[str] = ()
    moves: Sequence[tuple[str, int, str, str | None]] = field(
        default_factory=tuple
    )  # status, seconds ago, by, why
    slipped: int = 0  # seconds by which it is later than was first said


def _table(number: int, status: str, waited: int, table: int, *items: Line, **more: object) -> Ticket:
    return Ticket(number, status, DINE_IN, waited, items, table=table, **more)  # type: ignore[arg-type]


def _away(
    number: int, status: str, order_type: str, waited: int, name: str, *items: Line, **more: object
) -> Ticket:
    return Ticket(number, status, order_type, waited, items, name=name, **more)  # type: ignore[arg-type]


_MARGHERITA, _MARINARA, _NAPOLETANA = "Margherita Pizza", "Marinara Pizza", "Pizza Napoletana"
_QUATTRO, _CAESAR, _CAPRESE = "Quattro Formaggi", "Caesar Salad", "Caprese Salad"

TICKETS = (
    _table(
        152, RECEIVED, 130, 4, (3, _MARGHERITA), (2, _QUATTRO), (2, _CAESAR, "dressing aside"), (3, "Tiramisu")
    ),
    _away(149, RECEIVED, TAKEOUT, 400, "Grace", (2, _NAPOLETANA, "cut in 8"), (2, _MARINARA)),
    _table(146, RECEIVED, 624, 11, (1, _MARGHERITA, "no basil"), (1, _CAPRESE)),
    _table(150, RECEIVED, 331, 21, (1, "Clover Club"), (2, "Margarita"), allergies=("eggs",)),
    _away(153, RECEIVED, TAKEOUT, 108, "Alan", (1, _QUATTRO), (1, "Mineral Water")),
    _table(155, RECEIVED, 41, 9, (2, "Espresso")),
    _away(156, RECEIVED, TAKEOUT, 9, "Radia", (1, _MARINARA)),
    _away(151, RECEIVED, DELIVERY, 224, "Dorothy", (3, _MARGHERITA), (1, _CAPRESE), slipped=480),
    _away(154, RECEIVED, DELIVERY, 65, "Hedy", (1, _NAPOLETANA)),
    _table(139, COOKING, 992, 7, (2, _QUATTRO), (1, _NAPOLETANA), (1, _CAESAR), by="chef_mario", since=751),
    _table(143, COOKING, 680, 2, (4, _MARINARA, "1 without garlic"), (1, _CAPRESE), by="chef_luigi", since=400),
    _away(
        141,
        COOKING,
        TAKEOUT,
        785,
        "Edsger",
        (1, _MARGHERITA, "well done"),
        (1, "Tiramisu"),
        by="chef_luigi",
        since=290,
    ),
    _table(147, COOKING, 280, 3, (2, "Tom Collins"), (1, "Daiquiri"), by="bar", since=120),
    _away(
        148,
        COOKING,
        TAKEOUT,
        482,
        "Barbara",
        (2, _MARGHERITA),
        (1, _CAESAR),
        by="chef_mario",
        since=60,
        slipped=360,
        allergies=("fish",),
        moves=(
            (COOKING, 420, "chef_mario", None),
            (READY, 120, "chef_mario", None),
            (COOKING, 60, "anna", "one box was missing"),
        ),
    ),
    _table(
        145,
        CANCELLED,
        461,
        15,
        (1, "Old Fashioned"),
        (2, "Martini"),
        by="bar",
        moves=((COOKING, 300, "bar", None), (CANCELLED, 20, "anna", "Guest left")),
    ),
    _away(140, READY, DELIVERY, 1100, "Lin", (2, _MARGHERITA), (2, _CAPRESE), by="chef_mario", since=390),
    _away(136, READY, TAKEOUT, 1000, "Ada", (1, _QUATTRO), (1, "Tiramisu"), by="chef_luigi", since=190),
    _table(138, READY, 900, 5, (3, _MARINARA), (2, "Espresso"), by="chef_mario", since=62),
    _table(142, READY, 700, 18, (2, "Margarita"), (1, "Sidecar"), by="bar", since=35),
    _away(144, READY, TAKEOUT, 560, "Ken", (1, _MARGHERITA), by="chef_luigi", since=6),
    _away(134, OUT_FOR_DELIVERY, DELIVERY, 1900, "Dennis", (1, _QUATTRO), by="chef_anna", since=725),
    _away(131, OUT_FOR_DELIVERY, DELIVERY, 2400, "Margaret", (2, _NAPOLETANA), by="chef_anna", since=1180),
    _table(
        130,
        FAILED,
        1300,
        8,
        (2, _MARGHERITA),
        (1, _CAESAR),
        moves=((FAILED, 1240, "kitchen", "after 5 tries: the database was away"),),
    ),
)

#: Name, types, heartbeats that were missed (0 is the last interval), seconds since the last one.
_WORKERS = (
    ("chef_mario", (DINE_IN, TAKEOUT), (), 41),
    ("chef_luigi", (DINE_IN, TAKEOUT), (), 36),
    ("bar", (DINE_IN,), (6,), 52),
    ("chef_anna", (DELIVERY,), tuple(range(8)), 27),
)


def write(database_url: str, zone: tzinfo = UTC) -> None:
    """Write the evening, its day and the day before, as the house's clocks count days. The starter menu must
    be there."""
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            _Evening(cursor, zone).write()
    finally:
        connection.close()


#: Who has an account: name and role.
_PEOPLE = (
    ("emma", "employee"),
    ("otto", "employee"),
    ("Ada Lovelace", "customer"),
    ("Grace Hopper", "customer"),
    ("Radia Perlman", "customer"),
)


class _Evening:
    def __init__(self, cursor: extensions.cursor, zone: tzinfo) -> None:
        self._cursor = cursor
        self._now = datetime.now(zone)
        self._random = random.Random(_SEED)
        cursor.execute("select name, price from menu_items")
        self._prices: dict[str, Decimal] = dict(cursor.fetchall())

    def write(self) -> None:
        for days, counts in ((1, _YESTERDAY), (0, _TODAY)):
            self._write_day(days, counts)
        for ticket in sorted(TICKETS, key=lambda each: each.number):
            self._write_ticket(ticket)
        for name, order_types, missed, processed in _WORKERS:
            self._write_worker(name, order_types, missed, processed)
        for name, role in _PEOPLE:
            self._cursor.execute(
                "insert into users (email, username, username_key, password_hash, role)"
                " values (%s, %s, %s, '', %s)",
                (f"{name.lower().replace(' ', '.')}@example.com", name, name.lower(), role),
            )
        self._cursor.execute(
            "update menu_items set available = false where name in (%s, 'Margarita')", (_NAPOLETANA,)
        )

    def _write_day(self, days: int, counts: Sequence[int]) -> None:
        """Orders that are over, so many in each hour before the last."""
        number = 0
        for hours, count in zip(range(len(counts), 0, -1), counts, strict=True):
            for nth in range(count):
                number += 1
                placed = self._now - timedelta(days=days, hours=hours) + timedelta(minutes=55 * nth / count)
                order_type = self._random.choice((DINE_IN, DINE_IN, TAKEOUT, DELIVERY))
                self._write_done(number, placed, order_type, days)

    def _write_done(self, number: int, placed: datetime, order_type: str, days: int) -> None:
        def some(median: float) -> timedelta:
            return timedelta(seconds=median * self._random.lognormvariate(0, 0.45))

        items = [
            (self._random.choice((1, 1, 2)), name)
            for name in self._random.sample(sorted(self._prices), self._random.randint(1, 3))
        ]
        slower = 1.5 if order_type == DELIVERY and not days else 1
        begun = placed + some(110 * slower)
        ready = begun + some(_KITCHEN_SECONDS[order_type] * 0.6)
        cook = "chef_anna" if order_type == DELIVERY else self._random.choice(("chef_mario", "chef_luigi", "bar"))
        steps = [(COOKING, begun, cook, None), (READY, ready, cook, None)]
        last = ready + some(120)
        if order_type == DELIVERY:
            steps.append((OUT_FOR_DELIVERY, last, "anna", None))
            last += some(800)
        steps.append((COMPLETED, last, "anna", None))
        order = {"number": self._number(number, days), "type": order_type, "placed": placed, "items": items}
        self._insert(order, "Ada Lovelace", 7 if order_type == DINE_IN else None, steps, cook)

    def _write_ticket(self, ticket: Ticket) -> None:
        placed = self._now - timedelta(seconds=ticket.waited)
        steps = [(to, self._now - timedelta(seconds=ago), by, why) for to, ago, by, why in ticket.moves]
        if not steps and ticket.status != RECEIVED:
            by = str(ticket.by)
            moved = self._now - timedelta(seconds=ticket.since)
            middle = placed + (moved - placed) / 3
            steps = {
                COOKING: [(COOKING, moved, by, None)],
                READY: [(COOKING, middle, by, None), (READY, moved, by, None)],
                OUT_FOR_DELIVERY: [
                    (COOKING, middle, by, None),
                    (READY, middle + (moved - middle) / 2, by, None),
                    (OUT_FOR_DELIVERY, moved, "anna", None),
                ],
            }[ticket.status]
        order = {
            "number": self._number(ticket.number, 0),
            "type": ticket.order_type,
            "placed": placed,
            "items": ticket.items,
            "allergies": list(ticket.allergies),
            "slipped": ticket.slipped,
        }
        self._insert(order, ticket.name, ticket.table, steps, ticket.by)

    def _number(self, number: int, days: int) -> str:
        return f"ORD_{self._now - timedelta(days=days):%Y%m%d}_{number:03}"

    def _insert(
        self,
        order: dict[str, object],
        name: str,
        table: int | None,
        steps: Sequence[tuple[str, datetime, str, str | None]],
        by: str | None,
    ) -> None:
        items: Sequence[Line] = order["items"]  # type: ignore[assignment]
        placed: datetime = order["placed"]  # type: ignore[assignment]
        order_type = str(order["type"])
        total = sum(
            (quantity * self._prices.get(dish, Decimal("2.50")) for quantity, dish, *_ in items), Decimal(0)
        )
        status, updated, _, why = steps[-1] if steps else (RECEIVED, placed, "", None)
        begun = next((at for to, at, _, _ in reversed(steps) if to == COOKING), None)
        done = next((at for to, at, _, _ in reversed(steps) if to == READY), None) if status != COOKING else None
        first = placed + timedelta(seconds=_KITCHEN_SECONDS[order_type])
        expected = None if begun is None else begun + timedelta(seconds=_KITCHEN_SECONDS[order_type])
        self._cursor.execute(
            """ insert into orders (tries, number, customer_name, order_type, table_number, delivery_address,
            total_amount,
                priority, prep_seconds, status, sequence, processed_by, placed_at, updated_at, cooking_started_at,
                estimated_completion, completed_at, reason, allergies, first_estimate)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id
            """,
            (
                5 if status == FAILED else 0,
                order["number"],
                name,
                order_type,
                table,
                "1 Harbour Street" if order_type == DELIVERY else None,
                total,
                pricing.priority(total),
                _KITCHEN_SECONDS[order_type],
                status,
                len(steps) + 1,
                by if steps else None,
                placed,
                updated,
                begun,
                done or expected,
                done,
                why,
                order.get("allergies", []),
                first - timedelta(seconds=int(order.get("slipped", 0))),  # type: ignore[call-overload]
            ),
        )
        [(order_id,)] = self._cursor.fetchall()
        for position, (quantity, dish, *note) in enumerate(items, 1):
            self._cursor.execute(
                "insert into order_items (order_id, position, name, quantity, price, note)"
                " values (%s, %s, %s, %s, %s, %s)",
                (
                    order_id,
                    position,
                    dish,
                    quantity,
                    self._prices.get(dish, Decimal("2.50")),
                    note[0] if note else None,
                ),
            )
        log = [(RECEIVED, placed, "customer", None), *steps]
        for sequence, (to, at, who, reason) in enumerate(log, 1):
            self._cursor.execute(
                "insert into order_status_log (order_id, sequence, status, changed_by, changed_at, reason)"
                " values (%s, %s, %s, %s, %s, %s)",
                (order_id, sequence, to, who, at, reason),
            )

    def _write_worker(self, name: str, order_types: Sequence[str], missed: Sequence[int], processed: int) -> None:
        beats = [self._now - timedelta(seconds=30 * each + 2) for each in range(12) if each not in missed]
        self._cursor.execute(
            """
            insert into workers (name, instance, order_types, status, heartbeat_interval, registered_at, last_seen,
                orders_processed, cooking_speed, heartbeats)
            values (%s, gen_random_uuid(), %s, 'online', 30, %s, %s, %s, 1, %s)
            on conflict (name) do update set order_types = excluded.order_types, last_seen = excluded.last_seen,
                orders_processed = excluded.orders_processed, heartbeats = excluded.heartbeats
            """,
            (name, list(order_types), self._now - timedelta(hours=9), beats[0], processed, beats),
        )
