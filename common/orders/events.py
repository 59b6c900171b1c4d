"""The events of Expedite: their names, and the contracts that their bodies keep.

The JSON Schemas in contracts/ are the contract; producers' and consumers' tests read the same files.
What a body is, and who puts it together, stands in `common.orders.messages`.
"""

import json
from pathlib import Path

import fastjsonschema

SCHEMA_VERSION = 1

ORDER_PLACED = "order_placed"
ORDER_STATUS_CHANGED = "order_status_changed"

#: The services that move orders, so whose exchanges carry order_status_changed.
MOVES_ORDERS = ("order_service", "kitchen_service")


class ContractBroken(Exception):
    """A message's body is not what its contract says. It never will be: no use in trying again."""


def contract(event: str) -> dict[str, object]:
    """The JSON Schema of `event`, with its examples."""
    path = Path(__file__).parent / "contracts" / f"{event}.json"
    schema: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def exchange_of(service_name: str) -> str:
    """The exchange that a service's events go to; nameko's own naming."""
    return f"{service_name}.events"


def order_placed(order_type: str) -> str:
    """The routing key of a placed order."""
    return f"{ORDER_PLACED}.{order_type}"


_checks = {
    event: fastjsonschema.compile(contract(event), use_default=False)
    for event in (ORDER_PLACED, ORDER_STATUS_CHANGED)
}


def check(event: str, body: object) -> None:
    """Raises ContractBroken, naming the field, when `body` does not keep the contract of `event`."""
    try:
        _checks[event](body)
    except fastjsonschema.JsonSchemaValueException as exc:
        raise ContractBroken(f"{event}: {exc.message}") from exc
