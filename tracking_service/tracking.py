"""Where orders stand, as the service's methods see it: `tracking = Tracking()`."""

from collections.abc import Iterable

from nameko.extensions import DependencyProvider
from prometheus_client import Metric

from common.errors import Unavailable
from common.orders.board import Board
from common.postgres.provider import Postgres
from common.postgres.sessions import Sessions, in_session
from common.settings import Settings
from common.snapshot import Snapshot
from tracking_service import gauges
from tracking_service.gauges import Figures
from tracking_service.status_reader import StatusReader


class Tracking(DependencyProvider):
    """The board, for everybody. Keeps nothing for a worker, so all share it."""

    postgres = Postgres()

    def setup(self) -> None:
        settings: Settings = self.container.settings
        self._sessions = self.postgres.sessions
        self._reader = StatusReader(settings, self.postgres.breaker)
        self.board = Board(self._sessions, settings, is_public=True)
        self._figures: Snapshot[Sessions, Figures] = Snapshot(
            in_session(lambda session: gauges.read(session, settings))
        )

    def stop(self) -> None:
        self._reader.close()

    def get_dependency(self, worker_ctx: object) -> "Tracking":
        return self

    def status(self, order_number: str) -> dict[str, object]:
        """Where the order stands, read together with others'. Raises NotFound."""
        return self.board.estimated(self._reader.standing(order_number)).as_answer()

    def measured_now(self) -> Iterable[Metric]:
        """The figures of now, also without PostgreSQL: then they say so."""
        try:
            return gauges.metrics(self._figures.get(self._sessions))
        except Unavailable:
            return gauges.metrics(None)
