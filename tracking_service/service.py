"""tracking_service: where orders stand. It needs PostgreSQL only, and answers with RabbitMQ stopped."""

from collections.abc import Iterable

from prometheus_client import Metric

from common.http import http
from common.nameko_runtime import health
from tracking_service.tracking import Tracking


class TrackingService(health.Probes):
    """Reads, and writes nothing. What it says holds no personal data, so anyone may ask."""

    name = "tracking_service"
    needs = (health.DATABASE,)

    tracking = Tracking()

    @http("GET", "/orders/<order_number>/status")
    def order_status(self, order_number: str) -> dict[str, object]:
        """Where an order stands, and when it will be ready."""
        return self.tracking.status(order_number)

    @http("GET", "/orders/<order_number>/history")
    def order_history(self, order_number: str) -> list[dict[str, object]]:
        """Every status it has had, oldest first."""
        return self.tracking.board.history(order_number)

    @http("GET", "/workers/status")
    def workers_status(self) -> list[dict[str, object]]:
        """Who works in the kitchen."""
        return self.tracking.board.workers()

    @http("GET", "/orders/stuck")
    def stuck_orders(self) -> list[dict[str, object]]:
        """What has been waiting or cooking for too long."""
        return self.tracking.board.stuck()

    def measured_now(self) -> Iterable[Metric]:
        """For /metrics: the orders, the outbox and the workers, whose figures are the same in all processes."""
        return self.tracking.measured_now()
