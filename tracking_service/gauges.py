"""The restaurant in figures, for `GET /metrics`: what a dashboard shows and an alarm watches."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nameko_sqlalchemy.database import Session
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from sqlalchemy import text

from common.orders import queries
from common.orders.lifecycle import COOKING, ORDER_TYPES, OUT_FOR_DELIVERY, READY, RECEIVED
from common.orders.open_orders import MAX_COUNTED
from common.settings import Settings

_OPEN = (RECEIVED, COOKING)
_MADE = (READY, OUT_FOR_DELIVERY)
_REMEMBERED = 1  # days since which workers were seen: names may come and go for years
_ORDERS = text(
    "select status, order_type, count(*) from orders where status in ('received', 'cooking') group by 1, 2"
)
_COUNTED = text(
    " union all ".join(
        f"select '{status}' as status, count(*) from (select from orders where status = '{status}'"
        f" and cleared_at is null order by updated_at limit {MAX_COUNTED}) counted"
        for status in _MADE
    )
)
_IN_HAND = text(f"""
    select processed_by, order_type, count(*) from orders
    where status = '{COOKING}' and cooking_worker is not null group by 1, 2
""")
_STUCK = text(f"select status, count(*) from orders where {queries.IS_STUCK} group by status")
_OUTBOX = text("select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox")


@dataclass(frozen=True)
class Figures:
    """What was there when PostgreSQL was asked."""

    orders: dict[tuple[str, str], int]  # by status and type
    made: dict[str, int]  # by status
    stuck: dict[str, int]  # by status
    outbox_rows: int
    outbox_seconds: float  # since the oldest of them was written
    workers: list[dict[str, Any]]  # of the last day
    in_hand: dict[tuple[str, str], int]  # by worker and type


def read(session: Session, settings: Settings) -> Figures:
    """Asks PostgreSQL, for open orders only."""
    limits = {"received": settings.stuck_received, "cooking": settings.stuck_cooking}
    stuck = {str(status): count for status, count in session.execute(_STUCK, limits)}
    counted = {(status, order_type): count for status, order_type, count in session.execute(_ORDERS)}
    rows, seconds = session.execute(_OUTBOX).one()
    return Figures(
        orders={(status, kind): counted.get((status, kind), 0) for status in _OPEN for kind in ORDER_TYPES},
        made={str(status): count for status, count in session.execute(_COUNTED)},
        stuck={status: stuck.get(status, 0) for status in _OPEN},
        outbox_rows=rows,
        outbox_seconds=max(0.0, seconds),
        workers=queries.workers(session, _REMEMBERED),
        in_hand={(name, kind): count for name, kind, count in session.execute(_IN_HAND)},
    )


def metrics(figures: Figures | None) -> Iterable[Metric]:
    """As Prometheus reads it; None when PostgreSQL is away."""
    yield GaugeMetricFamily(
        "expedite_database_up", "1 when PostgreSQL answers in time.", value=int(figures is not None)
    )
    if figures is None:
        return
    orders = GaugeMetricFamily(
        "expedite_orders_open", "Orders that wait or cook.", labels=["status", "order_type"]
    )
    for labels, count in figures.orders.items():
        orders.add_metric(labels, count)
    stuck = GaugeMetricFamily(
        "expedite_orders_stuck",
        "Orders that have waited or cooked for too long.",
        labels=["status"],
    )
    for status, count in figures.stuck.items():
        stuck.add_metric([status], count)
    made = GaugeMetricFamily("expedite_orders_made", "Orders that are ready or on their way.", labels=["status"])
    for status, count in figures.made.items():
        made.add_metric([status], count)
    yield from (orders, stuck, made)
    yield from _of_workers(figures)
    yield GaugeMetricFamily(
        "expedite_outbox_rows", "Messages that wait for the broker.", value=figures.outbox_rows
    )
    yield GaugeMetricFamily(
        "expedite_outbox_oldest_seconds",
        "For how long the oldest of them has waited.",
        value=figures.outbox_seconds,
    )


def _of_workers(figures: Figures) -> Iterable[Metric]:
    online = GaugeMetricFamily("expedite_worker_online", "1 when the worker's heartbeats come.", labels=["worker"])
    processed = CounterMetricFamily(
        "expedite_worker_orders_processed", "Orders that the worker has cooked.", labels=["worker"]
    )
    in_hand = GaugeMetricFamily(
        "expedite_worker_cooking", "Orders that the worker has in hand.", labels=["worker", "order_type"]
    )
    takers = GaugeMetricFamily(
        "expedite_workers_online", "Workers online that take this type of order.", labels=["order_type"]
    )
    taken: list[str] = []
    for worker in figures.workers:
        name, is_online = worker["worker_name"], worker["status"] == "online"
        online.add_metric([name], int(is_online))
        processed.add_metric([name], worker["orders_processed"])
        if is_online:
            taken += worker["order_types"]
            for kind in worker["order_types"]:
                in_hand.add_metric([name, kind], figures.in_hand.get((name, kind), 0))
    for kind in ORDER_TYPES:
        takers.add_metric([kind], taken.count(kind))
    yield from (online, processed, in_hand, takers)
