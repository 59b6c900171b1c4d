"""Where orders stand, for all who ask at once.

Requests that come while a query runs are answered together by the next one, through a statement that PostgreSQL
has planned already: the mechanism of `common.group_commit`, for a statement that writes nothing. What an order
that waits must be told besides, how much work is ahead of it, comes from one look at the kitchen's queue that all
share for a second.
"""

from typing import Any

from common import codec, read_model
from common.database import Sessions
from common.group_commit import GroupCommit
from common.order_numbers import is_order_number
from common.read_model import Standing
from common.recent import Recent
from common.settings import Settings

# Each order is looked up for itself: a join would read a small table as a whole, and its plan be kept.
_STANDING = f"""
    select o.*
    from jsonb_array_elements_text($1) with ordinality as asked (number, position)
        left join lateral (
            select {", ".join(Standing._fields)} from orders where number = asked.number limit 1
        ) o on true
    order by asked.position
"""


class StatusReader:
    """One for each process."""

    def __init__(self, settings: Settings) -> None:
        self._query = GroupCommit(settings, _STANDING)
        self._queue = Recent(read_model.kitchen_queue)
        self.close = self._query.close

    def status(self, sessions: Sessions, order_number: str) -> dict[str, Any]:
        """As read_model.order_status(). Raises NotFound and Unavailable."""
        if not is_order_number(order_number):
            raise read_model.unknown(order_number)
        standing = Standing(*self._query.write(codec.dumps(order_number)))
        if standing.number is None:
            raise read_model.unknown(order_number)
        return standing.as_answer(lambda: self._queue.seen(sessions))
