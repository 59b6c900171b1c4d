"""What is counted and timed, for `GET /metrics` in Prometheus' text format. Durations are seconds.

Processes of one service share a port, and a scrape reaches one of them. Where PROMETHEUS_MULTIPROC_DIR names a
folder (one for each service, emptied before it starts), prometheus_client keeps the figures there, and each
process answers for all; without it, each answers for itself. A gauge is then the sum of what the processes that
live say; so each here is one that can be added up.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

REQUESTS = Histogram(
    "expedite_http_request_seconds",
    "Requests that reached a route, until their answer was ready.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
REFUSED_REQUESTS = Counter(
    "expedite_http_refused", "Bytes that were no request, and requests that reached no route.", ["reason"]
)
REFUSED_CONNECTIONS = Counter(
    "expedite_http_connections_refused",
    "Connections beyond those that a process, or an address, may have.",
    ["of"],
)
GROUPS = Histogram(
    "expedite_group_commit_rows",
    "Rows that were written, or read, together.",
    buckets=(1, 2, 5, 10, 20, 50, 100),
)
STATUS_SECONDS = Histogram(
    "expedite_order_status_seconds",
    "For how long orders had a status, when they left it.",
    ["status", "order_type"],
    buckets=(0.05, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600),
)
RETRIES = Counter("expedite_retries", "What failed and was begun again, by what it was.", ["of"])
POOL = Gauge(
    "expedite_database_pool",
    "The connections of the pool that are in_use and idle, and who is waiting for one.",
    ["state"],
    multiprocess_mode="livesum",
)
POOL_SIZE = Gauge(
    "expedite_database_pool_size", "How many connections the pool may have.", multiprocess_mode="livesum"
)
REFUSING = Gauge(
    "expedite_database_refusing",
    "1 while a process found PostgreSQL away, and refuses what needs it.",
    multiprocess_mode="livesum",
)
OPEN_STREAMS = Gauge(
    "expedite_streams_open", "Streams that are open, by topic.", ["topic"], multiprocess_mode="livesum"
)
MAX_STREAMS = Gauge("expedite_streams_max", "How many streams may be open.", multiprocess_mode="livesum")
STREAM_READS = Counter("expedite_stream_reads", "Readings of a topic, each for all its streams.", ["topic"])
STREAM_EVENTS = Counter("expedite_stream_events", "Events that were given to streams.", ["topic"])
DROPPED_STREAMS = Counter(
    "expedite_streams_dropped", "Streams whose client did not read what was sent.", ["topic"]
)
PUBLISHED = Counter(
    "expedite_outbox_published", "Messages that the broker has confirmed, by routing key.", ["routing_key"]
)
DELIVERIES = Counter(
    "expedite_deliveries",
    "Attempts to send something, by how they ended: sent, again (it comes again later), failed, dropped.",
    ["channel", "outcome"],
)
REFUSED = Counter("expedite_outbox_refused", "Attempts to publish a message that the broker did not take.")
LEADING = Gauge("expedite_relay_leading", "1 while this process's relay leads.", multiprocess_mode="livesum")

_GAUGES_OF_A_PROCESS = re.compile(r"gauge_live\w+_(\d+)\.db")


class _Measured(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def text(measured_now: Iterable[Metric] = ()) -> bytes:
    """What was counted since the start, and `measured_now`."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        _forget_the_dead(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        counted = CollectorRegistry(auto_describe=False)
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    else:
        counted = REGISTRY
    asked = CollectorRegistry(auto_describe=False)
    asked.register(_Measured(measured_now))
    return generate_latest(counted) + generate_latest(asked)


def _forget_the_dead(folder: str) -> None:
    """What a process counted stays counted; what it measured ends with it, also when it was killed."""
    for file in os.listdir(folder):
        found = _GAUGES_OF_A_PROCESS.fullmatch(file)
        if found and not os.path.exists(f"/proc/{found[1]}"):
            with suppress(FileNotFoundError):  # another process was faster
                mark_process_dead(int(found[1]), folder)  # type: ignore[no-untyped-call]
