"""The entrypoint that brings a worker its orders: `@work_queue` on the method that cooks.

It holds at most PREFETCH orders at once, across all its queues, and acknowledges a ticket when the method has
returned. One thread owns the connection; the methods run in Nameko's workers.
"""

import logging
from functools import partial
from typing import Any

import eventlet
from eventlet.queue import Empty, LightQueue
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint
from prometheus_client import Counter

from common import broker, events, logs
from common.errors import NotFound, Unavailable
from common.events import ContractBroken
from common.settings import SettingsError, settings
from kitchen_service import tickets
from kitchen_service.registration import Registration
from kitchen_service.ticket_rail import Ticket, TicketRail
from kitchen_service.tickets import Delivery, GivenUp, InOtherHands

_LONGEST_PAUSE = 3.0  # seconds between attempts to reach a broker that is down
_KEEP_ALIVE = 1.0  # seconds

TICKETS = Counter(
    "expedite_kitchen_tickets", "Tickets that this worker took, by what became of them.", ["outcome"]
)
for _outcome in ("done", "retried", "dead_lettered", "put_off", "in_other_hands"):
    TICKETS.labels(_outcome)  # it is there with 0, or who watches for its first increase sees none

#: Failures that no repetition heals.
PERMANENT = (ContractBroken, NotFound, GivenUp)


class WorkQueue(Entrypoint):
    """Calls the method with the ticket's body and its Delivery. When it raises, the ticket comes again after the
    pauses of RETRY_PAUSES, and then goes to dead_letters; what no repetition heals goes there at once."""

    registration = Registration()

    def setup(self) -> None:
        self.settings = settings(self.container.config, self.container.service_name)
        if self.settings.prefetch >= self.container.max_workers:
            raise SettingsError("PREFETCH must be less than MAX_WORKERS")
        self._stopping = False
        self._hands: dict[str, Ticket] = {}  # what is being worked on, by order number
        self._finished: LightQueue = LightQueue()
        self._thread: Any = None

    def start(self) -> None:
        self._thread = self.container.spawn_managed_thread(self._run)

    def stop(self) -> None:
        """Take nothing more, and return when what is in hand is done and acknowledged."""
        self._stopping = True
        with eventlet.Timeout(self.settings.stop_grace, False):
            self._thread.wait()
        self._thread.kill()  # what is left goes back to the queue with the connection

    def _run(self) -> None:
        self._until_registered()
        pause = 0.2
        while not (self._stopping and not self._hands):
            try:
                with broker.connected(self.settings.amqp_uri, self.settings.broker_heartbeat) as connection:
                    rail = TicketRail(connection, self.settings.order_types, self.settings.retry_pauses)
                    logs.event("rabbitmq_connected", f"waiting for {', '.join(self.settings.order_types)}")
                    pause = 0.2
                    self._serve(rail)
            except broker.Lost as exc:
                logs.event(
                    "rabbitmq_connection_failed",
                    "lost RabbitMQ; what is in hand is finished",
                    logging.WARNING,
                    reason=type(exc).__name__,
                    pause_seconds=pause,
                )
                pause = self._start_over(pause)
            except Exception:
                logs.event("message_processing_failed", "the work queue failed; it starts over", logging.ERROR)
                pause = self._start_over(pause)

    def _start_over(self, pause: float) -> float:
        """The broker has what was in hand again already, so there is nothing to acknowledge."""
        self._disown()
        eventlet.sleep(pause)
        return min(pause * 2, _LONGEST_PAUSE)

    def _until_registered(self) -> None:
        while not self._stopping:
            with eventlet.Timeout(_KEEP_ALIVE, False):
                self.registration.wait()
                return

    def _serve(self, rail: TicketRail) -> None:
        """Take and settle tickets until stopped. Raises one of broker.Lost with the connection."""
        while not (self._stopping and not self._hands):
            self._settle(rail)
            if self._stopping or len(self._hands) >= self.settings.prefetch:
                self._wait_for_a_free_hand(rail)
                continue
            ticket = rail.next(lambda: self._stopping or not self._finished.empty())
            if ticket is not None:
                self._take(rail, ticket)

    def _take(self, rail: TicketRail, ticket: Ticket) -> None:
        if self._stopping:
            rail.give_back(ticket)
            return
        try:
            events.check(events.ORDER_PLACED, ticket.body)
        except ContractBroken as exc:
            self._bury(rail, ticket, exc)
            return
        number = ticket.body["order_number"]
        earlier = self._hands.get(number)
        self._hands[number] = ticket
        if earlier is not None:
            # A second ticket for what is in hand: it takes the place of the first.
            if earlier.is_owned:
                rail.acknowledge(earlier)
            return
        try:
            self.container.spawn_worker(
                self,
                (ticket.body, Delivery(ticket.attempts, self._is_last(ticket))),
                {},
                context_data={"request_id": ticket.request_id},
                handle_result=partial(self._handle_result, number),
            )
        except ContainerBeingKilled:
            del self._hands[number]
            rail.give_back(ticket)

    def _handle_result(self, order_number: str, worker_ctx: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        self._finished.put((order_number, exc_info[1] if exc_info else None))
        return result, exc_info

    def _wait_for_a_free_hand(self, rail: TicketRail) -> None:
        try:
            finished = self._finished.get(timeout=_KEEP_ALIVE)
        except Empty:
            rail.keep_alive()
        else:
            self._settle_one(rail, *finished)

    def _settle(self, rail: TicketRail) -> None:
        while not self._finished.empty():
            self._settle_one(rail, *self._finished.get())

    def _settle_one(self, rail: TicketRail, order_number: str, failure: Exception | None) -> None:
        ticket = self._hands.pop(order_number)
        if not ticket.is_owned:
            return
        if failure is None:
            TICKETS.labels("done").inc()
            rail.acknowledge(ticket)
        elif isinstance(failure, Unavailable):
            self._put_off(rail, ticket, failure)
        elif isinstance(failure, InOtherHands):
            TICKETS.labels("in_other_hands").inc()
            logs.event("order_in_other_hands", f"the ticket waits: {failure}", order_number=order_number)
            rail.retry_later(ticket, self.settings.retry_pauses[0], ticket.attempts, tickets.reason(failure))
        elif isinstance(failure, PERMANENT) or self._is_last(ticket):
            self._bury(rail, ticket, failure)
        else:
            self._retry(rail, ticket, failure)

    def _put_off(self, rail: TicketRail, ticket: Ticket, failure: Exception) -> None:
        """PostgreSQL is away and this worker stops, or the order's row cannot be had: no attempt to be counted."""
        TICKETS.labels("put_off").inc()
        if self._stopping:
            rail.give_back(ticket)
        else:
            pause = self.settings.retry_pauses[-1]
            self._log_failure(ticket, failure, f"a ticket comes again in {pause:g} s", logging.WARNING)
            rail.retry_later(ticket, pause, ticket.attempts, tickets.reason(failure))

    def _is_last(self, ticket: Ticket) -> bool:
        return ticket.attempts >= len(self.settings.retry_pauses)

    def _retry(self, rail: TicketRail, ticket: Ticket, failure: Exception) -> None:
        TICKETS.labels("retried").inc()
        pause = self.settings.retry_pauses[ticket.attempts]
        self._log_failure(ticket, failure, f"a ticket comes again in {pause:g} s", logging.WARNING)
        rail.retry_later(ticket, pause, ticket.attempts + 1, tickets.reason(failure))

    def _bury(self, rail: TicketRail, ticket: Ticket, failure: Exception) -> None:
        TICKETS.labels("dead_lettered").inc()
        self._log_failure(ticket, failure, f"a ticket goes to {broker.DEAD_LETTERS}", logging.ERROR)
        rail.dead_letter(ticket, tickets.reason(failure), self.settings.worker_name)

    def _log_failure(self, ticket: Ticket, failure: Exception, message: str, level: int) -> None:
        logs.begin_request(logs.sane_request_id(ticket.request_id))
        logs.event(
            "message_processing_failed",
            f"{message}: {type(failure).__name__}",
            level,
            error=failure,
            queue=ticket.queue,
            order_number=ticket.order_number,
            attempts=ticket.attempts + 1,
            reason=tickets.reason(failure),
        )

    def _disown(self) -> None:
        for ticket in self._hands.values():
            ticket.is_owned = False
        while not self._finished.empty():
            self._hands.pop(self._finished.get()[0])


work_queue = WorkQueue.decorator
