"""Nameko's `@rpc` and `@event_handler`, made to outlive their broker.

Import the decorators from here instead of from nameko. What differs:
- a process starts, waits and goes on when RabbitMQ is away; nothing gives up after some attempts;
- a broadcast queue outlives a broken connection, so that what was sent meanwhile is not missed;
- a dependency can look at an event first, and spare the service a worker for what does not concern it;
- a pool of processes can have a queue by a name of its own, which gives nothing away that was not done;
- a message that cannot be read is dropped, where it would come again and again;
- a call is executed at most once, and an answer that cannot be sent back does not end the process;
- callers get a Refusal as it was raised, and of faults of ours no more than that they happened.
"""

import contextlib
import logging
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import eventlet
import nameko.events
import nameko.messaging
import nameko.rpc
from eventlet.semaphore import Semaphore
from kombu.entity import binding
from nameko.events import BROADCAST
from nameko.extensions import ProviderCollector
from nameko.standalone.events import get_event_exchange

from common import codec, errors
from common.observability import logs
from common.rabbitmq import broker, queue_types

__all__ = ["BROADCAST", "event_handler", "rpc"]

_BROADCAST_ARGUMENTS = {
    "x-expires": 300_000,  # ms that a process may be away and still get what it missed
    "x-max-length": 10_000,
}
POOL_ARGUMENTS = {
    "x-message-ttl": 86_400_000,  # ms: news of yesterday
    "x-max-length": 100_000,  # of more, the oldest go
}
_POOL_PLACES = 100  # messages of a pool that a process works on at once: fewer than it has workers
_RECONNECT_PAUSE = 1.0  # seconds
_ANSWER_TIMEOUT = 5.0  # seconds that a worker waits for its RPC answer to be confirmed


class QueueConsumer(nameko.messaging.QueueConsumer):
    """Consumes over one connection, for as long as the service runs."""

    _starting: bool

    def start(self) -> None:
        # Nameko's waits here until the broker is there.
        if not self._starting:
            self._starting = True
            self._gt = self.container.spawn_managed_thread(self._consume_for_ever)

    def unregister_provider(self, provider: Any) -> None:
        # Nameko's waits for the consumer's thread, which may have no connection.
        ProviderCollector.unregister_provider(self, provider)

    def stop(self) -> None:
        """Called when the workers are done: their acknowledgements are sent, so the connection can go."""
        self.should_stop = True
        with eventlet.Timeout(3, False):
            self._gt.wait()
        self._gt.kill()

    def kill(self) -> None:
        self.should_stop = True
        self._gt.kill()

    def ack_message(self, message: Any) -> None:
        # On a connection that is gone there is nothing to acknowledge: the broker has the message again.
        with contextlib.suppress(*broker.Lost):
            if not message.acknowledged:
                super().ack_message(message)

    def requeue_message(self, message: Any) -> None:
        with contextlib.suppress(*broker.Lost):
            super().requeue_message(message)

    @property
    def amqp_uri(self) -> str:
        # kombu begins with the first address at each connection.
        return ";".join(broker.in_turn(self.container.config["AMQP_URI"]))

    @contextlib.contextmanager
    def establish_connection(self) -> Iterator[Any]:
        # kombu's own pauses grow to half a minute, whatever TRANSPORT_OPTIONS say.
        pauses = self.container.config["TRANSPORT_OPTIONS"]
        with self.create_connection() as connection:
            connection.ensure_connection(
                self.on_connection_error,
                interval_start=pauses["interval_start"],
                interval_step=pauses["interval_step"],
                interval_max=pauses["interval_max"],
            )
            yield connection

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        consumers = list(super().get_consumers(consumer_cls, channel))
        for consumer in consumers:
            consumer.on_decode_error = self._drop
        return consumers

    def _drop(self, message: Any, exc: Exception) -> None:
        logs.event(
            "message_processing_failed", "a message that cannot be read is dropped", logging.ERROR, error=exc
        )
        self.ack_message(message)

    def on_iteration(self) -> None:
        for provider in [each for each in self._consumers if each not in self._providers]:
            consumer = self._consumers.pop(provider)
            consumer.cancel()
            if getattr(provider, "handler_type", None) == BROADCAST:
                consumer.queues[0].delete()  # nobody else will ever read it

    def on_consume_ready(self, connection: Any, channel: Any, consumers: Any, **kwargs: Any) -> None:
        logs.event("rabbitmq_connected", "consuming", queues=[queue.name for c in consumers for queue in c.queues])

    def on_connection_error(self, exc: Exception, interval: float) -> None:
        logs.event(
            "rabbitmq_connection_failed",
            "waiting for RabbitMQ",
            logging.WARNING,
            reason=type(exc).__name__,
            pause_seconds=interval,
        )

    def consume(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        try:
            yield from super().consume(*args, **kwargs)
        except Exception as exc:
            logs.event("rabbitmq_connection_failed", "lost RabbitMQ", logging.WARNING, reason=type(exc).__name__)
            raise

    def _consume_for_ever(self) -> None:
        while not self.should_stop:
            try:
                self.run()
            except Exception:
                logs.event("rabbitmq_connection_failed", "consuming failed; starting again", logging.ERROR)
                eventlet.sleep(_RECONNECT_PAUSE)


class EventHandler(nameko.events.EventHandler):
    """Nameko's event handler, with four additions.

    `source_service` may name several services: their events come through one queue, so in one order. Of a
    broadcast every process gets every event, also those of the seconds that it was cut off; its queue goes
    with the process. And `prefilter` may name a dependency of the service, whose provider has `wants(event)`:
    an event for which that is false is taken as handled, at a fraction of what a worker costs. With `pool`, the
    name of a queue, each event is handled by one of the service's processes; one whose handler raises comes again
    at once, so it should raise only when the process stops.
    """

    queue_consumer = QueueConsumer()
    source_service: str | tuple[str, ...]

    def __init__(self, *args: Any, prefilter: str | None = None, pool: str | None = None, **kwargs: Any) -> None:
        self._prefilter = prefilter
        self._provider: Any = None
        self._pool = pool
        # However long the handlers of a pool wait, for PostgreSQL say, others find a worker.
        self._places = None if pool is None else Semaphore(_POOL_PLACES)
        super().__init__(*args, requeue_on_error=pool is not None, **kwargs)

    @property
    def broadcast_identifier(self) -> str | None:
        return uuid.uuid4().hex if self.handler_type == BROADCAST else None

    def setup(self) -> None:
        sources = self.source_service
        if isinstance(sources, tuple):
            self.source_service = "+".join(sources)  # nameko's queue name has room for one
        super().setup()
        if isinstance(sources, tuple):
            exchanges = [get_event_exchange(source, self.container.config) for source in sources]
            self.queue.exchange, self.queue.routing_key = None, ""
            self.queue.bindings = {
                binding(exchange, self.event_type)  # type: ignore[no-untyped-call]
                for exchange in exchanges
            }
        arguments: dict[str, int] = {}
        if self.handler_type == BROADCAST:
            arguments = _BROADCAST_ARGUMENTS
        if self._pool is not None:
            self.queue.name, arguments = self._pool, POOL_ARGUMENTS
        self.queue.queue_arguments = queue_types.arguments(self.container.config["QUEUE_TYPE"], arguments)
        if self._prefilter is not None:
            [self._provider] = [each for each in self.container.dependencies if each.attr_name == self._prefilter]

    def handle_message(self, body: object, message: Any) -> None:
        if self._provider is not None and not self._provider.wants(body):
            self.queue_consumer.ack_message(message)
            return
        if self._places is not None:
            self._places.acquire()
        super().handle_message(body, message)

    def handle_message_processed(self, message: Any, result: Any = None, exc_info: Any = None) -> None:
        if exc_info is not None:
            logs.event(
                "message_processing_failed",
                f"{self.method_name} failed: {type(exc_info[1]).__name__}: {exc_info[1]}",
                logging.WARNING,
                message_id=message.properties.get("message_id"),
            )
        if self._places is not None:
            self._places.release()
        super().handle_message_processed(message, result, exc_info)


event_handler = EventHandler.decorator


class RpcConsumer(nameko.rpc.RpcConsumer):
    """Sends answers; one that cannot be sent is the caller's timeout, not the end of this process."""

    queue_consumer = QueueConsumer()

    def setup(self) -> None:
        super().setup()
        if self.queue is not None:
            self.queue.queue_arguments = queue_types.arguments(self.container.config["QUEUE_TYPE"], {})

    def stop(self) -> None:
        """Unregistering is done by the last method's stop()."""

    def unregister_provider(self, provider: Any) -> None:
        ProviderCollector.unregister_provider(self, provider)
        if not self._providers:
            self.queue_consumer.unregister_provider(self)

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        self.queue_consumer.ack_message(message)  # a call that was malformed has not been yet
        if exc_info is not None:
            exc_info = _presentable(exc_info)
        # In a thread of its own: a broker that blocks publishing holds up the answer, and not this worker.
        answering = eventlet.spawn(self._answer, message, result, exc_info)
        with eventlet.Timeout(_ANSWER_TIMEOUT, False):
            answering.wait()
        return result, exc_info

    def _answer(self, message: Any, result: Any, exc_info: Any) -> None:
        try:
            # As HTTP would answer it; kombu's own JSON has other ideas of decimals and times.
            super().handle_result(message, codec.plain(result), exc_info)
        except Exception:
            logs.event("rabbitmq_publish_failed", "an RPC answer could not be sent", logging.ERROR)


class Rpc(nameko.rpc.Rpc):
    """Nameko's RPC entrypoint, acknowledging a call before it is executed: a call that a dying broker or process
    interrupts is not executed a second time behind the caller's back."""

    rpc_consumer = RpcConsumer()

    def handle_message(self, body: object, message: Any) -> None:
        if message.channel.connection is None:
            return  # the broker has it again, and will send it again
        self.rpc_consumer.queue_consumer.ack_message(message)
        super().handle_message(body, message)


rpc = Rpc.decorator


def _presentable(exc_info: Any) -> Any:
    """A Refusal and nameko's own errors as they are; of a fault of ours only that it happened."""
    exc = exc_info[1]
    if isinstance(exc, errors.Refusal) or type(exc).__module__.startswith("nameko."):
        return exc_info
    logs.event("request_failed", f"RPC failed: {type(exc).__name__}", logging.ERROR, error=exc)
    try:
        raise errors.Broken(f"It is logged under request id {logs.current_request_id()}.") from exc
    except errors.Broken:
        return sys.exc_info()
