"""What reads at one server."""

from common.orders.board import Board
from common.pages.extensions import Rendering
from common.postgres.sessions import Sessions
from tracking_service.settings import TrackingSettings
from tracking_service.status_reader import StatusReader
from tracking_service.tracker.tracker import Tracker
from tracking_service.visitors import Visitors


class Readers:
    """Of the server that `sessions` are of. Who somebody is, `visitors` find out at the primary."""

    def __init__(
        self, sessions: Sessions, settings: TrackingSettings, visitors: Visitors, rendering: Rendering
    ) -> None:
        self.sessions = sessions
        self.statuses = StatusReader(sessions.settings, sessions.breaker)
        self.board = Board(sessions, settings, is_public=True)
        self.tracker = Tracker(sessions, self.board, visitors, rendering)

    def status(self, order_number: str) -> dict[str, object]:
        """Where the order stands, read together with others'. Raises NotFound."""
        return self.board.estimated(self.statuses.standing(order_number)).as_answer()
