"""Reading an order's form, for tests."""

from typing import Any

from order_service.menu.catalogue import Menu
from order_service.orders.form import Draft, OrderForm


def read(body: Any, open_items: bool = True) -> OrderForm:
    """As the front door does where nothing is on the menu."""
    return Draft(body).settle(Menu(()), open_items)
