"""The restaurant in figures, for `GET /metrics`: what a dashboard shows and an alarm watches."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nameko_sqlalchemy.database import Session
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from sqlalchemy import text

from common.orders import queries
from common.orders.lifecycle import COOKING, ORDER_TYPES, RECEIVED
from common.settings import Settings

_OPEN = (RECEIVED, COOKING)
_REMEMBERED = timedelta(days=1)  # workers that were seen: names may come and go for years
_ORDERS = text(
    "select status, order_type, count(*) from orders where status in ('received', 'cooking') group by 1, 2"
)
_STUCK = text(f"select status, count(*) from orders where {queries.IS_STUCK} group by status")
_OUTBOX = text("select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox")


@dataclass(frozen=True)
class Figures:
    """What was there when PostgreSQL was asked."""

    orders: dict[tuple[str, str], int]  # by status and type
    stuck: dict[str, int]  # by status
    outbox_rows: int
    outbox_seconds: float  # since the oldest of them was written
    workers: list[dict[str, object]]  # of the last day


def read(session: Session, settings: Settings) -> Figures:
    """Asks PostgreSQL, for open orders only."""
    limits = {"received": settings.stuck_received, "cooking": settings.stuck_cooking}
    stuck = {str(status): count for status, count in session.execute(_STUCK, limits)}
    since = datetime.now(UTC) - _REMEMBERED
    counted = {(status, order_type): count for status, order_type, count in session.execute(_ORDERS)}
    rows, seconds = session.execute(_OUTBOX).one()
    return Figures(
        orders={(status, kind): counted.get((status, kind), 0) for status in _OPEN for kind in ORDER_TYPES},
        stuck={status: stuck.get(status, 0) for status in _OPEN},
        outbox_rows=rows,
        outbox_seconds=max(0.0, seconds),
        workers=[worker for worker in queries.workers(session) if worker["last_seen"] > since],
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
    online = GaugeMetricFamily("expedite_worker_online", "1 when the worker's heartbeats come.", labels=["worker"])
    processed = CounterMetricFamily(
        "expedite_worker_orders_processed", "Orders that the worker has cooked.", labels=["worker"]
    )
    for worker in figures.workers:
        online.add_metric([str(worker["worker_name"])], int(worker["status"] == "online"))
        processed.add_metric([str(worker["worker_name"])], float(str(worker["orders_processed"])))
    yield from (orders, stuck, online, processed)
    yield GaugeMetricFamily(
        "expedite_outbox_rows", "Messages that wait for the broker.", value=figures.outbox_rows
    )
    yield GaugeMetricFamily(
        "expedite_outbox_oldest_seconds",
        "For how long the oldest of them has waited.",
        value=figures.outbox_seconds,
    )
