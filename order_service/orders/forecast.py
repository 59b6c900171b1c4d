"""The kitchen's load as the front door knows it: looked up at most once a second, however many orders come."""

import threading
import time
from datetime import UTC, datetime, timedelta

from common import read_model
from common.database import Sessions
from common.estimates import KitchenLoad

_FRESH = 1.0  # seconds


class Forecast:
    """Estimates for new orders. One for each process."""

    def __init__(self) -> None:
        self._load: KitchenLoad | None = None
        self._looked_at = 0.0
        self._first_look = threading.Lock()

    def completion(self, sessions: Sessions, order_type: str, prep_seconds: int, priority: int) -> datetime:
        """When an order placed now will be ready (UTC). Raises Unavailable."""
        wait = self._recent(sessions).seconds_for_newest(order_type, prep_seconds, priority)
        return datetime.now(UTC) + timedelta(seconds=wait)

    def _recent(self, sessions: Sessions) -> KitchenLoad:
        if self._load is None:
            # Orders that come at once when the process starts would all look, and keep each other waiting.
            with self._first_look:
                return self._load or self._look(sessions)
        if time.monotonic() - self._looked_at > _FRESH:
            return self._look(sessions)
        return self._load

    def _look(self, sessions: Sessions) -> KitchenLoad:
        self._looked_at = time.monotonic()  # before the look: whoever comes meanwhile uses the last one
        with sessions.begin() as session:
            self._load = read_model.kitchen_load(session)
        return self._load
