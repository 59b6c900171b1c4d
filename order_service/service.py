"""order_service: the front door."""

from typing import Any

from common.accounts.identity import Caller
from common.http import http
from common.nameko_runtime import health
from common.nameko_runtime.messaging import rpc
from common.outbox.relay import Relay
from common.pages import Page, Redirect, Screens, page
from common.pages.documents import document
from order_service import asyncapi
from order_service.accounts.routes import AccountRoutes
from order_service.menu import menu_page
from order_service.menu.menu import Menu
from order_service.orders import cancel_page, my_orders, order_page
from order_service.orders.orders import SERVICE_NAME, Orders
from order_service.orders.sweeping import Sweeper
from order_service.personal_data.personal_data import PersonalData
from order_service.settings import OrderSettings

Answer = dict[str, object]


class OrderService(AccountRoutes, Screens):
    """Takes orders, shows them and moves them on; keeps the menu and the accounts, whose routes stand in
    accounts/routes.py. Works with RabbitMQ away: the relay sends later. Who may do what stands in access.py."""

    name = SERVICE_NAME
    settings_class = OrderSettings
    needs = (health.DATABASE,)
    uses = (health.RABBITMQ,)

    orders = Orders()
    menu = Menu()
    personal_data = PersonalData()
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
    @http("POST", "/orders/<order_number>/front")
    def front_order(self, order_number: str, body: object = None, caller: Caller = None) -> Answer:
        """An order that waits is next, or with {"undo": true} waits in its place again."""
        return self.orders.front(order_number, body, caller)

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

    @document("GET", "/asyncapi.json")
    def events(self) -> dict[str, Any]:
        """What is told over RabbitMQ, as AsyncAPI."""
        return asyncapi.document()

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

    # --- what the house holds about people ---------------------------------------------------------------

    @rpc
    def export_person(self, whose: Any, caller: Caller = None) -> Answer:
        """All that there is about an account, a guest's e-mail, or one order, by its number; for admins."""
        return self.personal_data.export(whose, caller)

    @rpc
    def erase_person(self, whose: Any, caller: Caller = None) -> Answer:
        """Take a person off what is kept; for admins."""
        return self.personal_data.erase(whose, caller)

    # --- pages: orders -----------------------------------------------------------------------------------

    @page("GET", "/")
    def order_page(self, query: Any, caller: Caller = None) -> Page:
        """The menu, and what an order needs to be placed."""
        return order_page.show(self.orders, self.menu, self.accounts, query, caller)

    @page("POST", "/")
    def place_order_by_page(self, form: Any, caller: Caller = None) -> Page | Redirect:
        """Place an order, and go on to its tracker."""
        return order_page.place(self.orders, self.menu, self.accounts, form, caller)

    @page("GET", "/estimate")
    def estimate(self, query: Any) -> Page:
        """When an order of what is in a cart would be ready: a part of the order page."""
        return order_page.estimate(self.orders, self.menu, query)

    @page("GET", "/orders")
    def orders_page(self, query: Any, caller: Caller = None) -> Page:
        """A customer's own orders, or all of them for staff."""
        return my_orders.show(self.orders, self.accounts, query, caller)

    @page("POST", "/orders/<order_number>/cancel-by-page")
    def cancel_by_page(self, order_number: str, form: Any, caller: Caller = None) -> Redirect:
        """Cancel an order from its tracker, and go back there."""
        return cancel_page.cancel(self.orders, order_number, form, caller)

    # --- pages: the menu ---------------------------------------------------------------------------------

    @page("GET", "/menu")
    def menu_page(self, query: Any, caller: Caller = None) -> Page:
        """The menu, for staff."""
        return menu_page.show(self.menu, query, caller)

    @page("POST", "/menu")
    def add_dish_by_page(self, form: Any, query: Any, caller: Caller = None) -> Page | Redirect:
        """Put a dish on it."""
        return menu_page.add(self.menu, form, query, caller)

    @page("POST", "/menu/<name>")
    def change_dish_by_page(self, name: str, form: Any, query: Any, caller: Caller = None) -> Page | Redirect:
        """Change what stands there of a dish."""
        return menu_page.change(self.menu, name, form, query, caller)

    @page("POST", "/menu/<name>/availability")
    def sell_out_by_page(self, name: str, form: Any, query: Any, caller: Caller = None) -> Page | Redirect:
        """Sell a dish out, or bring it back."""
        return menu_page.sell_out(self.menu, name, form, query, caller)

    @page("POST", "/menu/<name>/removal")
    def remove_dish_by_page(self, name: str, form: Any, query: Any, caller: Caller = None) -> Page | Redirect:
        """Take a dish off it."""
        return menu_page.remove(self.menu, name, query, caller)
