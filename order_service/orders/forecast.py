"""When new orders will be ready, by the kitchen's load as the front door knows it."""

from datetime import UTC, datetime, timedelta

from common import read_model
from common.database import Sessions
from common.recent import Recent, in_session


class Forecast:
    """Estimates for new orders. One for each process."""

    def __init__(self) -> None:
        self._load = Recent(in_session(read_model.kitchen_load))

    def completion(self, sessions: Sessions, order_type: str, prep_seconds: int, priority: int) -> datetime:
        """When an order placed now will be ready (UTC). Raises Unavailable."""
        wait = self._load.seen(sessions).seconds_for_newest(order_type, prep_seconds, priority)
        return datetime.now(UTC) + timedelta(seconds=wait)
