"""When new orders will be ready, by the kitchen's load as the front door knows it."""

from datetime import UTC, datetime, timedelta

from common.orders import queries
from common.postgres.sessions import Sessions, in_session
from common.snapshot import Snapshot


class Forecast:
    """Estimates for new orders. One for each process."""

    def __init__(self) -> None:
        self._load = Snapshot(in_session(queries.kitchen_load))

    def completion(self, sessions: Sessions, order_type: str, prep_seconds: int, priority: int) -> datetime:
        """When an order placed now will be ready (UTC). Raises Unavailable."""
        wait = self._load.get(sessions).seconds_for_newest(order_type, prep_seconds, priority)
        return datetime.now(UTC) + timedelta(seconds=wait)
