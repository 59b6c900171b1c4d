"""The kitchen, as the service's methods see it: `kitchen = Kitchen()`, then `self.kitchen.work_on(…)`.

A ticket's way: `work_queue` takes it off its queue, `work_on()` has it cooked (`stove`), `outcomes` decides what
becomes of it, and `work_queue` carries that out.
"""

import contextlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import eventlet
from nameko.extensions import DependencyProvider
from sqlalchemy import text

from common.errors import IllegalMove, Invalid, NotFound, Unavailable
from common.observability import logs, metrics, traces
from common.orders import front, moves
from common.orders.board import Board
from common.orders.lifecycle import EMPLOYEE, FAILED, KITCHEN, STATUSES
from common.orders.messages import OrderPlaced, StatusChanged
from common.orders.moves import Actor
from common.orders.numbers import is_order_number
from common.orders.waking import wake_screens
from common.postgres.provider import Postgres
from kitchen_service import clearing
from kitchen_service.outcomes import DeadLettered, Outcome, Retried, TryLater, outcome_of, reason
from kitchen_service.registration import Registration
from kitchen_service.settings import STAFFED, KitchenSettings
from kitchen_service.stove import SERVICE_NAME, Stove

_MAX_FAILURES = 2  # attempts on an order's rows, with PostgreSQL answering, before the next order gets its turn
_MAX_PAUSE = 5.0  # seconds between attempts while PostgreSQL is away
_FOR_THE_BOARD = 2  # of the pool's connections

_BRIEFLY = text("set local lock_timeout = '500ms'")
_NOTE_RETRY = text(f"""
    update orders set retry_at = now() + make_interval(secs => :pause), tries = :tries where number = :number
    returning {wake_screens()}
""")
_NOTE_TRIES = text("update orders set tries = :tries where number = :number")

_Result = TypeVar("_Result")

_RETRIES = metrics.RETRIES.labels("step")


class Kitchen(DependencyProvider):
    """What this process's workers do with orders. Keeps nothing for a Nameko worker, so all of them share it."""

    postgres = Postgres()
    registration = Registration()

    def setup(self) -> None:
        self.settings: KitchenSettings = self.container.settings
        self._sessions = self.postgres.sessions
        # Whatever happens to all that is in hand in one moment, the board finds connections.
        places = max(1, self.settings.db_pool_size - _FOR_THE_BOARD)
        self._in_turn = self._sessions.in_turn(places)
        self._stove = Stove(self._in_turn, self.settings, self.registration.instance)
        self.board = Board(self._sessions, self.settings, is_public=False)

    def stop(self) -> None:
        self._stove.close()

    def get_dependency(self, worker_ctx: object) -> "Kitchen":
        return self

    # --- a ticket's way ----------------------------------------------------------------------------------

    def work_on(self, order: OrderPlaced, attempts: int, worker: str) -> Outcome:
        """Do, as the worker of that name, what is to be done with an order whose ticket has failed `attempts`
        times so far; returns what becomes of the ticket. What that means for the order is written by then."""
        outcome = self._outcome(self._failure(order, attempts, worker), attempts)
        if isinstance(outcome, DeadLettered) and outcome.fails_order:
            try:
                self._give_up(order, reason(outcome.failure), attempts + 1)
            except Unavailable as exc:  # until that is written, the ticket is no dead letter
                return self._outcome(exc, attempts)
        elif isinstance(outcome, Retried):
            with contextlib.suppress(Unavailable):
                self._note_retry(order.order_number, outcome.after, attempts + 1)
        return outcome

    def _failure(self, order: OrderPlaced, attempts: int, worker: str) -> Exception | None:
        try:
            self._cook(order, attempts, worker)
        except Exception as exc:
            return exc
        return None

    def _cook(self, order: OrderPlaced, attempts: int, worker: str) -> None:
        if self.settings.cooking == STAFFED:
            self._persist(lambda: self._stove.accept(order, attempts, worker))
            return
        in_hand = self._persist(lambda: self._stove.take(order, attempts, worker))
        if in_hand is None:
            return
        with traces.span("cook"):
            is_done = self._stove.cook(in_hand)
        if is_done:
            self._persist(lambda: self._stove.finish(in_hand))

    def _persist(self, attempt: Callable[[], _Result]) -> _Result:
        """Try again while PostgreSQL is away, with growing pauses, until the process is told to stop: then it
        raises Unavailable.

        Raises TryLater when PostgreSQL is there but this order's rows cannot be had: somebody holds them.
        """
        pause = 0.5
        failures = 0
        while True:
            try:
                return attempt()
            except Unavailable as exc:
                failures = failures + 1 if self._sessions.can_connect() else 0
                if failures == _MAX_FAILURES:
                    raise TryLater(str(exc.detail)) from exc
                logs.event(
                    "db_transaction_failed",
                    "keeping the ticket until PostgreSQL is back",
                    logging.WARNING,
                    pause_seconds=pause,
                )
                if self.container.stopping:
                    raise
            _RETRIES.inc()
            eventlet.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE)

    def _outcome(self, failure: Exception | None, attempts: int) -> Outcome:
        return outcome_of(failure, attempts, self.settings.retry_pauses, is_stopping=self.container.stopping)

    def _give_up(self, order: OrderPlaced, why: str, tries: int) -> None:
        """The order's history says that its ticket is among the dead letters, and why."""
        with self._in_turn.begin() as session, contextlib.suppress(IllegalMove, NotFound):
            session.execute(_BRIEFLY)
            options = {"reason": why, "placed_at": order.placed_at}
            moves.move(session, SERVICE_NAME, order.order_number, FAILED, Actor(KITCHEN, KITCHEN), **options)
            session.execute(_NOTE_TRIES, {"number": order.order_number, "tries": tries})

    def _note_retry(self, number: str, pause: float, tries: int) -> None:
        with self._in_turn.begin() as session:
            session.execute(_BRIEFLY)  # the order's row may be what could not be had
            session.execute(_NOTE_RETRY, {"number": number, "pause": pause, "tries": tries})

    # --- what was moved at the front door ----------------------------------------------------------------

    def wants(self, event: Any) -> bool:
        """Whether a status change is for `hear()`: of all that are moved, this process cooks one or two.

        A change that breaks its contract is, too: there it is said.
        """
        number = event.get("order_number") if isinstance(event, dict) else None
        return not isinstance(number, str) or self._stove.has(number)

    def hear(self, event: dict[str, object]) -> None:
        """An order was moved at the front door. Raises ContractBroken."""
        self._stove.hear(StatusChanged.read(event))

    # --- by people ---------------------------------------------------------------------------------------

    def move(self, order_number: str, status: str, by: str, why: str | None) -> dict[str, object]:
        """Move an order as a member of staff called `by`. Raises Invalid, NotFound and IllegalMove."""
        if status not in STATUSES:
            raise Invalid.fields([{"field": "status", "message": f"Must be one of: {', '.join(STATUSES)}."}])
        _must_be_a_line("by", by, 100)
        _must_be_a_line("reason", "-" if why is None else why, 500)
        _must_be_a_number(order_number)
        options = self._stove.move_options
        with self._sessions.begin() as session:
            moved = moves.move(
                session, SERVICE_NAME, order_number, status, Actor(by, EMPLOYEE), reason=why, **options
            )
            return moved.as_answer()

    def front(self, order_number: str, by: str, undo: bool) -> dict[str, object]:
        """Send an order that waits to the front of the line, or put it back in its place. Raises Invalid, NotFound
        and IllegalMove."""
        _must_be_a_line("by", by, 100)
        if not isinstance(undo, bool):
            raise Invalid.fields([{"field": "undo", "message": "Must be true or false."}])
        _must_be_a_number(order_number)
        with self._sessions.single() as session:
            return front.send(session, order_number, by, undo=undo).as_answer()

    def clear(self, order_number: str) -> None:
        """Take an order that was cancelled or failed off the board. Raises NotFound and IllegalMove."""
        _must_be_a_number(order_number)
        with self._sessions.single() as session:
            clearing.clear(session, order_number)


def _must_be_a_line(field: str, given: Any, most: int) -> None:
    if not isinstance(given, str) or not given.isprintable() or not 1 <= len(given) <= most:
        raise Invalid.fields([{"field": field, "message": f"Must be a line of 1 to {most} characters."}])


def _must_be_a_number(given: Any) -> None:
    if not is_order_number(given):
        raise NotFound("There is no such order.")
