"""The read model as the service's methods see it: `tracking = Tracking()`."""

from typing import Any

from common.database import Postgres
from common.read_model import Board


class Tracking(Postgres):
    """Provides `Board`."""

    def get_dependency(self, worker_ctx: Any) -> Board:
        return Board(self.sessions(worker_ctx), self.settings)
