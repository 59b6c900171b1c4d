"""The exchanges and queues that orders travel through, and their limits."""

from collections.abc import Sequence
from typing import Any

import amqp

from common.orders import events, lifecycle
from common.rabbitmq import queue_types

DEAD_LETTERS = "dead_letters"
MAX_PRIORITY = 10
_MAX_LENGTH = 100_000  # orders in one queue; what comes on top stays in the outbox
_MAX_WAITING = 10_000  # tickets that wait for their next attempt, of each pause

_ORDERS = "order_service"


def kitchen_queue(order_type: str) -> str:
    """The work queue of one type of order."""
    return f"kitchen.{order_type}"


def retry_queue(pause: float) -> str:
    """Where a ticket waits `pause` seconds for its next attempt; also the exchange that leads there."""
    return f"retry.{pause:g}s"


def queues(queue_type: str, retry_pauses: Sequence[float] = ()) -> dict[str, dict[str, Any]]:
    """The queues, by name, with the arguments that they are declared with."""
    kitchen = {
        "x-max-priority": MAX_PRIORITY,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-max-length": _MAX_LENGTH,
        "x-overflow": "reject-publish",
    }
    named: dict[str, dict[str, Any]] = {DEAD_LETTERS: {}}
    named |= {kitchen_queue(order_type): kitchen for order_type in lifecycle.ORDER_TYPES}
    # Nobody reads these: their messages expire, and then go where their routing key says.
    named |= {
        retry_queue(pause): {
            "x-message-ttl": int(pause * 1000),
            "x-dead-letter-exchange": "",
            "x-max-length": _MAX_WAITING,
            "x-overflow": "reject-publish",
        }
        for pause in retry_pauses
    }
    return {name: queue_types.arguments(queue_type, given) for name, given in named.items()}


def declare(channel: amqp.Channel, queue_type: str, retry_pauses: Sequence[float] = ()) -> None:
    """Declare the exchanges, and every queue that must be there before its first consumer is.

    An order that is placed before the first worker ever started waits in its queue.
    """
    for service in events.MOVES_ORDERS:
        channel.exchange_declare(events.exchange_of(service), "topic", durable=True, auto_delete=False)
    retry_queues = [retry_queue(pause) for pause in retry_pauses]
    for fanout in (DEAD_LETTERS, *retry_queues):
        channel.exchange_declare(fanout, "fanout", durable=True, auto_delete=False)
    for queue, arguments in queues(queue_type, retry_pauses).items():
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
    for fanout in (DEAD_LETTERS, *retry_queues):
        channel.queue_bind(fanout, fanout)
    for order_type in lifecycle.ORDER_TYPES:
        channel.queue_bind(kitchen_queue(order_type), events.exchange_of(_ORDERS), events.order_placed(order_type))
