"""notifier_service: tells people and systems what happens to orders."""

from common.nameko_runtime import health
from common.nameko_runtime.messaging import BROADCAST, event_handler
from common.orders.events import MOVES_ORDERS, ORDER_STATUS_CHANGED
from notifier_service.console import Console


class NotifierService(health.Probes):
    """Every process hears every change of both services that move orders."""

    name = "notifier_service"
    needs = (health.RABBITMQ,)

    console = Console()

    @event_handler(MOVES_ORDERS, ORDER_STATUS_CHANGED, handler_type=BROADCAST)
    def print_change(self, change: dict[str, object]) -> None:
        """Print it, in every process."""
        self.console.show(change)
