"""kitchen_service: one process is one worker."""

from typing import Any

from common import health
from common.dead_letters import DeadLetterOffice
from common.events import ORDER_STATUS_CHANGED
from common.messaging import BROADCAST, event_handler, rpc
from common.outbox import Relay
from kitchen_service.cooking import SERVICE_NAME, Kitchen
from kitchen_service.tickets import Delivery
from kitchen_service.work_queue import work_queue


class KitchenService(health.Probes):
    """Takes orders off the work queue, cooks them or hands them to people, and moves them on."""

    name = SERVICE_NAME
    needs = (health.DATABASE, health.RABBITMQ)

    kitchen = Kitchen()
    dead_letters = DeadLetterOffice()
    relay = Relay()

    @work_queue
    def work_on_order(self, order: dict[str, Any], delivery: Delivery) -> None:
        """The next order of the types that this worker takes."""
        self.kitchen.work_on(order, delivery)

    @event_handler("order_service", ORDER_STATUS_CHANGED, handler_type=BROADCAST, asks="kitchen")
    def hear_of_change(self, change: dict[str, Any]) -> None:
        """Somebody at the front door moved an order; perhaps the one on this stove."""
        self.kitchen.hear(change)

    @rpc
    def move_order(self, order_number: str, status: str, by: str, reason: str | None = None) -> dict[str, Any]:
        """Move an order as a member of staff; what is allowed stands in common/lifecycle.py."""
        return self.kitchen.move(order_number, status, by, reason)

    @rpc
    def list_workers(self) -> list[dict[str, Any]]:
        """Who works; tracking_service answers the same by HTTP."""
        return self.kitchen.workers()

    @rpc
    def list_dead_letters(self, queue: str | None = None, reason: str | None = None) -> list[dict[str, Any]]:
        """What could not be processed, and why; `reason` is a part of it."""
        return self.dead_letters.summaries(queue, reason)

    @rpc
    def show_dead_letter(self, letter_id: str) -> dict[str, Any]:
        """A dead letter with its body."""
        return self.dead_letters.show(letter_id)

    @rpc
    def replay_dead_letters(
        self, letter_id: str | None = None, queue: str | None = None, reason: str | None = None
    ) -> list[dict[str, Any]]:
        """Send one, or all that are meant, back to where they failed."""
        return self.dead_letters.replay(letter_id, queue, reason)

    @rpc
    def drop_dead_letters(
        self, letter_id: str | None = None, queue: str | None = None, reason: str | None = None
    ) -> list[dict[str, Any]]:
        """Delete one, or all that are meant."""
        return self.dead_letters.drop(letter_id, queue, reason)
