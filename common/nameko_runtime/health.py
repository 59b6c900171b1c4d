"""The probes that every service answers: `class OrderService(Probes)`."""

from collections.abc import Iterable

import eventlet
from nameko.extensions import DependencyProvider
from prometheus_client import Metric

from common.errors import Unavailable
from common.http import http
from common.observability import metrics
from common.postgres import connection
from common.postgres.provider import Postgres
from common.rabbitmq import broker
from common.settings import Settings
from common.snapshot import Snapshot

DATABASE = "database"
RABBITMQ = "rabbitmq"


class Checks(DependencyProvider):
    """Asks what a service needs whether it is there; each answer takes two seconds at most, and is a second's."""

    def setup(self) -> None:
        self.settings: Settings = self.container.settings
        self._found: Snapshot[tuple[str, ...], dict[str, str]] = Snapshot(self._look)
        # A service that asks PostgreSQL nothing has none.
        self._postgres = next((each for each in self.container.subextensions if isinstance(each, Postgres)), None)

    def get_dependency(self, worker_ctx: object) -> "Checks":
        return self

    def run(self, names: tuple[str, ...]) -> dict[str, str]:
        """{"database": "ok" or "down", …}. All who ask share a look: each opens connections."""
        found = self._found.get(names)
        # As long as the breaker refuses requests, it is not ready for them.
        is_refusing = DATABASE in names and self._postgres is not None and self._postgres.breaker.is_open
        return {**found, DATABASE: "down"} if is_refusing else found

    def _look(self, names: tuple[str, ...]) -> dict[str, str]:
        """Side by side."""
        checks = {
            DATABASE: lambda: connection.is_ready(self.settings),
            RABBITMQ: lambda: broker.is_ready(self.settings.amqp_uri),
        }
        threads = {name: eventlet.spawn(checks[name]) for name in names}
        return {name: "ok" if thread.wait() else "down" for name, thread in threads.items()}


class Probes:
    """`needs`: without these the service is not ready. `uses`: reported, and worked without."""

    settings_class: type[Settings] = Settings
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    checks = Checks()

    @http("GET", "/health/live")
    def health_live(self) -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @http("GET", "/health")
    def health(self) -> dict[str, object]:
        """For what knows one probe only: as ready."""
        return self.health_ready()

    @http("GET", "/health/ready")
    def health_ready(self) -> dict[str, object]:
        """What it needs is there."""
        found = self.checks.run(self.needs + self.uses)
        missing = [name for name in self.needs if found[name] != "ok"]
        if missing:
            raise Unavailable(f"Waiting for {' and '.join(missing)}.", {"checks": found})
        return {"status": "ready", "checks": found}

    @http("GET", "/metrics", content_type=metrics.CONTENT_TYPE)
    def read_metrics(self) -> bytes:
        """What is counted and timed."""
        return metrics.text(self.measured_now())

    def measured_now(self) -> Iterable[Metric]:
        """What a service measures when it is asked, besides what is counted."""
        return ()
