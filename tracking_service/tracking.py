"""Where orders stand, as the service's methods see it: `tracking = Tracking()`."""

from collections.abc import Iterable
from typing import Any

from nameko.extensions import DependencyProvider
from prometheus_client import Metric

from common.accounts.identity import Identities
from common.errors import Unavailable
from common.http import Stream
from common.live import Live
from common.orders.board import Board
from common.pages.extensions import Rendering
from common.pages.settings import PageSettings
from common.postgres.provider import Postgres
from common.postgres.sessions import Sessions, in_session
from common.snapshot import Snapshot
from tracking_service import gauges
from tracking_service.gauges import Figures
from tracking_service.lobby.lobby import Lobby
from tracking_service.order_streams import OrderStreams, Viewer
from tracking_service.status_reader import StatusReader
from tracking_service.tracker.tracker import Tracker
from tracking_service.visitors import Visitors


class Tracking(DependencyProvider):
    """The board, for everybody. Keeps nothing for a worker, so all share it."""

    postgres = Postgres()
    rendering = Rendering()
    live = Live()

    def setup(self) -> None:
        settings: PageSettings = self.container.settings
        self._sessions = self.postgres.sessions
        self._reader = StatusReader(settings, self.postgres.breaker)
        self.board = Board(self._sessions, settings, is_public=True)
        identities = Identities(self._sessions, settings.signing_keys())
        self._visitors = Visitors(identities, settings.tracking_links())
        self.tracker = Tracker(self._sessions, self.board, self._visitors, self.rendering)
        self._order_streams = self.live.add(OrderStreams(self.board, self._visitors, self.tracker))
        self.lobby = Lobby(self._sessions, self.rendering, self.live)
        self._figures: Snapshot[Sessions, Figures] = Snapshot(
            in_session(lambda session: gauges.read(session, settings))
        )

    def stop(self) -> None:
        self._reader.close()

    def stream(self, order_number: str, caller: dict[str, Any], after: str | None) -> Stream:
        """What happens to the order, from now on or from the step `after`; with its key in full. Raises NotFound,
        and TooManyRequests where there is no room."""

        def viewer() -> Viewer:
            return Viewer(self._reader.standing(order_number).id, self._visitors.person(caller))

        return self.live.stream(self._order_streams, caller, after, viewer)

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
