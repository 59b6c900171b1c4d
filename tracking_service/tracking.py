"""The read model as the service's methods see it: `tracking = Tracking()`."""

from typing import Any

from common import read_model
from common.database import Postgres, Sessions


class Tracking(Postgres):
    """Provides `Board`."""

    def get_dependency(self, worker_ctx: Any) -> "Board":
        return Board(self.sessions(worker_ctx))


class Board:
    """Reads, and nothing else. Everything raises Unavailable without PostgreSQL."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

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
