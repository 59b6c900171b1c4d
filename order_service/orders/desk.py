"""Orders as the service's methods see them: `orders = Orders()`, then `self.orders.place(…)`."""

from typing import Any

from nameko_sqlalchemy.database import Session

from common import codec, lifecycle, logs, moves
from common.database import Postgres, Sessions
from common.errors import IllegalMove, Invalid, NotFound, Unauthorized, Unavailable
from common.lifecycle import CANCELLED, RECEIVED
from common.models import Order
from common.moves import Actor
from common.order_numbers import is_order_number
from common.read_model import Board, Standing
from common.settings import Settings
from order_service import paging
from order_service.access import GUEST, Person, Sight, sight
from order_service.accounts.identity import Caller, Identities
from order_service.menu.desk import recent as recent_menu
from order_service.orders import idempotency, listing, reading, tracking_links
from order_service.orders.forecast import Forecast
from order_service.orders.form import Draft
from order_service.orders.idempotency import Once
from order_service.orders.placing import Intake, NewOrder
from order_service.rate_limits import rate_limits

SERVICE_NAME = "order_service"
_MOST_REASON = 500  # characters
#: What an answer says of an order besides its number and link, in this order; a stored one may have another.
_PROMISED = ("status", "total_amount", "priority", "estimated_completion")

#: What staff do with an order: the status that it gets, and the one that it must have, where the table of moves
#: leaves more than one.
_STEPS: dict[str, tuple[str, str | None]] = {
    "start": (lifecycle.COOKING, lifecycle.RECEIVED),
    "ready": (lifecycle.READY, None),
    "dispatch": (lifecycle.OUT_FOR_DELIVERY, None),
    "complete": (lifecycle.COMPLETED, None),
    "recall": (lifecycle.COOKING, lifecycle.READY),
    "fail": (lifecycle.FAILED, None),
}


class Orders(Postgres):
    """Provides `OrderDesk`. Does not start without a key to sign tracking links with."""

    def setup(self) -> None:
        super().setup()
        self._intake = Intake(self.settings)
        self._desk = OrderDesk(self.sessions, self.settings, self.settings.signing_key(), Forecast(), self._intake)

    def stop(self) -> None:
        self._intake.close()

    def get_dependency(self, worker_ctx: Any) -> "OrderDesk":
        return self._desk


class OrderDesk(Board):
    """What can be done with orders at the front door. Everything raises Unavailable without PostgreSQL, and
    Unauthorized for a caller who is not who they say."""

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
        self._identities = Identities(sessions, signing_key)
        self._limits = rate_limits(settings)

    def place(self, body: Any, caller: Caller, idempotency_key: str | None = None) -> dict[str, Any]:
        """Take an order. When this returns, the order and its event are durable.

        The same key and order within 24 hours gets the first answer and places nothing. Raises Invalid,
        Unauthorized for a guest who orders as only users can, and TooManyRequests.
        """
        person = self._identities.of(caller)
        self._limits.ordering(person.address, person.user_id)
        if person.role == GUEST and not self._settings.guest_orders:
            raise Unauthorized("Sign in to order.")
        draft = Draft(body, person.name)
        if draft.is_by_recipe:
            person.must_be_signed_in()
        if idempotency_key is not None:
            return self._place_once(draft, person, idempotency.scoped(idempotency_key, person))
        order, promise = self._decided(draft, person)
        placed = self._intake.place(order)
        assert placed is not None  # noqa: S101 - only a key can be in the way
        return self._answer(placed.number, promise, order.link_nonce, draft, is_new=True)

    def _place_once(self, draft: Draft, person: Person, key: str) -> dict[str, Any]:
        fingerprint = draft.fingerprint()
        try:
            order, promise = self._decided(draft, person)
        except Invalid:
            # What was placed is placed, whatever the menu says by now.
            if fingerprint is not None and (again := self._placed_before(draft, key, fingerprint)):
                return again
            raise
        placed = self._intake.place(order, Once(key, str(fingerprint), promise))
        if placed is not None:
            return self._answer(placed.number, promise, order.link_nonce, draft, is_new=True)
        again = self._placed_before(draft, key, str(fingerprint))
        if again is None:  # its 24 hours were over just now
            raise Unavailable("Try again in a moment.")
        return again

    def _placed_before(self, draft: Draft, key: str, fingerprint: str) -> dict[str, Any] | None:
        with self._sessions.single() as session:
            found = idempotency.answered(session, key, fingerprint)
        if found is None:
            return None
        answer, nonce = found
        return self._answer(answer["order_number"], answer, nonce, draft, is_new=False)

    def _decided(self, draft: Draft, person: Person) -> tuple[NewOrder, dict[str, Any]]:
        """The order as it will be written, and what its customer is told."""
        form = draft.settle(recent_menu.seen(self._sessions), self._settings.open_items)
        order = NewOrder.of(form, placed_by=person.signature, customer_id=person.user_id)
        estimate = self._forecast.completion(self._sessions, form.order_type, order.prep_seconds, order.priority)
        promise = {
            "status": RECEIVED,
            "total_amount": order.total_amount,
            "priority": order.priority,
            "estimated_completion": estimate,
        }
        return order, promise

    def _answer(
        self, number: str, promise: dict[str, Any], nonce: str | None, draft: Draft, is_new: bool
    ) -> dict[str, Any]:
        logs.event(
            "order_received",
            f"{number} was placed" if is_new else f"{number} was placed before, with the same key",
            order_number=number,
            order_type=draft.order_type,
            total_amount=codec.money(promise["total_amount"]),
            priority=promise["priority"],
            replayed=not is_new,
        )
        return {
            "order_number": number,
            **{name: promise[name] for name in _PROMISED},
            "tracking_url": tracking_links.link(number, nonce, self._settings.public_url, self._signing_key),
        }

    def read(self, order_number: str, caller: Caller) -> dict[str, Any]:
        """The order in full for its customer, for who has its secret, and for staff; of a guest's the status for
        everybody else.

        Raises NotFound, also for another customer's order.
        """
        person = self._identities.of(caller)
        with self._sessions.begin() as session:
            order = reading.find(session, order_number)
            if order is None:
                raise NotFound("There is no such order.")
            seen = sight(person, order.customer_id, self._has_key(order, person))
            if seen is Sight.NOTHING:
                raise NotFound("There is no such order.")
            full = {} if seen is Sight.STATUS else reading.in_full(session, order, seen)
            standing = Standing.of(order)
        return {**full, **reading.status_only(self.answer(standing))}

    def page(self, query: Any, caller: Caller) -> dict[str, Any]:
        """Orders by the page: all for staff, their own for a customer. What can be asked for stands in
        `listing`. Raises Invalid, and Unauthorized for a guest."""
        person = self._identities.of(caller)
        person.must_be_signed_in()
        asked = listing.read(paging.read(query), person)
        with self._sessions.begin() as session:
            return listing.page(session, asked)

    def cancel(self, order_number: str, body: Any, caller: Caller) -> dict[str, Any]:
        """Cancel an order, with an optional {"reason": …}. The customer can while it is received; staff also
        while it cooks. Cancelling what is cancelled changes nothing.

        Raises NotFound (also for somebody else's order), Invalid and IllegalMove.
        """
        person = self._identities.of(caller)
        reason = _reason(body)
        with self._sessions.single() as session:
            if not self._may_cancel(session, order_number, person):
                raise NotFound("There is no such order, or the key is not its own.")
            return self._move(session, order_number, CANCELLED, person, reason=reason)

    def step(self, step: str, order_number: str, body: Any, caller: Caller) -> dict[str, Any]:
        """Move an order on as staff do: start, ready, dispatch, complete, recall or fail, with an optional
        {"reason": …}. The same step again changes nothing.

        Raises Unauthorized, Forbidden, NotFound, Invalid and IllegalMove.
        """
        person = self._identities.of(caller)
        person.must_be_staff()
        reason = _reason(body)
        if not is_order_number(order_number):
            raise NotFound("There is no such order.")
        target, source = _STEPS[step]
        with self._sessions.single() as session:
            return self._move(session, order_number, target, person, reason=reason, source=source)

    def _move(
        self,
        session: Session,
        number: str,
        target: str,
        person: Person,
        *,
        reason: str | None,
        source: str | None = None,
    ) -> dict[str, Any]:
        moved = moves.move(
            session,
            SERVICE_NAME,
            number,
            target,
            Actor(person.signature, person.moves_as),
            source=source,
            reason=reason,
            recall_window=self._settings.recall_window,
        )
        if target == lifecycle.COOKING and not moved.changed and moved.processed_by != person.signature:
            raise IllegalMove(
                f"{number} is in the hands of {moved.processed_by}.",
                {
                    "current_status": moved.status,
                    "allowed": list(lifecycle.targets(moved.status, person.moves_as, moved.order_type)),
                },
            )
        return moved.as_answer()

    def _may_cancel(self, session: Session, order_number: str, person: Person) -> bool:
        if person.is_staff:
            return is_order_number(order_number)
        order = reading.find(session, order_number)
        return order is not None and sight(person, order.customer_id, self._has_key(order, person)) is Sight.ALL

    def _has_key(self, order: Order, person: Person) -> bool:
        return tracking_links.opens(order.number, order.link_nonce, person.key, self._signing_key)


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
