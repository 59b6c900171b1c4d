"""The kitchen's queues as a worker sees them: a rail of waiting tickets, of which it takes the best.

A consumer with a prefetch would hold a ticket of each queue, and AMQP gives no order across queues. So a process
with a free hand fetches the head of each of its queues, keeps the best and gives the others back to their places.
With more free hands it fetches the next head of the queue that had the best, and so on, before it gives back the
rest. Only when all are empty does it consume, as a wake-up, and cancels again at the first delivery. One thread
uses a rail.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import amqp
from amqp import spec

from common import codec
from common.observability import traces
from common.orders import messages, topology
from common.rabbitmq import broker
from kitchen_service import tickets

_MAX_LOOK = 20  # tickets; then all queues are looked at again, as something more urgent may have come
_QUIET = 0.005  # seconds; what comes sooner waited already
_SLICE = 0.2  # seconds between looks at what else is to be done while nothing comes
# Seconds without a ticket after which the queues are asked whether they are empty. On a node that its cluster has
# lost, queues bring nothing and say nothing; one that does not answer such a question is left for another node.
_LOOK_AGAIN = 10.0


@dataclass(eq=False)
class Ticket:
    """A message from a kitchen queue, not acknowledged yet. `body` is None when it is no JSON.

    `is_owned` ends with the connection that brought it: from then on the broker has it again. `worker` is the name
    of who has its order in hand.
    """

    message: Any = field(repr=False)
    queue: str
    body: object = field(repr=False)
    is_owned: bool = True
    worker: str | None = None

    @property
    def order_number(self) -> str | None:
        number = self.body.get("order_number") if isinstance(self.body, dict) else None
        return number if isinstance(number, str) else None

    @property
    def request_id(self) -> str | None:
        return self.body.get("request_id") if isinstance(self.body, dict) else None

    @property
    def traceparent(self) -> object:
        """What its header of that name says; see common.observability.traces."""
        return (self.message.headers or {}).get(traces.HEADER)

    @property
    def attempts(self) -> int:
        """How often it has failed so far."""
        counted = (self.message.headers or {}).get("attempts")
        return max(0, counted) if isinstance(counted, int) else 0

    @property
    def urgency(self) -> tuple[int, str]:
        return tickets.urgency(self.message.properties.get("priority") or 0, self.body)


class TicketRail:
    """The waiting tickets of some types, over one connection."""

    def __init__(
        self,
        connection: amqp.Connection,
        queue_type: str,
        order_types: Sequence[str],
        retry_pauses: Sequence[float],
    ) -> None:
        self._connection = connection
        self._channel = connection.channel()
        self._queues = [topology.kitchen_queue(order_type) for order_type in order_types]
        self._tags = itertools.count()
        self._copies: list[tuple[Ticket, tuple[amqp.Message, str, str]]] = []
        # Nothing waited the last time: the next ticket will have to be waited for, too.
        self._is_quiet = False
        self._channel.basic_qos(0, 1, False)
        topology.declare(self._channel, queue_type, retry_pauses)

    def next(self, hands: int, has_enough: Callable[[], bool]) -> Iterator[Ticket]:
        """The most urgent of the waiting tickets, one after the other, for so many free hands at most; when none
        waits, the most urgent of what comes next. Nothing when `has_enough()`, asked five times a second, is true
        before, or when nothing has come for a while."""
        found = None
        if not self._is_quiet:
            for found in self._best(min(hands, _MAX_LOOK)):
                yield found
        if found is None and (found := self._wait(has_enough)) is not None:
            yield found

    def _best(self, hands: int) -> Iterator[Ticket]:
        """The most urgent waiting tickets."""
        heads = self._heads(self._queues)
        while heads:
            best = heads.pop(min(heads, key=lambda queue: heads[queue].urgency))
            hands -= 1
            if not hands:
                for ticket in heads.values():
                    self.give_back(ticket)
                heads.clear()
            yield best
            if hands:
                heads |= self._heads([best.queue])

    def _heads(self, queues: Sequence[str]) -> dict[str, Ticket]:
        """The first ticket of each of those queues in which any waits."""
        # Asked for together: amqp's basic_get() would go to the broker and back for each queue.
        for queue in queues:
            self._channel.send_method(spec.Basic.Get, "Bsb", (0, queue, False))
        heads = {}
        for queue in queues:
            got = self._channel.wait([spec.Basic.GetOk, spec.Basic.GetEmpty], returns_tuple=True)
            if len(got) > 1:  # GetOk's arguments, and the message
                tag, *_, message = got
                message.channel, message.delivery_info = self._channel, {"delivery_tag": tag}
                heads[queue] = _ticket(message, queue)
        return heads

    def _wait(self, has_enough: Callable[[], bool]) -> Ticket | None:
        began = time.monotonic()
        arrived: list[Ticket] = []
        consumers = []
        for queue in self._queues:
            tag = f"{queue}-{next(self._tags)}"
            self._channel.basic_consume(
                queue,
                consumer_tag=tag,
                nowait=True,
                callback=lambda message, queue=queue: arrived.append(_ticket(message, queue)),
            )
            consumers.append(tag)
        while not arrived and not has_enough() and time.monotonic() - began < _LOOK_AGAIN:
            try:
                self._connection.drain_events(timeout=_SLICE)
            except TimeoutError:
                self._connection.heartbeat_tick()
        self._is_quiet = len(arrived) == 1 and time.monotonic() - began > _QUIET
        # The last one's answer comes when nothing more can come of any.
        for tag in consumers:
            self._channel.basic_cancel(tag, nowait=tag != consumers[-1])
        for tag in consumers:
            self._channel.callbacks.pop(tag, None)
        return self._keep_best(arrived)

    def acknowledge(self, ticket: Ticket) -> None:
        """The order is taken care of."""
        self._channel.basic_ack(ticket.message.delivery_tag)

    def give_back(self, ticket: Ticket) -> None:
        """Somebody else may take it; it returns to its place in the queue, or to the front of a quorum queue."""
        # From RabbitMQ 4.3 on a reject counts as a failure of the ticket, and this does not.
        self._channel.send_method(spec.Basic.Nack, "Lbb", (ticket.message.delivery_tag, False, True))

    def retry_later(self, ticket: Ticket, pause: float, attempts: int, reason: str) -> None:
        """Bring it back to its queue after `pause` seconds, with `attempts` as its count, by the next
        `send_copies()`. What waits behind it goes on."""
        message = broker.copy(ticket.message, attempts=attempts, reason=reason)
        self._copies.append((ticket, (message, topology.retry_queue(pause), ticket.queue)))

    def dead_letter(self, ticket: Ticket, reason: str, worker_name: str) -> None:
        """Put it where people read it, and take it off the queue, by the next `send_copies()`."""
        headers = messages.dead_letter_headers(reason, ticket.queue, ticket.attempts + 1, worker_name)
        message = broker.copy(ticket.message, **headers)
        self._copies.append((ticket, (message, topology.DEAD_LETTERS, "")))

    def send_copies(self) -> None:
        """Send what comes again later, or is a dead letter. All of it together, since a confirmation takes the
        broker as long for one as for many, and a ticket is off its queue when its copy is confirmed.

        Raises OSError when the broker does not take one; it has that ticket again with the connection."""
        if not self._copies:
            return
        tickets, messages = zip(*self._copies, strict=True)
        self._copies.clear()
        taken = broker.publish_together(self._connection, messages)
        for ticket, is_taken in zip(tickets, taken, strict=True):
            if is_taken:
                self.acknowledge(ticket)
        if not all(taken):
            raise OSError("the broker did not take all copies of tickets")

    def keep_alive(self) -> None:
        """To be called every second or so while hands are full."""
        broker.keep_alive(self._connection)

    def _keep_best(self, candidates: list[Ticket]) -> Ticket | None:
        if not candidates:
            return None
        best = min(candidates, key=lambda ticket: ticket.urgency)
        for ticket in candidates:
            if ticket is not best:
                self.give_back(ticket)
        return best


def _ticket(message: Any, queue: str) -> Ticket:
    try:
        body = codec.loads(message.body)
    except ValueError:
        body = None
    return Ticket(message, queue, body)
