"""Cooking an order: taking it in hand, the time it takes, and moving it on.

A worker that lost an order (a broken connection, a frozen process) may come back while another cooks it: the
fencing number that it got when it took the order is then no longer the order's, and it can move nothing.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from eventlet.semaphore import Semaphore
from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.errors import IllegalMove, NotFound
from common.observability import logs
from common.orders import messages
from common.orders.lifecycle import COOKING, FAILED, KITCHEN, READY, RECEIVED, WORKER
from common.orders.messages import OrderPlaced, StatusChanged
from common.orders.moves import Actor, Moved, Mover
from common.orders.waking import wake_screens
from common.postgres.sessions import Sessions
from kitchen_service import tickets
from kitchen_service.lookout import Lookout
from kitchen_service.outcomes import CookedElsewhere, GivenUp
from kitchen_service.registration import IS_GONE
from kitchen_service.settings import KitchenSettings

SERVICE_NAME = "kitchen_service"
# Moves that wait for group commit: what it writes in two transactions. When all stations of a process are done in
# one moment, the others wait for their turn, where no clock runs; they are no more than what is in hand.
_MOVES_AT_ONCE = 200
_OVERDUE = 30  # seconds after the time at which a worker should have been done

_HOLDER = text(f"""
    select fence, cooking_worker is not null as is_worker,
        coalesce(cooking_worker = cast(:instance as uuid), false) as is_me,
        not {IS_GONE} as is_alive,
        coalesce(estimated_completion < now() - make_interval(secs => {_OVERDUE}), false) as is_overdue,
        coalesce(cooking_started_at < retry_at - make_interval(secs => :pause), true) as failed_since
    from orders where number = :number and status = '{COOKING}'
""")
# No log row and no event: the order is cooking, as it was.
_TAKE_OVER = text(f"""
    update orders set fence = fence + 1, cooking_worker = cast(:instance as uuid), processed_by = :name,
        cooking_started_at = now(),
        estimated_completion = now() + make_interval(secs => prep_seconds * :pace)
    where number = :number and status = '{COOKING}' and fence = :fence
    returning fence, {wake_screens()}
""")
_GIVEN_UP = text(f"""
    select 1 from orders o join order_status_log l on l.order_id = o.id and l.sequence = o.sequence
    where o.number = :number and o.status = '{FAILED}' and l.changed_by = '{KITCHEN}'
""")
# Whoever cooked it before, from now on people have it.
_ACCEPT = text(f"""
    update orders set accepted_by = :name, cooking_worker = null
    where number = :number and accepted_by is null
        and (status = '{RECEIVED}' or (status = '{COOKING}' and fence = :fence))
    returning {wake_screens()}
""")
_IS_THERE = text(f"select 1 from orders where number = :number and {messages.placed_at('orders')} = :placed_at")


@dataclass(frozen=True)
class InHand:
    """An order that the worker of that name cooks, for as long as `fence` is the order's."""

    order_number: str
    worker: str
    fence: int
    seconds: float


class Stove:
    """Cooks for the workers of the process `instance`, and knows what they cook, so that a cancellation can stop
    it. One for each process. `worker` is the name of the one who does it.

    Everything that asks PostgreSQL raises Unavailable, and changes nothing when it is asked again.
    """

    def __init__(self, sessions: Sessions, settings: KitchenSettings, instance: uuid.UUID) -> None:
        self._sessions = sessions
        self._instance = instance
        self._speed = settings.cooking_speed
        self._retry_pauses = settings.retry_pauses
        self._mover = Mover(settings, sessions.breaker)
        self._turn = Semaphore(_MOVES_AT_ONCE)
        self._lookout = Lookout(sessions)
        #: What moves of this kitchen need to know besides.
        self.move_options = {"pace": tickets.pace(self._speed), "recall_window": settings.recall_window}
        self.close = self._mover.close

    def accept(self, order: OrderPlaced, attempts: int, worker: str) -> None:
        """People have the order from now on (a staffed kitchen), if it still waits, or was lost by who cooked it.
        Raises NotFound and CookedElsewhere."""
        number = order.order_number
        with self._sessions.begin() as session:
            if not session.execute(_IS_THERE, {"number": number, "placed_at": order.placed_at}).all():
                raise NotFound(f"There is no order {number}.")
            is_accepted = self._accept(session, number, worker, None)
            if not is_accepted and (fence := self._fence_of_lost(session, number, attempts)) is not None:
                is_accepted = self._accept(session, number, worker, fence)
        if is_accepted:
            logs.event("order_accepted", f"{number} is on the board", order_number=number)
        else:
            logs.event("order_skipped", f"{number} is on the board or done already", order_number=number)

    def _accept(self, session: Session, number: str, worker: str, fence: int | None) -> bool:
        parameters = {"number": number, "name": worker, "fence": fence}
        return bool(session.execute(_ACCEPT, parameters).all())

    def take(self, order: OrderPlaced, attempts: int, worker: str) -> InHand | None:
        """Take the order in hand, or return None when there is nothing to do for it any more.

        Raises NotFound, GivenUp, and CookedElsewhere.
        """
        number = order.order_number
        seconds = tickets.cooking_seconds(order.prep_seconds, self._speed)
        try:
            moved = self._move(worker, number, COOKING, ticket=order.priority, placed_at=order.placed_at)
        except IllegalMove as exc:
            status = exc.extra["current_status"]
            if status == RECEIVED:
                # Void, but not needed: another ticket stands where the order does, or people have it.
                logs.event("order_skipped", f"{number} waits in another place", order_number=number)
                return None
            with self._sessions.begin() as session:
                if session.execute(_GIVEN_UP, {"number": number}).one_or_none() is not None:
                    raise GivenUp(f"{number} was given up") from exc
            logs.event("order_skipped", f"{number} is {status} already", order_number=number)
            return None
        fence: int | None = moved.fence
        if not moved.changed:
            with self._sessions.begin() as session:
                fence = self._take_over(session, number, attempts, worker)
        if fence is None:
            logs.event("order_skipped", f"{number} is in other hands", order_number=number)
            return None
        logs.event(
            "order_processing_started",
            f"{worker} cooks {number}",
            order_number=number,
            worker_name=worker,
            taken_over=not moved.changed,
            seconds=round(seconds, 3),
        )
        return InHand(number, worker, fence, seconds)

    def _take_over(self, session: Session, number: str, attempts: int, worker: str) -> int | None:
        """The new fence of an order that its worker lost; None when a person has it, or it has moved on. Raises
        CookedElsewhere."""
        fence = self._fence_of_lost(session, number, attempts)
        if fence is None:
            return None
        parameters = {
            "number": number,
            "fence": fence,
            "instance": str(self._instance),
            "name": worker,
            "pace": self.move_options["pace"],
        }
        row = session.execute(_TAKE_OVER, parameters).one_or_none()
        return None if row is None else row.fence

    def _fence_of_lost(self, session: Session, number: str, attempts: int) -> int | None:
        """The fence of an order that cooks and was lost by its worker; None when a person has it, or when it does
        not cook. Raises CookedElsewhere."""
        # When its ticket failed is known by when it was to come again, and by the pause until then.
        pause = self._retry_pauses[min(attempts, len(self._retry_pauses)) - 1]
        parameters = {"number": number, "instance": str(self._instance), "pause": pause}
        row = session.execute(_HOLDER, parameters).one_or_none()
        if row is None:
            return None
        holder = tickets.Holder(row.is_worker, row.is_me, row.is_alive, row.is_overdue, row.failed_since)
        if tickets.is_lost(holder, attempts):
            return int(row.fence)
        if holder.is_worker:
            raise CookedElsewhere(f"{number} is being cooked")
        return None

    def cook(self, in_hand: InHand) -> bool:
        """Spend the time; False when the order was moved or taken by somebody else meanwhile."""
        return in_hand.seconds <= 0 or self._lookout.spend(in_hand.order_number, in_hand.fence, in_hand.seconds)

    def has(self, number: str) -> bool:
        """Whether it is being cooked here."""
        return self._lookout.has(number)

    def hear(self, change: StatusChanged) -> None:
        """An order was moved at the front door. If it is cooked here, look at once whether to go on."""
        if change.new_status != COOKING:
            self._lookout.hear(change.order_number)

    def finish(self, in_hand: InHand) -> None:
        """The order is ready, unless somebody else has moved it."""
        number = in_hand.order_number
        try:
            self._move(in_hand.worker, number, READY, fence=in_hand.fence)
        except IllegalMove:
            logs.event("order_skipped", f"{number} was moved by somebody else", order_number=number)
            return
        logs.event("order_completed", f"{number} is ready", order_number=number, worker_name=in_hand.worker)

    def _move(self, worker: str, number: str, status: str, **options: Any) -> Moved:
        """A worker's own move, in one transaction with others of this process."""
        actor = Actor(worker, WORKER, self._instance)
        with self._turn:
            return self._mover.move(
                self._sessions, SERVICE_NAME, number, status, actor, **options, **self.move_options
            )
