"""The probes that every service answers: `class OrderService(Probes)`."""

from collections.abc import Iterable
from typing import Any

import eventlet
from nameko.extensions import DependencyProvider
from prometheus_client import Metric

from common import broker, database, metrics
from common.errors import Unavailable
from common.http import http
from common.recent import Recent
from common.settings import settings

DATABASE = "database"
RABBITMQ = "rabbitmq"


class Checks(DependencyProvider):
    """Asks what a service needs whether it is there; each answer takes two seconds at most, and is a second's."""

    def setup(self) -> None:
        self.settings = settings(self.container.config, self.container.service_name)
        self._found: Recent[tuple[str, ...], dict[str, str]] = Recent(self._look)

    def get_dependency(self, worker_ctx: Any) -> "Checks":
        return self

    def run(self, names: tuple[str, ...]) -> dict[str, str]:
        """{"database": "ok" or "down", …}. All who ask share a look: each opens connections."""
        found = self._found.seen(names)
        # As long as the breaker refuses requests, it is not ready for them.
        is_refusing = DATABASE in names and database.breaker(self.settings).is_open
        return {**found, DATABASE: "down"} if is_refusing else found

    def _look(self, names: tuple[str, ...]) -> dict[str, str]:
        """Side by side."""
        checks = {
            DATABASE: lambda: database.is_ready(self.settings),
            RABBITMQ: lambda: broker.is_ready(self.settings.amqp_uri),
        }
        threads = {name: eventlet.spawn(checks[name]) for name in names}
        return {name: "ok" if thread.wait() else "down" for name, thread in threads.items()}


class Probes:
    """`needs`: without these the service is not ready. `uses`: reported, and worked without."""

    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    checks = Checks()

    @http("GET", "/health/live")
    def health_live(self) -> dict[str, str]:
        return {"status": "live"}

    @http("GET", "/health")
    def health(self) -> dict[str, Any]:
        """For what knows one probe only: as ready."""
        return self.health_ready()

    @http("GET", "/health/ready")
    def health_ready(self) -> dict[str, Any]:
        found = self.checks.run(self.needs + self.uses)
        missing = [name for name in self.needs if found[name] != "ok"]
        if missing:
            raise Unavailable(f"Waiting for {' and '.join(missing)}.", {"checks": found})
        return {"status": "ready", "checks": found}

    @http("GET", "/metrics", content_type=metrics.CONTENT_TYPE)
    def read_metrics(self) -> bytes:
        return metrics.text(self.measured_now())

    def measured_now(self) -> Iterable[Metric]:
        """What a service measures when it is asked, besides what is counted."""
        return ()
