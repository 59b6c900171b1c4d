"""Where orders stand, for all who ask at once.

Requests that come while a query runs are answered together by the next one, through a statement that PostgreSQL
has planned already: the mechanism of `common.postgres.group_commit`, for a statement that writes nothing.
"""

from common import codec
from common.orders import queries
from common.orders.numbers import is_order_number
from common.orders.queries import Standing
from common.postgres.breaker import Breaker
from common.postgres.group_commit import GroupCommit
from common.settings import Settings

# What everybody may know of each.
_COLUMNS = [
    queries.public_name("orders.processed_by") if field == "processed_by" else field for field in Standing._fields
]
# Each order is looked up for itself: a join would read a small table as a whole, and its plan be kept.
_STANDING = f"""
    select o.*
    from jsonb_array_elements_text($1) with ordinality as asked (number, position)
        left join lateral (
            select {", ".join(_COLUMNS)} from orders where number = asked.number limit 1
        ) o on true
    order by asked.position
"""


class StatusReader:
    """One for each process."""

    def __init__(self, settings: Settings, breaker: Breaker) -> None:
        self._query = GroupCommit(settings, breaker, _STANDING, "read statuses")
        self.close = self._query.close

    def standing(self, order_number: str) -> Standing:
        """As order_standing(), with no person's name. Raises NotFound and Unavailable."""
        if not is_order_number(order_number):
            raise queries.unknown(order_number)
        standing = Standing(*self._query.write(codec.dumps(order_number)))
        if standing.number is None:
            raise queries.unknown(order_number)
        return standing
