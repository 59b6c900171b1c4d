"""Cooking an order: taking it in hand, the time it takes, and moving it on.

A worker that lost an order (a broken connection, a frozen process) may come back while another cooks it: the
fencing number that it got when it took the order is then no longer the order's, and it can move nothing.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import eventlet
from eventlet.event import Event
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common import events, logs, moves, read_model
from common.database import Postgres, Sessions
from common.errors import IllegalMove, Invalid, NotFound, Unavailable
from common.lifecycle import COOKING, EMPLOYEE, FAILED, KITCHEN, READY, STATUSES, WORKER
from common.moves import Actor, Moved, Mover
from common.order_numbers import is_order_number
from common.settings import STAFFED
from kitchen_service import tickets
from kitchen_service.registration import IS_GONE, Registration
from kitchen_service.tickets import Delivery, GivenUp, InOtherHands, TryLater

SERVICE_NAME = "kitchen_service"
# Seconds of cooking after which a worker looks whether the order is still its own. What was moved at the front
# door it hears at once; kitchen processes do not send each other their moves, and it learns of those in this way.
_LOOK_AFTER = 2.0
_OVERDUE = 30  # seconds after the time at which a worker should have been done
_IN_VAIN = 2  # attempts on an order's rows, with PostgreSQL answering, before the next order gets its turn
_LONGEST_PAUSE = 5.0  # seconds between attempts while PostgreSQL is away

_Result = TypeVar("_Result")

_HOLDER = text(f"""
    select fence, cooking_worker is not null as is_worker,
        coalesce(cooking_worker = cast(:instance as uuid), false) as is_me,
        not {IS_GONE} as is_alive,
        coalesce(estimated_completion < now() - make_interval(secs => {_OVERDUE}), false) as is_overdue,
        coalesce(cooking_started_at < retry_at, true) as failed_since
    from orders where number = :number and status = 'cooking'
""")
# No log row and no event: the order is cooking, as it was.
_TAKE_OVER = text("""
    update orders set fence = fence + 1, cooking_worker = cast(:instance as uuid), processed_by = :name,
        cooking_started_at = now(),
        estimated_completion = now() + make_interval(secs => prep_seconds * :pace)
    where number = :number and status = 'cooking' and fence = :fence
    returning fence
""")
_STILL_MINE = text("select 1 from orders where number = :number and status = 'cooking' and fence = :fence")
_BRIEFLY = text("set local lock_timeout = '500ms'")
_NOTE_RETRY = text("update orders set retry_at = now() + make_interval(secs => :pause) where number = :number")
_GIVEN_UP = text(f"""
    select 1 from orders o join order_status_log l on l.order_id = o.id and l.sequence = o.sequence
    where o.number = :number and o.status = '{FAILED}' and l.changed_by = '{KITCHEN}'
""")
# Whoever cooked it before, from now on people have it.
_ACCEPT = text("""
    update orders set accepted_by = :name, cooking_worker = null where number = :number returning number
""")


@dataclass(frozen=True)
class InHand:
    """An order that this worker cooks, for as long as `fence` is the order's."""

    order_number: str
    fence: int
    seconds: float


class Kitchen(Postgres):
    """Provides `Stove`. Knows what this process cooks, so that a cancellation can stop it."""

    registration = Registration()

    def setup(self) -> None:
        super().setup()
        self._cooking: dict[str, Event] = {}
        self._mover = Mover(self.settings)

    def stop(self) -> None:
        self._mover.close()

    def get_dependency(self, worker_ctx: Any) -> "Stove":
        actor = Actor(self.registration.name, WORKER, self.registration.instance)
        return Stove(
            self.sessions,
            self.settings,
            actor,
            self._mover,
            cooking=self._cooking,
            is_stopping=self._is_stopping,
        )

    def concerns(self, change: Any) -> bool:
        """Whether a status change is for `Stove.hear()`: of all that are moved, this process cooks one or two.

        A change that breaks its contract is, too: there it is said.
        """
        number = change.get("order_number") if isinstance(change, dict) else None
        return not isinstance(number, str) or number in self._cooking

    def _is_stopping(self) -> bool:
        return bool(self.container.stopping)


class Stove:
    """What a worker does with orders."""

    def __init__(
        self,
        sessions: Sessions,
        settings: Any,
        actor: Actor,
        mover: Mover,
        *,
        cooking: dict[str, Event],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._actor = actor
        self._mover = mover
        self._cooking = cooking
        self._is_stopping = is_stopping

    def work_on(self, order: dict[str, Any], delivery: Delivery) -> None:
        """Do what is to be done with a ticket; when this returns, it can be acknowledged.

        While PostgreSQL is away the ticket is kept and tried again. Raises Unavailable when the process is told
        to stop meanwhile, NotFound for an order that does not exist, GivenUp for one that was given up,
        InOtherHands for one that a living worker cooks; anything else is worth another attempt, and with the
        last one the order is `failed`.
        """
        number = order["order_number"]
        try:
            self._work_on(order, delivery.attempts)
        except (Unavailable, NotFound, GivenUp, InOtherHands):
            raise
        except Exception as exc:
            if delivery.is_last:
                self._give_up(number, tickets.reason(exc))  # until that is written, the ticket is no dead letter
            else:
                with contextlib.suppress(Unavailable):
                    self._note_retry(number, self._settings.retry_pauses[delivery.attempts])
            raise

    def _work_on(self, order: dict[str, Any], attempts: int) -> None:
        number = order["order_number"]
        if self._settings.cooking == STAFFED:
            self._persist(lambda: self._accept(number))
            return
        in_hand = self._persist(lambda: self._take(order, attempts))
        if in_hand is not None and self._cook(in_hand):
            self._persist(lambda: self._finish(in_hand))

    def _give_up(self, number: str, reason: str) -> None:
        """The order's history says that its ticket is among the dead letters, and why."""
        with self._sessions.begin() as session, contextlib.suppress(IllegalMove):
            session.execute(_BRIEFLY)
            self._move(session, number, FAILED, Actor(KITCHEN, KITCHEN), reason=reason)

    def _note_retry(self, number: str, pause: float) -> None:
        with self._sessions.begin() as session:
            session.execute(_BRIEFLY)  # the order's row may be what could not be had
            session.execute(_NOTE_RETRY, {"number": number, "pause": pause})

    def hear(self, change: dict[str, Any]) -> None:
        """An order was moved at the front door. If this process cooks it, it looks at once whether to go on."""
        events.check(events.ORDER_STATUS_CHANGED, change)
        event = self._cooking.get(change["order_number"])
        if event is not None and change["new_status"] != COOKING and not event.ready():
            event.send()

    def move(self, order_number: str, status: str, by: str, reason: str | None) -> dict[str, Any]:
        """Move an order as a member of staff called `by`. Raises Invalid, NotFound and IllegalMove."""
        if status not in STATUSES:
            raise Invalid.fields([{"field": "status", "message": f"Must be one of: {', '.join(STATUSES)}."}])
        for field, given, most in (("by", by, 100), ("reason", "-" if reason is None else reason, 500)):
            if not isinstance(given, str) or not given.isprintable() or not 1 <= len(given) <= most:
                raise Invalid.fields([{"field": field, "message": f"Must be a line of 1 to {most} characters."}])
        if not is_order_number(order_number):
            raise NotFound("There is no such order.")
        with self._sessions.begin() as session:
            return self._move(session, order_number, status, Actor(by, EMPLOYEE), reason=reason).as_answer()

    def workers(self) -> list[dict[str, Any]]:
        """Who works, by name."""
        with self._sessions.begin() as session:
            return read_model.workers(session)

    def _accept(self, number: str) -> None:
        with self._sessions.begin() as session:
            if not session.execute(_ACCEPT, {"number": number, "name": self._actor.name}).all():
                raise NotFound(f"There is no order {number}.")
        logs.event("order_accepted", f"{number} is on the board", order_number=number)

    def _take(self, order: dict[str, Any], attempts: int) -> InHand | None:
        """Take the order in hand, or return None when there is nothing to do for it any more."""
        number = order["order_number"]
        seconds = tickets.cooking_seconds(order["prep_seconds"], self._settings.cooking_speed)
        try:
            moved = self._move_together(number, COOKING)
        except IllegalMove as exc:
            with self._sessions.begin() as session:
                if session.execute(_GIVEN_UP, {"number": number}).one_or_none() is not None:
                    raise GivenUp(f"{number} was given up") from exc
            logs.event("order_skipped", f"{number} is {exc.extra['current_status']} already", order_number=number)
            return None
        fence: int | None = moved.fence
        if not moved.changed:
            with self._sessions.begin() as session:
                fence = self._take_over(session, number, attempts)
        if fence is None:
            logs.event("order_skipped", f"{number} is in other hands", order_number=number)
            return None
        logs.event(
            "order_processing_started",
            f"{self._actor.name} cooks {number}",
            order_number=number,
            worker_name=self._actor.name,
            taken_over=not moved.changed,
            seconds=round(seconds, 3),
        )
        return InHand(number, fence, seconds)

    def _take_over(self, session: Session, number: str, attempts: int) -> int | None:
        """The new fence of an order that its worker lost; None when a person has it, or it has moved on.

        Raises InOtherHands.
        """
        instance = str(self._actor.instance)
        row = session.execute(_HOLDER, {"number": number, "instance": instance}).one_or_none()
        if row is None:
            return None
        holder = tickets.Holder(row.is_worker, row.is_me, row.is_alive, row.is_overdue, row.failed_since)
        if not tickets.is_lost(holder, attempts):
            if holder.is_worker:
                raise InOtherHands(f"{number} is being cooked")
            return None
        return session.execute(
            _TAKE_OVER,
            {
                "number": number,
                "fence": row.fence,
                "instance": instance,
                "name": self._actor.name,
                "pace": tickets.pace(self._settings.cooking_speed),
            },
        ).scalar_one_or_none()

    def _cook(self, in_hand: InHand) -> bool:
        """Spend the time; False when the order was moved or taken by somebody else meanwhile."""
        done_at = time.monotonic() + in_hand.seconds
        try:
            while (left := done_at - time.monotonic()) > 0:
                # What is heard comes at once, and may be old news; what counts is what PostgreSQL says.
                heard = self._cooking[in_hand.order_number] = Event()
                with eventlet.Timeout(min(left, _LOOK_AFTER), False):
                    heard.wait()
                if (heard.ready() or time.monotonic() < done_at) and not self._is_still_mine(in_hand):
                    logs.event(
                        "order_interrupted",
                        f"{in_hand.order_number} was taken off the stove",
                        order_number=in_hand.order_number,
                        heard=heard.ready(),
                    )
                    return False
            return True
        finally:
            self._cooking.pop(in_hand.order_number, None)

    def _finish(self, in_hand: InHand) -> None:
        try:
            self._move_together(in_hand.order_number, READY, fence=in_hand.fence)
        except IllegalMove:
            logs.event(
                "order_skipped",
                f"{in_hand.order_number} was moved by somebody else",
                order_number=in_hand.order_number,
            )
            return
        logs.event(
            "order_completed",
            f"{in_hand.order_number} is ready",
            order_number=in_hand.order_number,
            worker_name=self._actor.name,
        )

    def _move_together(self, number: str, status: str, fence: int | None = None) -> Moved:
        """A worker's own move, in one transaction with others of this process."""
        return self._mover.move(
            self._sessions, SERVICE_NAME, number, status, self._actor, fence=fence, **self._pace()
        )

    def _move(self, session: Session, number: str, status: str, actor: Actor, reason: str | None = None) -> Moved:
        return moves.move(session, SERVICE_NAME, number, status, actor, reason=reason, **self._pace())

    def _pace(self) -> dict[str, float]:
        return {
            "pace": tickets.pace(self._settings.cooking_speed),
            "recall_window": self._settings.recall_window,
        }

    def _is_still_mine(self, in_hand: InHand) -> bool:
        try:
            with self._sessions.begin() as session:
                found = session.execute(
                    _STILL_MINE, {"number": in_hand.order_number, "fence": in_hand.fence}
                ).one_or_none()
                return found is not None
        except Unavailable:
            return True  # nobody can have taken it without PostgreSQL either

    def _persist(self, attempt: Callable[[], _Result]) -> _Result:
        """Try again while PostgreSQL is away, with growing pauses, until the process is told to stop.

        Raises TryLater when PostgreSQL is there but this order's rows cannot be had: somebody holds them.
        """
        pause = 0.5
        in_vain = 0
        while True:
            try:
                return attempt()
            except Unavailable as exc:
                in_vain = in_vain + 1 if self._sessions.are_to_be_had() else 0
                if in_vain == _IN_VAIN:
                    raise TryLater(str(exc.detail)) from exc
                logs.event(
                    "db_transaction_failed",
                    "keeping the ticket until PostgreSQL is back",
                    logging.WARNING,
                    pause_seconds=pause,
                )
                if self._is_stopping():
                    raise
            eventlet.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
