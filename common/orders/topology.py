"""The exchanges and queues that orders travel through, and their limits."""

import amqp

from common.orders import events, lifecycle

DEAD_LETTERS = "dead_letters"
MAX_PRIORITY = 10
_MAX_LENGTH = 100_000  # orders in one queue; what comes on top stays in the outbox

_ORDERS = "order_service"


def kitchen_queue(order_type: str) -> str:
    """The work queue of one type of order."""
    return f"kitchen.{order_type}"


def declare(channel: amqp.Channel) -> None:
    """Declare the exchanges, and every queue that must be there before its first consumer is.

    An order that is placed before the first worker ever started waits in its queue.
    """
    for service in events.MOVES_ORDERS:
        channel.exchange_declare(events.exchange_of(service), "topic", durable=True, auto_delete=False)
    channel.exchange_declare(DEAD_LETTERS, "fanout", durable=True, auto_delete=False)
    channel.queue_declare(DEAD_LETTERS, durable=True, auto_delete=False)
    channel.queue_bind(DEAD_LETTERS, DEAD_LETTERS)
    for order_type in lifecycle.ORDER_TYPES:
        queue = kitchen_queue(order_type)
        channel.queue_declare(
            queue,
            durable=True,
            auto_delete=False,
            arguments={
                "x-max-priority": MAX_PRIORITY,
                "x-dead-letter-exchange": DEAD_LETTERS,
                "x-max-length": _MAX_LENGTH,
                "x-overflow": "reject-publish",
            },
        )
        channel.queue_bind(queue, events.exchange_of(_ORDERS), events.order_placed(order_type))
