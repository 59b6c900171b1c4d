"""Orders, as the service's methods see them: `orders = Orders()`, then `self.orders.place(…)`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session

from common import codec
from common.accounts.access import GUEST, Person, Visibility, visibility
from common.accounts.identity import Caller, Identities
from common.errors import Invalid, NotFound, Unauthorized, Unavailable
from common.http import paging
from common.observability import logs
from common.orders import front, lifecycle, moves
from common.orders.board import Board
from common.orders.lifecycle import CANCELLED, RECEIVED
from common.orders.moves import Actor
from common.orders.numbers import is_order_number
from common.orders.queries import Standing
from common.orders.tables import Order
from common.orders.tracking_links import TrackingLinks
from common.postgres.provider import Postgres
from order_service.menu.current import CurrentMenu
from order_service.orders import idempotency, listing, move_form, preparation, pricing, reading
from order_service.orders.forecast import Forecast
from order_service.orders.idempotency import Once
from order_service.orders.order_form import Draft, Item
from order_service.orders.placing import Intake, NewOrder
from order_service.orders.time_zone import TimeZoneCheck
from order_service.rate_limits import RateLimits
from order_service.settings import OrderSettings

SERVICE_NAME = "order_service"
#: What an answer says of an order besides its number and link, in this order; a stored one may have another.
_ANSWERED = ("status", "total_amount", "priority", "estimated_completion")


class Orders(DependencyProvider):
    """What can be done with orders at the front door. Everything raises Unavailable without PostgreSQL, and
    Unauthorized for a caller who is not who they say.

    Does not start without a key to sign tracking links with. Keeps nothing for a worker, so all share it.
    """

    postgres = Postgres()
    menu = CurrentMenu()
    limits = RateLimits()
    time_zone_check = TimeZoneCheck()

    def setup(self) -> None:
        self.settings: OrderSettings = self.container.settings
        self._links: TrackingLinks = self.settings.tracking_links()
        self._sessions = self.postgres.sessions
        self._intake = Intake(self.settings, self.postgres.breaker)
        self._forecast = Forecast()
        self._identities = Identities(self._sessions, self.settings.signing_keys())
        #: For staff, who see who did it.
        self.board = Board(self._sessions, self.settings, is_public=False)

    def stop(self) -> None:
        self._intake.close()

    def get_dependency(self, worker_ctx: object) -> "Orders":
        return self

    def place(self, body: object, caller: Caller, idempotency_key: str | None = None) -> dict[str, object]:
        """Take an order. When this returns, the order and its event are durable.

        The same key and order within 24 hours gets the first answer and places nothing. Raises Invalid,
        Unauthorized for a guest who orders as only users can, and TooManyRequests.
        """
        person = self._identities.of(caller)
        self.limits.ordering(person.address, person.user_id)
        if person.role == GUEST and not self.settings.guest_orders:
            raise Unauthorized("Sign in to order.")
        draft = Draft(body, person.name)
        if draft.is_by_recipe:
            person.must_be_signed_in()
        if idempotency_key is not None:
            return self._place_once(draft, person, idempotency.scoped(idempotency_key, person))
        order, answer = self._prepared(draft, person)
        placed = self._intake.place(order)
        assert placed is not None  # noqa: S101 - only a key can be in the way
        return self._answer(placed.number, answer, order.link_nonce, draft, is_new=True)

    def _place_once(self, draft: Draft, person: Person, key: str) -> dict[str, object]:
        fingerprint = draft.fingerprint()
        try:
            order, answer = self._prepared(draft, person)
        except Invalid:
            # What was placed is placed, whatever the menu says by now.
            if fingerprint is not None and (again := self._placed_before(draft, key, fingerprint)):
                return again
            raise
        placed = self._intake.place(order, Once(key, str(fingerprint), answer))
        if placed is not None:
            return self._answer(placed.number, answer, order.link_nonce, draft, is_new=True)
        again = self._placed_before(draft, key, str(fingerprint))
        if again is None:  # its 24 hours were over just now
            raise Unavailable("Try again in a moment.")
        return again

    def _placed_before(self, draft: Draft, key: str, fingerprint: str) -> dict[str, object] | None:
        with self._sessions.single() as session:
            found = idempotency.answered(session, key, fingerprint)
        if found is None:
            return None
        answer, nonce = found
        return self._answer(answer["order_number"], answer, nonce, draft, is_new=False)

    def placed_with(self, key: str, caller: Caller) -> str | None:
        """The tracking link of the order that was placed with this idempotency key, whatever was in it. For keys
        that a page of ours made: nobody can guess one, so whoever has it placed that order."""
        scoped = idempotency.scoped(key, self._identities.of(caller))
        with self._sessions.single() as session:
            found = idempotency.placed(session, scoped)
        if found is None:
            return None
        return self._links.link(*found)

    def estimates(self, items: Sequence[Item]) -> dict[str, datetime]:
        """When an order of these items would be ready if it were placed now (UTC), by order type. Raises
        Unavailable."""
        priority = pricing.priority(pricing.total(items))
        own = [item.prep_seconds for item in items]
        return {
            kind: self._forecast.completion(self._sessions, kind, preparation.seconds(kind, own), priority)
            for kind in lifecycle.ORDER_TYPES
        }

    def links(self, order_numbers: Sequence[str]) -> dict[str, str]:
        """Their tracking links, for who may have them: that is for the caller of this to know."""
        with self._sessions.begin() as session:
            nonces = reading.nonces(session, order_numbers)
        return {number: self._links.link(number, nonce) for number, nonce in nonces.items()}

    def _prepared(self, draft: Draft, person: Person) -> tuple[NewOrder, dict[str, Any]]:
        """The order as it will be written, and what its customer is told."""
        request = draft.priced(self.menu.get(), self.settings.open_items)
        order = NewOrder.of(request, placed_by=person.signature, customer_id=person.user_id)
        estimate = self._forecast.completion(
            self._sessions, request.order_type, order.prep_seconds, order.priority
        )
        may_ask = request.notification_email is None or self._may_ask(person)
        order = replace(order, first_estimate=estimate, may_ask=may_ask)
        answer = {
            "status": RECEIVED,
            "total_amount": order.total_amount,
            "priority": order.priority,
            "estimated_completion": estimate,
        }
        return order, answer

    def _may_ask(self, person: Person) -> bool:
        """Whether the owner of an order's e-mail address may be asked if they want news. Who names many, from one
        network, has no more strangers asked; the orders are taken all the same, since all of a house's guests may
        share one, and keep their address, so that nobody learns who has said yes."""
        return not self.settings.sends_mail or person.is_staff or self.limits.may_name_a_mailbox(person.address)

    def _answer(
        self, number: str, answer: dict[str, Any], nonce: str | None, draft: Draft, is_new: bool
    ) -> dict[str, object]:
        logs.event(
            "order_received",
            f"{number} was placed" if is_new else f"{number} was placed before, with the same key",
            order_number=number,
            order_type=draft.order_type,
            total_amount=codec.money(answer["total_amount"]),
            priority=answer["priority"],
            replayed=not is_new,
        )
        return {
            "order_number": number,
            **{name: answer[name] for name in _ANSWERED},
            "tracking_url": self._links.link(number, nonce),
        }

    def read(self, order_number: str, caller: Caller) -> dict[str, object]:
        """The order in full for its customer, for who has its secret, and for staff; of a guest's the status for
        everybody else.

        Raises NotFound, also for another customer's order.
        """
        person = self._identities.of(caller)
        with self._sessions.begin() as session:
            order = reading.find(session, order_number)
            if order is None:
                raise NotFound("There is no such order.")
            seen = visibility(person, order.customer_id, self._has_key(order, person))
            if seen is Visibility.NONE:
                raise NotFound("There is no such order.")
            full = {} if seen is Visibility.STATUS else reading.in_full(session, order, seen)
            standing = Standing.of(order)
        return {**full, **reading.status_only(self.board.estimated(standing))}

    def page(self, query: object, caller: Caller) -> dict[str, object]:
        """Orders by the page: all for staff, their own for a customer. What can be asked for stands in
        `listing`. Raises Invalid, and Unauthorized for a guest."""
        person = self._identities.of(caller)
        person.must_be_signed_in()
        wanted = listing.read(paging.read(query), person, self.settings.time_zone)
        with self._sessions.begin() as session:
            return listing.page(session, wanted)

    def cancel(self, order_number: str, body: object, caller: Caller) -> dict[str, object]:
        """Cancel an order, with an optional {"reason": …}. The customer can while it is received; staff also
        while it cooks. Cancelling what is cancelled changes nothing.

        Raises NotFound (also for somebody else's order), Invalid and IllegalMove.
        """
        person = self._identities.of(caller)
        reason = move_form.reason(body)
        with self._sessions.single() as session:
            if not self._may_cancel(session, order_number, person):
                raise NotFound("There is no such order, or the key is another order's.")
            return self._move(session, order_number, CANCELLED, person, reason=reason)

    def step(self, step: str, order_number: str, body: object, caller: Caller) -> dict[str, object]:
        """Move an order on as staff do: start, ready, dispatch, complete, recall or fail, with an optional
        {"reason": …}. The same step again changes nothing.

        Raises Unauthorized, Forbidden, NotFound, Invalid and IllegalMove.
        """
        person = self._identities.of(caller)
        person.must_be_staff()
        reason = move_form.reason(body)
        if not is_order_number(order_number):
            raise NotFound("There is no such order.")
        target, source = lifecycle.STEPS[step]
        with self._sessions.single() as session:
            return self._move(session, order_number, target, person, reason=reason, source=source)

    def front(self, order_number: str, body: object, caller: Caller) -> dict[str, object]:
        """Send an order that waits to the front of the line, or with {"undo": true} back to its place. The same
        again changes nothing.

        Raises Unauthorized, Forbidden, NotFound, Invalid and IllegalMove.
        """
        person = self._identities.of(caller)
        person.must_be_staff()
        undo = move_form.undo(body)
        if not is_order_number(order_number):
            raise NotFound("There is no such order.")
        with self._sessions.single() as session:
            return front.send(session, order_number, person.signature, undo=undo).as_answer()

    def _move(
        self,
        session: Session,
        number: str,
        target: str,
        person: Person,
        *,
        reason: str | None,
        source: str | None = None,
    ) -> dict[str, object]:
        return moves.move(
            session,
            SERVICE_NAME,
            number,
            target,
            Actor(person.signature, person.moves_as),
            source=source,
            reason=reason,
            recall_window=self.settings.recall_window,
        ).as_answer()

    def _may_cancel(self, session: Session, order_number: str, person: Person) -> bool:
        if person.is_staff:
            return is_order_number(order_number)
        order = reading.find(session, order_number)
        return (
            order is not None
            and visibility(person, order.customer_id, self._has_key(order, person)) is Visibility.FULL
        )

    def _has_key(self, order: Order, person: Person) -> bool:
        return self._links.opens(order.number, order.link_nonce, order.placed_at, person.key)
