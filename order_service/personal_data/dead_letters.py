"""Dead letters about somebody's orders: a ticket that nobody could process holds a name, an address and notes for
as long as it lies there."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import amqp

from common import codec
from common.errors import Unavailable
from common.orders import topology
from common.rabbitmq import broker
from common.settings import Settings

_MAX_LETTERS = 10_000  # letters that one call looks at


def bodies(settings: Settings, order_numbers: Collection[str]) -> list[dict[str, Any]]:
    """What those about these orders say; they stay. Raises Unavailable without RabbitMQ."""
    with _about(settings, order_numbers) as (_, found):
        return [body for _, body in found]


def drop(settings: Settings, order_numbers: Collection[str]) -> int:
    """Delete those about these orders; returns how many there were. Raises Unavailable without RabbitMQ."""
    with _about(settings, order_numbers) as (channel, found):
        for tag, _ in found:
            channel.basic_ack(tag)
        if found:
            # An answer to something that comes behind them: they are gone.
            channel.queue_declare(topology.DEAD_LETTERS, passive=True)
        return len(found)


@contextmanager
def _about(
    settings: Settings, order_numbers: Collection[str]
) -> Iterator[tuple[amqp.Channel, list[tuple[int, dict[str, Any]]]]]:
    """Off the queue for the length of the block; what is not acknowledged returns to its place."""
    wanted = set(order_numbers)
    try:
        with broker.connected(settings.amqp_uri, settings.broker_heartbeat) as connection:
            channel = connection.channel()
            topology.declare(channel, settings.queue_type)
            found = []
            for _ in range(_MAX_LETTERS if wanted else 0):
                message = channel.basic_get(topology.DEAD_LETTERS)
                if message is None:
                    break
                body = _read(message)
                if isinstance(body, dict) and body.get("order_number") in wanted:
                    found.append((message.delivery_tag, body))
            yield channel, found
    except broker.Lost as exc:
        raise Unavailable("RabbitMQ does not answer, and dead letters may hold something: try again.") from exc


def _read(message: amqp.Message) -> Any:
    try:
        return codec.loads(message.body)
    except ValueError:
        return None
