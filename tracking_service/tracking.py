"""The read model as the service's methods see it: `tracking = Tracking()`."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import Metric

from common.database import Postgres, Sessions
from common.errors import Unavailable
from common.read_model import Board
from common.recent import Recent, in_session
from common.settings import Settings
from tracking_service import house
from tracking_service.group_read import StatusReader


class Tracking(Postgres):
    """Provides `TrackingBoard`."""

    def setup(self) -> None:
        super().setup()
        self._reader = StatusReader(self.settings)
        self._board = TrackingBoard(self.sessions, self.settings, self._reader)

    def stop(self) -> None:
        self._reader.close()

    def get_dependency(self, worker_ctx: Any) -> "TrackingBoard":
        return self._board


class TrackingBoard(Board):
    """The board as tracking_service hangs it out, for everybody."""

    is_public = True

    def __init__(self, sessions: Sessions, settings: Settings, reader: StatusReader) -> None:
        super().__init__(sessions, settings)
        self._reader = reader
        self._house = Recent(in_session(lambda session: house.look(session, settings)))

    def status(self, order_number: str) -> dict[str, Any]:
        """Where the order stands. Raises NotFound."""
        return self.answer(self._reader.standing(order_number))

    def measured_now(self) -> Iterable[Metric]:
        """The house in figures, also without PostgreSQL: then they say so."""
        try:
            return house.metrics(self._house.seen(self._sessions))
        except Unavailable:
            return house.metrics(None)
