"""Orders as the service's methods see them: `orders = Orders()`, then `self.orders.place(…)`."""

from datetime import datetime
from typing import Any

from common import codec, logs, moves
from common.database import Postgres, Sessions
from common.errors import Invalid, NotFound
from common.lifecycle import CANCELLED, CUSTOMER, EMPLOYEE, RECEIVED
from common.moves import Actor
from common.order_numbers import is_order_number
from common.read_model import Board
from common.settings import Settings
from order_service.orders import form as order_form
from order_service.orders import idempotency, placing, reading, tracking_links
from order_service.orders.forecast import Forecast
from order_service.orders.placing import Intake, NewOrder, PlacedOrder

#: Who is asking, as plain data: {"key": the secret of an order's tracking link}. None is the house itself, which
#: only RPC can be; HTTP always names somebody, if only with {"key": None}.
Caller = dict[str, Any] | None

SERVICE_NAME = "order_service"
_HOUSE = "staff"
_MOST_REASON = 500  # characters


class Orders(Postgres):
    """Provides `OrderDesk`. Does not start without a key to sign tracking links with."""

    def setup(self) -> None:
        super().setup()
        self._signing_key = self.settings.signing_key()
        self._forecast = Forecast()
        self._intake = Intake(self.settings)

    def stop(self) -> None:
        self._intake.close()

    def get_dependency(self, worker_ctx: Any) -> "OrderDesk":
        return OrderDesk(self.sessions(worker_ctx), self.settings, self._signing_key, self._forecast, self._intake)


class OrderDesk(Board):
    """What can be done with orders at the front door. Everything raises Unavailable without PostgreSQL."""

    def __init__(
        self,
        sessions: Sessions,
        settings: Settings,
        signing_key: bytes,
        forecast: Forecast,
        intake: Intake,
    ) -> None:
        super().__init__(sessions, settings)
        self._signing_key = signing_key
        self._forecast = forecast
        self._intake = intake

    def place(self, body: Any, caller: Caller, idempotency_key: str | None = None) -> dict[str, Any]:
        """Take an order. When this returns, the order and its event are durable.

        The same key and order within 24 hours gets the first answer and places nothing. Raises Invalid.
        """
        form = order_form.read(body, self._settings.open_items)
        order = NewOrder.of(form, placed_by=_HOUSE if caller is None else CUSTOMER)
        estimate = self._forecast.completion(self._sessions, form.order_type, order.prep_seconds, order.priority)
        if idempotency_key is None:
            answer, is_new = self._answer(order, estimate, self._intake.place(order)), True
        else:
            with self._sessions.begin() as session:
                answer, is_new = idempotency.once(
                    session,
                    idempotency_key,
                    form,
                    lambda session: self._answer(order, estimate, placing.place(session, [order])[0]),
                )
        number = answer["order_number"]
        logs.event(
            "order_received",
            f"{number} was placed" if is_new else f"{number} was placed before, with the same key",
            order_number=number,
            order_type=form.order_type,
            total_amount=codec.money(order.total_amount),
            priority=order.priority,
            replayed=not is_new,
        )
        link = tracking_links.link(number, self._settings.public_url, self._signing_key)
        return {**answer, "tracking_url": link}

    @staticmethod
    def _answer(order: NewOrder, estimate: datetime, placed: PlacedOrder) -> dict[str, Any]:
        return {
            "order_number": placed.number,
            "status": RECEIVED,
            "total_amount": order.total_amount,
            "priority": order.priority,
            "estimated_completion": estimate,
        }

    def read(self, order_number: str, caller: Caller) -> dict[str, Any]:
        """The order in full for the house and for who has its secret, else its status alone.

        Raises NotFound.
        """
        read = reading.in_full if self._is_owner(order_number, caller) else reading.status_only
        with self._sessions.begin() as session:
            return read(session, order_number)

    def cancel(self, order_number: str, body: Any, caller: Caller) -> dict[str, Any]:
        """Cancel an order, with an optional {"reason": …}. The customer can while it is received; the house
        also while it cooks. Cancelling what is cancelled changes nothing.

        Raises NotFound (also for somebody else's order), Invalid and IllegalMove.
        """
        reason = _reason(body)
        if not is_order_number(order_number) or not self._is_owner(order_number, caller):
            raise NotFound("There is no such order, or the key is not its own.")
        actor = Actor(_HOUSE, EMPLOYEE) if caller is None else Actor(CUSTOMER, CUSTOMER)
        with self._sessions.single() as session:
            moved = moves.move(session, SERVICE_NAME, order_number, CANCELLED, actor, reason=reason)
        return moved.as_answer()

    def _is_owner(self, order_number: str, caller: Caller) -> bool:
        return caller is None or tracking_links.opens(order_number, caller.get("key"), self._signing_key)


def _reason(body: Any) -> str | None:
    if body is None or body == {}:
        return None
    problem = None
    if not isinstance(body, dict) or set(body) != {"reason"}:
        problem = "Send nothing, or an object with a reason and no more."
    elif not isinstance(body["reason"], str) or not body["reason"].isprintable():
        problem = "Not a line of text."
    elif not 1 <= len(body["reason"]) <= _MOST_REASON:
        problem = f"Must be 1 to {_MOST_REASON} characters long."
    if problem is not None:
        raise Invalid.fields([{"field": "reason", "message": problem}])
    return str(body["reason"])
