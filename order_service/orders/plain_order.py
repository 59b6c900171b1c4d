"""Reading a plain order at a glance.

Nearly every order is plain: ASCII, the fields that are known, numbers as they should be. For those this says what
the schema of `order_service.orders.order_form` would say, in a tenth of the time; for every other one it says
nothing, and the schema, which knows all the rules and the words for what is wrong, reads it as if this were not
here."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from common.orders.allergens import ALLERGENS, in_order
from common.orders.lifecycle import DELIVERY, DINE_IN, TAKEOUT

_REQUIRED = {"customer_name", "order_type", "items"}
_WHERE = {DINE_IN: {"table_number"}, DELIVERY: {"delivery_address"}, TAKEOUT: set[str]()}
_FIELDS = {
    order_type: (_REQUIRED | where, _REQUIRED | where | {"allergies"}) for order_type, where in _WHERE.items()
}
_ITEM_FIELDS = {"name", "quantity", "price"}
_ITEM_FIELDS_AND_NOTE = _ITEM_FIELDS | {"note"}
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z'-](?:[A-Za-z' -]{0,98}[A-Za-z'-])?")
_ITEM_NAME = re.compile(r"[!-~](?:[ -~]{0,48}[!-~])?")
_NOTE = re.compile(r"[!-~](?:[ -~]{0,138}[!-~])?")
_ADDRESS = re.compile(r"[!-~][ -~]{8,498}[!-~]")
_CENT, _MIN_PRICE, _MAX_PRICE = Decimal("0.01"), Decimal("0.01"), Decimal("999.99")


def read(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the schema would load from `body`, or None when it is for the schema to say."""
    order_type = body.get("order_type")
    if type(order_type) is not str or order_type not in _FIELDS or body.keys() not in _FIELDS[order_type]:
        return None
    name, items = body["customer_name"], body["items"]
    if type(name) is not str or not _NAME.fullmatch(name) or type(items) is not list or not 1 <= len(items) <= 20:
        return None
    read_items = [_item(item) for item in items]
    if None in read_items or not _is_plain_place(order_type, body):
        return None
    read_order = {**body, "items": read_items}
    if "allergies" in body:
        allergies = body["allergies"]
        if type(allergies) is not list or not 1 <= len(allergies) <= len(ALLERGENS):
            return None
        if not all(type(each) is str and each in ALLERGENS for each in allergies):
            return None
        read_order["allergies"] = in_order(allergies)
    return read_order


def _is_plain_place(order_type: str, body: Mapping[str, Any]) -> bool:
    if order_type == DINE_IN:
        table = body["table_number"]
        return type(table) is int and 1 <= table <= 100
    if order_type == DELIVERY:
        address = body["delivery_address"]
        return type(address) is str and _ADDRESS.fullmatch(address) is not None
    return True


def _item(item: Any) -> dict[str, Any] | None:
    if type(item) is not dict or (item.keys() != _ITEM_FIELDS and item.keys() != _ITEM_FIELDS_AND_NOTE):
        return None
    name, quantity, price = item["name"], item["quantity"], item["price"]
    if type(name) is not str or not _ITEM_NAME.fullmatch(name) or type(quantity) is not int:
        return None
    if not 1 <= quantity <= 10 or type(price) is not Decimal or not price.is_finite():
        return None
    if not _MIN_PRICE <= price <= _MAX_PRICE or price != (rounded := price.quantize(_CENT)):
        return None
    read_item = {"name": name, "quantity": quantity, "price": rounded}
    if "note" in item:
        note = item["note"]
        if type(note) is not str or not _NOTE.fullmatch(note):
            return None
        read_item["note"] = note
    return read_item
