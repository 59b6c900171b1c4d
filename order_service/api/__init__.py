"""What order_service answers over HTTP: its OpenAPI document."""

from common.api import PROBES, Api
from common.api.description import section
from order_service.api.accounts import ROUTES as ACCOUNTS
from order_service.api.menu import ROUTES as MENU
from order_service.api.orders import ROUTES as ORDERS

API = Api(
    "Expedite: orders, menu, accounts",
    "The front door: takes orders, shows them and moves them on; keeps the menu and the accounts.",
    {
        **section("Orders", ORDERS),
        **section("Menu", MENU),
        **section("Accounts", ACCOUNTS),
        **PROBES,
    },
)
