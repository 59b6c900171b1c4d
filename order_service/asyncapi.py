"""What Expedite tells other systems over RabbitMQ: AsyncAPI 3, made from the contracts that its messages keep."""

from typing import Any

from common.orders import events
from common.orders.lifecycle import ORDER_TYPES

Json = dict[str, Any]

VERSION = "1.0"
_DESCRIPTION = """
Events as Nameko sends them: those of order_service go to the topic exchange `order_service.events`, under the
event's name. With Nameko they are heard by `@event_handler("order_service", "order_status_changed")`, with
anything else by a queue that is bound to the exchange. An event comes at least once: drop one whose `event_id` was
seen, or whose `sequence` is not newer than what is known of its order. A body may have members besides these.
"""
_REQUEST_ID = {"type": "string", "minLength": 1, "maxLength": 64}
_DRAFT_07 = "application/schema+json;version=draft-07"  # which the contracts are written in


def document() -> Json:
    """The document, as JSON."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Expedite: events",
            "version": VERSION,
            "description": " ".join(_DESCRIPTION.split()),
        },
        "defaultContentType": "application/json",
        "servers": {
            "rabbitmq": {
                "host": "{host}",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "The house's RabbitMQ.",
                "variables": {"host": {"default": "127.0.0.1:5672", "description": "As AMQP_URI says."}},
                "security": [{"$ref": "#/components/securitySchemes/user"}],
                "bindings": {"amqp": {}},
            }
        },
        "channels": {
            events.ORDER_PLACED: _channel(
                "order_service",
                f"{events.ORDER_PLACED}.{{order_type}}",
                events.ORDER_PLACED,
                "Orders that were accepted. The kitchen's queues are bound here, one for each type.",
                parameters={"order_type": {"enum": list(ORDER_TYPES), "description": "The order's type."}},
            ),
            **{
                f"{events.ORDER_STATUS_CHANGED}_by_{service}": _channel(
                    service,
                    events.ORDER_STATUS_CHANGED,
                    events.ORDER_STATUS_CHANGED,
                    f"Moves that {service} made. To hear of all, listen to each service that moves orders.",
                )
                for service in events.MOVES_ORDERS
            },
        },
        "operations": {
            f"send_{events.ORDER_PLACED}": _sends(events.ORDER_PLACED, events.ORDER_PLACED),
            **{
                f"send_{channel}": _sends(channel, events.ORDER_STATUS_CHANGED)
                for channel in (f"{events.ORDER_STATUS_CHANGED}_by_{service}" for service in events.MOVES_ORDERS)
            },
        },
        "components": {
            "messages": {event: _message(event) for event in (events.ORDER_PLACED, events.ORDER_STATUS_CHANGED)},
            "securitySchemes": {"user": {"type": "userPassword", "description": "A user of the vhost."}},
        },
    }


def _channel(service: str, address: str, event: str, description: str, **more: Any) -> Json:
    exchange = {"name": events.exchange_of(service), "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": address,
        "description": description,
        "servers": [{"$ref": "#/servers/rabbitmq"}],
        "messages": {event: {"$ref": f"#/components/messages/{event}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
        **more,
    }


def _sends(channel: str, event: str) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{event}"}],
        "bindings": {"amqp": {"deliveryMode": 2, "bindingVersion": "0.3.0"}},
    }


def _message(event: str) -> Json:
    contract = events.contract(event)
    examples = contract.pop("examples")
    assert isinstance(examples, list)  # noqa: S101 - a test holds it
    return {
        "name": event,
        "title": str(contract["title"]).replace("_", " ").capitalize(),
        "summary": contract["description"],
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {
                "nameko.request_id": {"description": "The request that caused it.", **_REQUEST_ID},
                "traceparent": {
                    "description": "The step that it is a part of, where that is traced (W3C Trace Context).",
                    "type": "string",
                },
            },
        },
        "payload": {"schemaFormat": _DRAFT_07, "schema": contract},
        "examples": [{"payload": example} for example in examples],
        "bindings": {"amqp": {"contentEncoding": "utf-8", "bindingVersion": "0.3.0"}},
    }
