"""order_service: the front door."""

from typing import Any

from common.http import http
from common.nameko_runtime import health
from common.nameko_runtime.messaging import rpc
from common.outbox.relay import Relay
from order_service.accounts.accounts import Accounts
from order_service.accounts.identity import Caller
from order_service.menu.menu import Menu
from order_service.orders.orders import SERVICE_NAME, Orders
from order_service.orders.sweeping import Sweeper
from order_service.settings import OrderSettings

Answer = dict[str, object]

#: Web requests that need a password's hash; whoever tries passwords by the hundred leaves orders their room.
MAX_CONCURRENT_SIGN_INS = 10


class OrderService(health.Probes):
    """Takes orders, shows them and moves them on; keeps the menu and the accounts. Works with RabbitMQ away: the
    relay sends later. Who may do what stands in access.py."""

    name = SERVICE_NAME
    settings_class = OrderSettings
    needs = (health.DATABASE,)
    uses = (health.RABBITMQ,)

    orders = Orders()
    menu = Menu()
    accounts = Accounts()
    relay = Relay()
    sweeper = Sweeper()

    # --- orders ------------------------------------------------------------------------------------------

    @rpc
    @http("POST", "/orders", status=201, location="/orders/{order_number}")
    def place_order(self, body: object, caller: Caller = None, idempotency_key: str | None = None) -> Answer:
        """Place an order; the same key and order again places nothing and gets the same answer."""
        return self.orders.place(body, caller, idempotency_key)

    @rpc
    @http("GET", "/orders")
    def list_orders(self, query: object = None, caller: Caller = None) -> Answer:
        """Orders by the page, filtered and sorted: a customer's own, or all for staff."""
        return self.orders.page(query, caller)

    @rpc
    @http("GET", "/orders/<order_number>")
    def get_order(self, order_number: str, caller: Caller = None) -> Answer:
        """An order in full, or a guest's status for who only knows the number."""
        return self.orders.read(order_number, caller)

    @rpc
    @http("POST", "/orders/<order_number>/cancel")
    def cancel_order(self, order_number: str, body: object = None, caller: Caller = None) -> Answer:
        """Cancel an order, with an optional reason."""
        return self.orders.cancel(order_number, body, caller)

    @rpc
    @http("POST", "/orders/<order_number>/start")
    def start_order(self, order_number: str, body: object = None, caller: Caller = None) -> Answer:
        """Staff take an order that waits in hand."""
        return self.orders.step("start", order_number, body, caller)

    @rpc
    @http("POST", "/orders/<order_number>/ready")
    def ready_order(self, order_number: str, body: object = None, caller: Caller = None) -> Answer:
        """Staff are done with it (a bump)."""
        return self.orders.step("ready", order_number, body, caller)

    @rpc
    @http("POST", "/orders/<order_number>/dispatch")
    def dispatch_order(self, order_number: str, body: object = None, caller: Caller = None) -> Answer:
        """It is on its way to the customer."""
        return self.orders.step("dispatch", order_number, body, caller)

    @rpc
    @http("POST", "/orders/<order_number>/complete")
    def complete_order(self, order_number: str, body: object = None, caller: Caller = None) -> Answer:
        """The customer has it."""
        return self.orders.step("complete", order_number, body, caller)

    @rpc
    @http("POST", "/orders/<order_number>/recall")
    def recall_order(self, order_number: str, body: object = None, caller: Caller = None) -> Answer:
        """It was not ready after all; possible for a while."""
        return self.orders.step("recall", order_number, body, caller)

    @rpc
    @http("POST", "/orders/<order_number>/fail")
    def fail_order(self, order_number: str, body: object = None, caller: Caller = None) -> Answer:
        """It cannot be made, with a reason."""
        return self.orders.step("fail", order_number, body, caller)

    @rpc
    def get_status(self, order_number: str) -> Answer:
        """Where an order stands; tracking_service answers the same by HTTP."""
        return self.orders.board.status(order_number)

    @rpc
    def get_history(self, order_number: str) -> list[Answer]:
        """Where an order has been; tracking_service answers the same by HTTP."""
        return self.orders.board.history(order_number)

    @rpc
    def list_stuck_orders(self) -> list[Answer]:
        """What has been waiting or cooking for too long; tracking_service answers the same by HTTP."""
        return self.orders.board.stuck()

    # --- the menu ----------------------------------------------------------------------------------------

    @rpc
    @http("GET", "/menu")
    def read_menu(self) -> Answer:
        """What there is, what it costs, what is in it, and what is sold out."""
        return self.menu.read()

    @rpc
    @http("POST", "/menu", status=201, location="{url}")
    def add_dish(self, body: object, caller: Caller = None) -> Answer:
        """Put a dish on the menu."""
        return self.menu.add(body, caller)

    @rpc
    @http("PATCH", "/menu/<name>")
    def change_dish(self, name: str, body: object, caller: Caller = None) -> Answer:
        """Change a dish, or sell it out and back."""
        return self.menu.change(name, body, caller)

    @rpc
    @http("DELETE", "/menu/<name>")
    def remove_dish(self, name: str, caller: Caller = None) -> Answer:
        """Take a dish off the menu."""
        return self.menu.remove(name, caller)

    # --- accounts ----------------------------------------------------------------------------------------

    @rpc
    @http("POST", "/register", status=201, max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def register(self, body: object, caller: Caller = None) -> Answer:
        """Make an account, and sign in."""
        return self.accounts.register(body, caller)

    @rpc
    @http("POST", "/login", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def login(self, body: object, caller: Caller = None) -> Answer:
        """Sign in."""
        return self.accounts.login(body, caller)

    @rpc
    @http("PUT", "/users/me/password", max_concurrent=MAX_CONCURRENT_SIGN_INS)
    def change_password(self, body: object, caller: Caller = None) -> Answer:
        """Change one's own password."""
        return self.accounts.change_password(body, caller)

    @rpc
    @http("GET", "/users")
    def list_users(self, query: object = None, caller: Caller = None) -> Answer:
        """Accounts by the page."""
        return self.accounts.page(query, caller)

    @rpc
    @http("PUT", "/users/<user_id>/role")
    def set_role(self, user_id: Any, body: object, caller: Caller = None) -> Answer:
        """Make somebody staff, or a customer again."""
        return self.accounts.set_role(user_id, body, caller)
