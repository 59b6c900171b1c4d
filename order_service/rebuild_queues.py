"""The queues, made anew from what PostgreSQL knows: `python -m order_service.rebuild_queues`.

For a broker that is empty (another release of RabbitMQ, or one that lost its disk), and for queues that are of
another kind than QUEUE_TYPE says; those are deleted, for which all services must be stopped. Each ticket that an
order needs and that is in no queue is put into the outbox, from where order_service sends it to its queue.

Dead letters are in RabbitMQ alone. They are kept when their queue is made anew; from a broker of before they are
taken over with its address in the environment, as AMQP_URI_BEFORE.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import amqp
from sqlalchemy import text

from common import codec
from common.errors import Refusal
from common.nameko_runtime.messaging import POOL_ARGUMENTS
from common.orders import events, lifecycle, topology
from common.postgres.sessions import Sessions, open_sessions
from common.rabbitmq import broker, queue_types
from common.settings import ConfigReader, SettingsError, load_config
from order_service.orders.sweeping import send_missing_again
from order_service.settings import OrderSettings

_DELIVERIES = "notifier.deliveries"  # what only notifier_service can take, and would miss
_KEPT = "dead_letters.kept"  # where they are while their queue is made anew
_SERVICES = ("order_service", "kitchen_service", "tracking_service", "notifier_service")
_IN_FLIGHT = 1.0  # seconds, above what lies between the clocks of PostgreSQL's statements here

_UNPUBLISHED = text(f"""
    select body ->> 'order_number' from outbox
    where routing_key like '{events.ORDER_PLACED}.%' and body ? 'order_number'
""")


class _Occupied(Exception):
    """A queue holds what cannot be made anew; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m order_service.rebuild_queues", description=__doc__.splitlines()[0]
    )
    parser.parse_args(arguments)
    logging.disable()  # what goes wrong is said once, in a sentence
    try:
        config = load_config()
        settings = OrderSettings.of(config, "order_service")
        pauses = ConfigReader(config).retry_pauses()
        before = os.environ.get("AMQP_URI_BEFORE", "")
        for line in rebuild(open_sessions(settings), settings, pauses, before):
            sys.stdout.write(line + "\n")
    except (Refusal, SettingsError, _Occupied, *broker.Lost) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


def rebuild(
    sessions: Sessions, settings: OrderSettings, retry_pauses: Sequence[float], before: str = ""
) -> Iterator[str]:
    """Make the queues anew, and yield what was done, in sentences. `before` is the address of the broker that dead
    letters are taken over from, if there is one. Can be done again after it failed. Raises what broker.Lost names,
    and a Refusal without PostgreSQL."""
    with broker.connected(settings.amqp_uri, settings.broker_heartbeat) as connection:
        yield from _declare_anew(connection, settings, retry_pauses)
        if before:
            with broker.connected(before, settings.broker_heartbeat) as former:
                moved = _move(former, topology.DEAD_LETTERS, connection, topology.DEAD_LETTERS)
            yield f"Dead letters taken over: {moved}."
    sent: set[str] = set()
    began = time.monotonic()
    while True:
        # First what the outbox holds, then the queues: what is published in between is in its queue by then.
        with sessions.begin_in_background() as session:
            unpublished = {row[0] for row in session.execute(_UNPUBLISHED)}
        with broker.connected(settings.amqp_uri, settings.broker_heartbeat) as connection:
            waiting = _waiting(connection, settings, retry_pauses)
        grace = time.monotonic() - began + _IN_FLIGHT
        with sessions.begin_in_background() as session:
            found = send_missing_again(session, lifecycle.ORDER_TYPES, unpublished | waiting | sent, grace)
        sent |= {order["order_number"] for order in found}
        if not found:
            break
    yield f"Tickets that are sent again: {len(sent)}."


def _declare_anew(
    connection: amqp.Connection, settings: OrderSettings, retry_pauses: Sequence[float]
) -> Iterator[str]:
    changed = _differing(connection, settings, retry_pauses)
    if _DELIVERIES in changed and (left := _count(connection, _DELIVERIES)):
        raise _Occupied(
            f"{_DELIVERIES} holds {left} changes that are still to be told: let notifier_service run, with the "
            "QUEUE_TYPE of before, until it is empty"
        )
    with connection.channel() as channel:
        if topology.DEAD_LETTERS in changed:
            channel.queue_declare(_KEPT, durable=True, auto_delete=False)
    if topology.DEAD_LETTERS in changed:
        _move(connection, topology.DEAD_LETTERS, connection, _KEPT)
    for queue in changed:
        with connection.channel() as channel:
            channel.queue_delete(queue)
    with connection.channel() as channel:
        topology.declare(channel, settings.queue_type, retry_pauses)
    if _count(connection, _KEPT) is not None:
        _move(connection, _KEPT, connection, topology.DEAD_LETTERS)
        with connection.channel() as channel:
            channel.queue_delete(_KEPT, if_empty=True)
    yield f"Queues that were of another kind: {', '.join(changed) or 'none'}. QUEUE_TYPE is {settings.queue_type}."


def _wanted(settings: OrderSettings, retry_pauses: Sequence[float]) -> dict[str, dict[str, Any]]:
    """The shared queues, and their arguments. Those that each process has for itself go with it."""
    plain = queue_types.arguments(settings.queue_type, {})
    return {
        **topology.queues(settings.queue_type, retry_pauses),
        _DELIVERIES: queue_types.arguments(settings.queue_type, POOL_ARGUMENTS),
        **{f"rpc-{service}": plain for service in _SERVICES},
    }


def _differing(connection: amqp.Connection, settings: OrderSettings, retry_pauses: Sequence[float]) -> list[str]:
    """The queues that are there, and cannot be declared as they shall be."""
    differing = []
    for queue, arguments in _wanted(settings, retry_pauses).items():
        if _count(connection, queue) is not None:
            channel = connection.channel()
            try:
                channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
            except amqp.PreconditionFailed:
                differing.append(queue)
            else:
                channel.close()
    return differing


def _count(connection: amqp.Connection, queue: str) -> int | None:
    """How many messages wait in a queue; None when there is no such queue."""
    channel = connection.channel()
    try:
        count = int(channel.queue_declare(queue, passive=True).message_count)
    except amqp.NotFound:
        return None
    channel.close()
    return count


def _move(source: amqp.Connection, queue: str, target: amqp.Connection, other: str) -> int:
    """Each message of a queue to another one, which has it before this one has not; returns how many."""
    if _count(source, queue) is None:
        return 0
    moved = 0
    with source.channel() as channel:
        while (message := channel.basic_get(queue)) is not None:
            broker.publish(target, broker.copy(message), "", other)
            channel.basic_ack(message.delivery_tag)
            moved += 1
    return moved


def _waiting(connection: amqp.Connection, settings: OrderSettings, retry_pauses: Sequence[float]) -> set[str]:
    """The numbers of the orders whose tickets wait in a queue. The tickets stay."""
    numbers = set()
    with connection.channel() as channel:
        for queue in topology.queues(settings.queue_type, retry_pauses):
            if queue != topology.DEAD_LETTERS:
                while (message := channel.basic_get(queue)) is not None:
                    numbers.add(_order_number(message.body))
    return numbers - {None}


def _order_number(body: bytes | str) -> Any:
    try:
        read = codec.loads(body)
    except ValueError:
        return None
    return read.get("order_number") if isinstance(read, dict) else None


if __name__ == "__main__":
    sys.exit(main())
