"""Looking orders up for whoever follows them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from nameko_sqlalchemy.database import Session

from common.accounts.access import Person, Visibility
from common.accounts.identity import Caller
from common.orders import queries
from common.orders.board import Board
from common.orders.lifecycle import RECEIVED
from common.orders.numbers import is_order_number
from common.orders.queries import Standing
from common.pages.extensions import Rendering
from common.postgres.sessions import Sessions
from tracking_service.tracker import reading
from tracking_service.tracker.facts import Line
from tracking_service.tracker.reading import Record
from tracking_service.tracker.view import View, view
from tracking_service.visitors import Visitors


class Tracker:
    """What pages and streams show of orders. Everything raises Unavailable without PostgreSQL."""

    def __init__(self, sessions: Sessions, board: Board, visitors: Visitors, rendering: Rendering) -> None:
        self._sessions = sessions
        self._board = board
        self._visitors = visitors
        self._rendering = rendering

    def look(self, order_number: str, caller: Caller) -> tuple[Person, View]:
        """Who asks, and the order as they may see it: in full with its key, for its customer and for staff; for
        everybody else where it stands. Raises NotFound."""
        person = self._visitors.person(caller)
        found: Mapping[int, Record] = {}
        if is_order_number(order_number):
            with self._sessions.begin() as session:
                found = reading.records(session, number=order_number)
        if not found:
            raise queries.unknown(order_number)
        record = next(iter(found.values()))
        return person, self._shown(record, self._board.estimated(record.standing), self._seen(person, record))

    def load(self, session: Session, order_ids: Sequence[int]) -> Mapping[int, Record]:
        """What html() needs of these orders."""
        return reading.records(session, ids=order_ids)

    def html(self, standing: Standing, record: Record, seen: Visibility) -> str:
        """The part of the page that changes, for a stream. `standing` has the estimate that is told with it."""
        return self._rendering.render("tracker_order.html", order=self._shown(record, standing, seen))

    def _shown(self, record: Record, standing: Standing, seen: Visibility) -> View:
        line = None
        if standing.status == RECEIVED:
            queue = self._board.queue()
            ahead = queue.ahead_of(standing.order_type, standing.priority, standing.id)
            line = Line(ahead, queue.takes(standing.order_type))
        key = self._visitors.key_of(standing.number, record.link_nonce)
        return view(
            record, seen, key=key, estimate=standing.estimated_completion, line=line, now=datetime.now(UTC)
        )

    def _seen(self, person: Person, record: Record) -> Visibility:
        return self._visitors.seen(
            person, record.standing.number, record.customer_id, record.link_nonce, record.placed_at
        )
