"""The exchanges and queues that orders travel through, and their limits."""

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


def declare(channel: amqp.Channel, queue_type: str) -> None:
    """Declare the exchanges, and every queue that must be there before its first consumer is.

    An order that is placed before the first worker ever started waits in its queue.
    """
    for service in events.MOVES_ORDERS:
        channel.exchange_declare(events.exchange_of(service), "topic", durable=True, auto_delete=False)
    channel.exchange_declare(DEAD_LETTERS, "fanout", durable=True, auto_delete=False)
    channel.queue_declare(
        DEAD_LETTERS, durable=True, auto_delete=False, arguments=queue_types.arguments(queue_type, {})
    )
    channel.queue_bind(DEAD_LETTERS, DEAD_LETTERS)
    for order_type in lifecycle.ORDER_TYPES:
        queue = kitchen_queue(order_type)
        channel.queue_declare(
            queue,
            durable=True,
            auto_delete=False,
            arguments=queue_types.arguments(
                queue_type,
                {
                    "x-max-priority": MAX_PRIORITY,
                    "x-dead-letter-exchange": DEAD_LETTERS,
                    "x-max-length": _MAX_LENGTH,
                    "x-overflow": "reject-publish",
                },
            ),
        )
        channel.queue_bind(queue, events.exchange_of(_ORDERS), events.order_placed(order_type))


def declare_retry(channel: amqp.Channel, queue_type: str, pause: float) -> None:
    """Declare a queue that nobody reads: its messages expire after `pause` seconds, and then go where their
    routing key says."""
    name = retry_queue(pause)
    arguments = {
        "x-message-ttl": int(pause * 1000),
        "x-dead-letter-exchange": "",
        "x-max-length": _MAX_WAITING,
        "x-overflow": "reject-publish",
    }
    channel.exchange_declare(name, "fanout", durable=True, auto_delete=False)
    channel.queue_declare(
        name, durable=True, auto_delete=False, arguments=queue_types.arguments(queue_type, arguments)
    )
    channel.queue_bind(name, name)
