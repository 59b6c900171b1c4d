"""kitchen_service: one process is one worker."""

from typing import Any

from common import health
from common.events import MOVES_ORDERS, ORDER_STATUS_CHANGED
from common.messaging import BROADCAST, event_handler, rpc
from common.outbox import Relay
from kitchen_service.cooking import SERVICE_NAME, Kitchen
from kitchen_service.work_queue import work_queue


class KitchenService(health.Probes):
    """Takes orders off the work queue, cooks them or hands them to people, and moves them on."""

    name = SERVICE_NAME
    needs = (health.DATABASE, health.RABBITMQ)

    kitchen = Kitchen()
    relay = Relay()

    @work_queue
    def work_on_order(self, order: dict[str, Any], redelivered: bool) -> None:
        """The next order of the types that this worker takes."""
        self.kitchen.work_on(order, redelivered)

    @event_handler(MOVES_ORDERS, ORDER_STATUS_CHANGED, handler_type=BROADCAST)
    def hear_of_change(self, change: dict[str, Any]) -> None:
        """Somebody moved an order; perhaps the one on this stove."""
        self.kitchen.hear(change)

    @rpc
    def move_order(self, order_number: str, status: str, by: str, reason: str | None = None) -> dict[str, Any]:
        """Move an order as a member of staff; what is allowed stands in common/lifecycle.py."""
        return self.kitchen.move(order_number, status, by, reason)

    @rpc
    def list_workers(self) -> list[dict[str, Any]]:
        """Who works; tracking_service answers the same by HTTP."""
        return self.kitchen.workers()
