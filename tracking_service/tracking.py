"""The read model as the service's methods see it: `tracking = Tracking()`."""

from typing import Any

from common import read_model
from common.database import Postgres, Sessions
from common.settings import Settings


class Tracking(Postgres):
    """Provides `Board`."""

    def get_dependency(self, worker_ctx: Any) -> "Board":
        return Board(self.sessions(worker_ctx), self.settings)


class Board:
    """Reads, and nothing else. Everything raises Unavailable without PostgreSQL."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    def status(self, order_number: str) -> dict[str, Any]:
        """Where the order stands. Raises NotFound."""
        with self._sessions.begin() as session:
            return read_model.order_status(session, order_number)

    def history(self, order_number: str) -> list[dict[str, Any]]:
        """Where the order has been, oldest first. Raises NotFound."""
        with self._sessions.begin() as session:
            return read_model.order_history(session, order_number)

    def workers(self) -> list[dict[str, Any]]:
        """Who works, by name."""
        with self._sessions.begin() as session:
            return read_model.workers(session)

    def stuck(self) -> list[dict[str, Any]]:
        """Orders that have been waiting or cooking for too long, longest first."""
        with self._sessions.begin() as session:
            return read_model.stuck_orders(session, self._settings.stuck_received, self._settings.stuck_cooking)
