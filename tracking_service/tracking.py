"""The read model as the service's methods see it: `tracking = Tracking()`."""

from typing import Any

from common.database import Postgres
from tracking_service.group_read import StatusReader, TrackingBoard


class Tracking(Postgres):
    """Provides `TrackingBoard`."""

    def setup(self) -> None:
        super().setup()
        self._reader = StatusReader(self.settings)

    def stop(self) -> None:
        self._reader.close()

    def get_dependency(self, worker_ctx: Any) -> TrackingBoard:
        return TrackingBoard(self.sessions(worker_ctx), self.settings, self._reader)
