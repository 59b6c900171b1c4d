"""order_service: the front door."""

from typing import Any

from common import health
from common.http import http
from common.messaging import rpc
from common.outbox import Relay
from order_service.orders.desk import SERVICE_NAME, Caller, Orders
from order_service.orders.sweeping import Sweeper


class OrderService(health.Probes):
    """Takes orders, shows them and cancels them. Works with RabbitMQ away: the relay sends later."""

    name = SERVICE_NAME
    needs = (health.DATABASE,)
    uses = (health.RABBITMQ,)

    orders = Orders()
    relay = Relay()
    sweeper = Sweeper()

    @rpc
    @http("POST", "/orders", status=201, location="/orders/{order_number}")
    def place_order(self, body: Any, caller: Caller = None, idempotency_key: str | None = None) -> dict[str, Any]:
        """Place an order; the same key and order again places nothing and gets the same answer."""
        return self.orders.place(body, caller, idempotency_key)

    @rpc
    @http("GET", "/orders/<order_number>")
    def get_order(self, order_number: str, caller: Caller = None) -> dict[str, Any]:
        """An order in full, or its status for who only knows the number."""
        return self.orders.read(order_number, caller)

    @rpc
    @http("POST", "/orders/<order_number>/cancel")
    def cancel_order(self, order_number: str, body: Any = None, caller: Caller = None) -> dict[str, Any]:
        """Cancel an order, with an optional reason."""
        return self.orders.cancel(order_number, body, caller)

    @rpc
    def get_status(self, order_number: str) -> dict[str, Any]:
        """Where an order stands; tracking_service answers the same by HTTP."""
        return self.orders.status(order_number)

    @rpc
    def get_history(self, order_number: str) -> list[dict[str, Any]]:
        """Where an order has been; tracking_service answers the same by HTTP."""
        return self.orders.history(order_number)

    @rpc
    def list_stuck_orders(self) -> list[dict[str, Any]]:
        """What has been waiting or cooking for too long; tracking_service answers the same by HTTP."""
        return self.orders.stuck()
