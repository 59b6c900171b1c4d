"""SQLAlchemy's pool of connections, which says how it is used."""

import logging
from typing import Any

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from common.observability import metrics

_IN_USE, _IDLE, _WAITING = (metrics.POOL.labels(state) for state in ("in_use", "idle", "waiting"))

# SQLAlchemy logs under the name of the class, and keeps its own quiet.
logging.getLogger(__name__).setLevel(logging.WARNING)


class MeasuredPool(QueuePool):
    """QueuePool, with its figures for `GET /metrics`. One for each process."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        metrics.POOL_SIZE.set(self.size())

    def _do_get(self) -> ConnectionPoolEntry:
        if self.checkedout() < self.size():
            entry = super()._do_get()
        else:
            with _WAITING.track_inprogress():
                entry = super()._do_get()
        self._measure()
        return entry

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        self._measure()

    def _measure(self) -> None:
        _IN_USE.set(self.checkedout())
        _IDLE.set(self.checkedin())
