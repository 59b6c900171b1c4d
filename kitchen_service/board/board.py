"""The board, as the service's methods see it: `board = KitchenBoard()`, then `self.board.shown()`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session

from common.accounts.access import Person
from common.accounts.identity import Caller, Identities
from common.errors import IllegalMove, NotFound, Unavailable
from common.http import Stream
from common.live import Live, SharedTopic, snapshots
from common.observability import logs, traces
from common.orders.moves import Actor
from common.orders.numbers import is_order_number
from common.pages.extensions import Rendering
from common.postgres.provider import Postgres
from common.rabbitmq import broker
from kitchen_service import tickets
from kitchen_service.board import moving, offers, reading, stream
from kitchen_service.board.card import Card
from kitchen_service.board.shown import Shown
from kitchen_service.dead_letters.letters import DeadLetters
from kitchen_service.settings import KitchenSettings


class KitchenBoard(DependencyProvider):
    """What staff see of the kitchen, and do there. Everything raises Unavailable without PostgreSQL. Keeps nothing
    for a worker, so all share it."""

    postgres = Postgres()
    rendering = Rendering()
    live = Live()

    def setup(self) -> None:
        self.settings: KitchenSettings = self.container.settings
        self._sessions = self.postgres.sessions
        self._identities = Identities(self._sessions, self.settings.signing_keys())
        self._letters = DeadLetters().use(self._sessions, self.settings)
        self._topic = self.live.add(SharedTopic("board", self._changed))
        self._move_options = {
            "pace": tickets.pace(self.settings.cooking_speed),
            "recall_window": self.settings.recall_window,
        }

    def get_dependency(self, worker_ctx: object) -> "KitchenBoard":
        return self

    def staff(self, caller: Caller) -> Person:
        """Who asks, if they work here. Raises Unauthorized and Forbidden."""
        person = self._identities.of(caller)
        person.must_be_staff()
        return person

    def shown(self) -> Shown:
        """The board as it stands now."""
        with snapshots.one_moment(self._sessions) as session:
            return self._read(session, snapshots.current(session))

    def card(self, number: str) -> Card | None:
        """An order's card as it stands now; None for one that is not on the board."""
        return self.shown().card(number)

    def stream(self, caller: Mapping[str, Any], after: str | None) -> Stream:
        """What changes on the board, from the state `after` on. Raises Unauthorized and Forbidden, and what
        `common.live` does when there are too many streams."""
        return self.live.stream(self._topic, caller, after, check=lambda: self.staff(dict(caller)))

    def _changed(self, session: Session, after: str | None) -> dict[str, Any]:
        gone = {} if after is None else reading.gone(session, after)
        shown = self._read(session, "", after)
        # Who comes anew is told everything, which is no news of any order.
        news = [card.ticket.traceparent for card in shown.cards if after is not None]
        with traces.batch("tell screens", news, {"expedite.topic": self._topic.name}, traces.INTERNAL):
            return stream.changed(shown, gone, self.rendering.render)

    def _read(self, session: Session, at: str, after: str | None = None) -> Shown:
        """The board as the session sees it, under the id `at`; of the cards those that have changed since
        `after`."""
        window = self.settings.recall_window
        kitchen = reading.read(session, window, after)
        return Shown.of(kitchen, self.settings.age_limits, window, datetime.now(UTC), at)

    def move(self, number: str, name: str, form: Mapping[str, str], person: Person) -> None:
        """Make a move of the board, as `person`. Raises NotFound, Invalid, and IllegalMove, which says who was
        first."""
        if not is_order_number(number) or name not in offers.MOVES:
            raise NotFound("There is no such order, or no such move.")
        if name == offers.SEND_AGAIN:
            self._send_again(number, person)
        else:
            with self._sessions.begin() as session:
                moving.move(session, number, name, form, person, **self._move_options)
        logs.event("board_moved", f"{name} of {number} on the board", order_number=number, move=name)

    def _send_again(self, number: str, person: Person) -> None:
        try:
            self._letters.replay_order(number, Actor(person.signature, person.moves_as))
        except IllegalMove as refusal:
            with self._sessions.begin() as session:
                raise moving.said(session, number, offers.SEND_AGAIN, refusal) from refusal
        except broker.Lost as exc:
            raise Unavailable(
                "RabbitMQ cannot be reached, and the ticket is there. Try again in a moment."
            ) from exc
