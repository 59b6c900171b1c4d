"""The reads that several services offer: where an order stands and has been, who works, and what is stuck."""

from datetime import UTC, datetime, timedelta

from common.orders import queries
from common.orders.estimates import KitchenQueue
from common.orders.lifecycle import RECEIVED
from common.orders.queries import Standing
from common.postgres.sessions import Sessions, in_session
from common.settings import Settings
from common.snapshot import Snapshot


class Board:
    """With `is_public` everybody may ask, and so learns no person's name. Everything raises Unavailable without
    PostgreSQL."""

    def __init__(self, sessions: Sessions, settings: Settings, *, is_public: bool) -> None:
        self._sessions = sessions
        self._settings = settings
        self._is_public = is_public
        # Who asks for an order that waits shares it: it may be long.
        self._queue = Snapshot(in_session(queries.kitchen_queue))

    def status(self, order_number: str) -> dict[str, object]:
        """Where the order stands. Raises NotFound."""
        with self._sessions.begin() as session:
            standing = queries.order_standing(session, order_number)
        return self.estimated(standing).as_answer()

    def estimated(self, standing: Standing) -> Standing:
        """With the time at which the order will be (or was) ready (UTC). Call it outside a session: what is ahead
        of an order that waits is looked up in one of its own."""
        if standing.status != RECEIVED:
            return standing
        queue = self.queue()
        wait = queue.seconds_for(standing.order_type, standing.prep_seconds, standing.priority, standing.id)
        return standing._replace(estimated_completion=datetime.now(UTC) + timedelta(seconds=wait))

    def queue(self) -> KitchenQueue:
        """Who waits in the kitchen, at most two seconds ago. Call it outside a session."""
        return self._queue.get(self._sessions)

    def history(self, order_number: str) -> list[dict[str, object]]:
        """Where the order has been, oldest first. Raises NotFound."""
        with self._sessions.begin() as session:
            return queries.order_history(session, order_number, self._is_public)

    def workers(self) -> list[dict[str, object]]:
        """Who works, by name, and who did so lately."""
        with self._sessions.begin() as session:
            return queries.workers(session, self._settings.workers_listed_for)

    def stuck(self) -> list[dict[str, object]]:
        """Orders that have been waiting or cooking for too long, longest first."""
        with self._sessions.begin() as session:
            limits = self._settings.stuck_received, self._settings.stuck_cooking
            return queries.stuck_orders(session, *limits, self._is_public)
