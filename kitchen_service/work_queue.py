"""The entrypoint that brings the workers of a process their orders: `@work_queue` on the method that cooks.

Each holds at most PREFETCH orders at once, across all queues, and its ticket is acknowledged when the method has
returned. One thread owns the connection and looks for all of them; the methods run in Nameko's workers.
"""

import logging
from functools import partial
from typing import Any

import eventlet
from eventlet.queue import Empty, LightQueue
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint
from prometheus_client import Counter

from common.observability import logs, metrics, traces
from common.orders import topology
from common.orders.events import ORDER_PLACED, ContractBroken
from common.orders.messages import OrderPlaced
from common.rabbitmq import broker
from kitchen_service import outcomes
from kitchen_service.outcomes import DeadLettered, Done, InOtherHands, Outcome, PutOff, Retried, outcome_of
from kitchen_service.registration import Registration
from kitchen_service.settings import KitchenSettings
from kitchen_service.stations import Stations
from kitchen_service.ticket_rail import Ticket, TicketRail

_MAX_PAUSE = 3.0  # seconds between attempts to reach a broker that is down
_KEEP_ALIVE = 1.0  # seconds

TICKETS = Counter("expedite_kitchen_tickets", "Tickets that were taken here, by what became of them.", ["outcome"])
for _outcome in outcomes.OUTCOMES:
    TICKETS.labels(_outcome.name)  # it is there with 0, or who watches for its first increase sees none


_RETRIES = metrics.RETRIES.labels("work_queue")


class WorkQueue(Entrypoint):
    """Calls the method with the ticket's order, how often the ticket has failed so far, and the name of the worker
    that takes it. It returns what becomes of the ticket (`outcomes`), which is carried out here."""

    registration = Registration()
    event_type = ORDER_PLACED

    def setup(self) -> None:
        self.settings: KitchenSettings = self.container.settings
        self._stations = Stations(self.settings.worker_names, self.settings.prefetch)
        self.container.make_room(self._stations.free_hands)
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
        self.container.end_workers(self)

    def _run(self) -> None:
        self._until_registered()
        pause = 0.2
        while not (self._stopping and not self._hands):
            try:
                with broker.connected(self.settings.amqp_uri, self.settings.broker_heartbeat) as connection:
                    settings = self.settings
                    rail = TicketRail(connection, settings.queue_type, settings.order_types, settings.retry_pauses)
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
        _RETRIES.inc()
        eventlet.sleep(pause)
        return min(pause * 2, _MAX_PAUSE)

    def _until_registered(self) -> None:
        while not self._stopping:
            with eventlet.Timeout(_KEEP_ALIVE, False):
                self.registration.wait()
                return

    def _serve(self, rail: TicketRail) -> None:
        """Take tickets, and carry out what becomes of them, until stopped. Raises one of broker.Lost with the
        connection."""
        while not (self._stopping and not self._hands):
            self._put_down_what_is_finished(rail)
            rail.send_copies()
            hands = self._stations.free_hands
            if self._stopping or not hands:
                self._wait_for_a_free_hand(rail)
                continue
            for ticket in rail.next(hands, lambda: self._stopping or not self._finished.empty()):
                self._take(rail, ticket)
        rail.send_copies()

    def _take(self, rail: TicketRail, ticket: Ticket) -> None:
        if self._stopping:
            rail.give_back(ticket)
            return
        try:
            order = OrderPlaced.read(ticket.body)
        except ContractBroken as exc:
            self._carry_out(rail, ticket, self._outcome(exc, ticket))
            return
        number = order.order_number
        earlier = self._hands.get(number)
        ticket.worker = self._stations.take() if earlier is None else earlier.worker
        self._hands[number] = ticket
        if earlier is not None:
            # A second ticket for what is in hand: it takes the place of the first.
            if earlier.is_owned:
                rail.acknowledge(earlier)
            return
        try:
            self.container.spawn_worker(
                self,
                (order, ticket.attempts, ticket.worker),
                {},
                context_data={"request_id": order.request_id, traces.HEADER: ticket.traceparent},
                handle_result=partial(self._handle_result, ticket),
            )
        except ContainerBeingKilled:
            self._free_hand_of(number)
            rail.give_back(ticket)

    def _handle_result(self, ticket: Ticket, worker_ctx: object, result: Any, exc_info: Any) -> tuple[Any, Any]:
        outcome = result if exc_info is None else self._outcome(exc_info[1], ticket)
        traces.note({"expedite.order_number": str(ticket.order_number), "expedite.outcome": outcome.name})
        self._finished.put((ticket.order_number, outcome))
        return result, exc_info

    def _outcome(self, failure: Exception, ticket: Ticket) -> Outcome:
        return outcome_of(failure, ticket.attempts, self.settings.retry_pauses, is_stopping=self._stopping)

    def _wait_for_a_free_hand(self, rail: TicketRail) -> None:
        try:
            finished = self._finished.get(timeout=_KEEP_ALIVE)
        except Empty:
            rail.keep_alive()
        else:
            self._put_down(rail, *finished)

    def _put_down_what_is_finished(self, rail: TicketRail) -> None:
        while not self._finished.empty():
            self._put_down(rail, *self._finished.get())

    def _put_down(self, rail: TicketRail, order_number: str, outcome: Outcome) -> None:
        ticket = self._free_hand_of(order_number)
        if ticket.is_owned:
            self._carry_out(rail, ticket, outcome)

    def _free_hand_of(self, order_number: str) -> Ticket:
        """Whoever has the order in hand puts it down."""
        ticket = self._hands.pop(order_number)
        if ticket.worker is not None:
            self._stations.put_down(ticket.worker)
        return ticket

    def _carry_out(self, rail: TicketRail, ticket: Ticket, outcome: Outcome) -> None:
        TICKETS.labels(outcome.name).inc()
        match outcome:
            case Done():
                rail.acknowledge(ticket)
            case PutOff(after=None):
                rail.give_back(ticket)
            case InOtherHands(failure, after):
                logs.event(
                    "order_in_other_hands", f"the ticket waits: {failure}", order_number=ticket.order_number
                )
                rail.retry_later(ticket, after, ticket.attempts, outcomes.reason(failure))
            case PutOff(failure, float(after)):
                self._log_failure(ticket, failure, f"a ticket comes again in {after:g} s", logging.WARNING)
                rail.retry_later(ticket, after, ticket.attempts, outcomes.reason(failure))
            case Retried(failure, after):
                self._log_failure(ticket, failure, f"a ticket comes again in {after:g} s", logging.WARNING)
                rail.retry_later(ticket, after, ticket.attempts + 1, outcomes.reason(failure))
            case DeadLettered(failure):
                self._log_failure(ticket, failure, f"a ticket goes to {topology.DEAD_LETTERS}", logging.ERROR)
                worker = ticket.worker or self.settings.worker_name
                rail.dead_letter(ticket, outcomes.reason(failure), worker)

    def _log_failure(self, ticket: Ticket, failure: Exception, message: str, level: int) -> None:
        logs.begin_request(logs.sane_request_id(ticket.request_id))
        logs.join_trace(traces.trace_id_of(ticket.traceparent))
        logs.event(
            "message_processing_failed",
            f"{message}: {type(failure).__name__}",
            level,
            error=failure,
            queue=ticket.queue,
            order_number=ticket.order_number,
            attempts=ticket.attempts + 1,
            reason=outcomes.reason(failure),
        )

    def _disown(self) -> None:
        for ticket in self._hands.values():
            ticket.is_owned = False
        while not self._finished.empty():
            self._free_hand_of(self._finished.get()[0])


work_queue = WorkQueue.decorator
