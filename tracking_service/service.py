"""tracking_service: where orders stand. It needs PostgreSQL only, and answers with RabbitMQ stopped."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Metric

from common.accounts.identity import Caller
from common.http import Stream, http
from common.nameko_runtime import health
from common.pages import Page, Screens, page
from tracking_service.dashboard.dashboard import Dashboard
from tracking_service.settings import TrackingSettings
from tracking_service.tracker import pages as tracker_pages
from tracking_service.tracking import Tracking


class TrackingService(Screens):
    """Reads, and writes nothing. What an order's number alone opens holds no personal data, so anyone may ask. The
    tracker shows an order in full to who has its key, to its customer and to staff; the dashboard is for staff."""

    name = "tracking_service"
    settings_class = TrackingSettings
    needs = (health.DATABASE,)

    tracking = Tracking()
    dashboard = Dashboard()

    @http("GET", "/orders/<order_number>/status")
    def order_status(self, order_number: str) -> dict[str, object]:
        """Where an order stands, and when it will be ready."""
        return self.tracking.read(lambda at: at.status(order_number))

    @http("GET", "/orders/<order_number>/history")
    def order_history(self, order_number: str) -> list[dict[str, object]]:
        """Every status it has had, oldest first."""
        return self.tracking.read(lambda at: at.board.history(order_number))

    @http("GET", "/orders/<order_number>/stream")
    def order_stream(self, order_number: str, caller: dict[str, Any], after: str | None = None) -> Stream:
        """Each of its steps as it happens."""
        return self.tracking.stream(order_number, caller, after)

    @http("GET", "/workers/status")
    def workers_status(self) -> list[dict[str, object]]:
        """Who works in the kitchen."""
        return self.tracking.read(lambda at: at.board.workers())

    @http("GET", "/orders/stuck")
    def stuck_orders(self) -> list[dict[str, object]]:
        """What has been waiting or cooking for too long."""
        return self.tracking.read(lambda at: at.board.stuck())

    # --- pages -------------------------------------------------------------------------------------------

    @page("GET", "/track/<order_number>")
    def track_page(self, order_number: str, query: Mapping[str, str], caller: Caller = None) -> Page:
        """An order, as its customer follows it."""
        return self.tracking.read(lambda at: tracker_pages.track(at.tracker, order_number, query, caller))

    @page("GET", "/lobby")
    def lobby_page(self, query: Mapping[str, str]) -> Page:
        """The numbers on the wall."""
        return self.tracking.read(lambda at: self.tracking.lobby.page(query, at.sessions))

    @http("GET", "/lobby/stream")
    def lobby_stream(self, caller: dict[str, Any], after: str | None = None) -> Stream:
        """The numbers on the wall, whenever they change."""
        return self.tracking.lobby.stream(caller, after)

    @page("GET", "/dashboard")
    def dashboard_page(self, caller: Caller = None) -> Page:
        """How the house is doing, for staff."""
        return self.dashboard.page(caller)

    @http("GET", "/dashboard.csv", content_type="text/csv; charset=utf-8")
    def dashboard_sheet(self, query: Any, caller: Caller = None) -> bytes:
        """A day's figures, for spreadsheets."""
        return self.dashboard.sheet(query, caller)

    @page("GET", "/dashboard/stream")
    def dashboard_stream(self, caller: Any, after: str | None = None) -> Stream:
        """The dashboard's parts, whenever they change."""
        return self.dashboard.stream(caller, after)

    def measured_now(self) -> Iterable[Metric]:
        """For /metrics: the orders, the outbox and the workers, whose figures are the same in all processes."""
        return self.tracking.measured_now()
