"""Archiving: orders that were placed more than ARCHIVE_AFTER days ago move to `archived_orders`.

Bite by bite, each a transaction of its own (archive.sql): so what is killed in the middle has moved whole orders,
each once, and is simply begun again. Only old orders' rows are locked, and after each bite it rests for as long as
that took: nobody who orders or cooks is held up.
"""

import time
from collections.abc import Iterator

from sqlalchemy import text

from common.postgres.sessions import Sessions
from common.postgres.statements import statement
from order_service.orders.over import IS_OVER

_BITE = 1000  # orders of one transaction
_ARCHIVE = text(statement(__file__, "archive", is_over=IS_OVER))


def archive(sessions: Sessions, days: int, bite: int = _BITE) -> Iterator[int]:
    """Move what is older than so many days; gives the number of orders that were moved by each bite. Raises
    Unavailable."""
    after, is_more = 0, True
    while is_more:
        began = time.monotonic()
        with sessions.begin_in_background() as session:
            done = session.execute(_ARCHIVE, {"days": days, "after": after, "bite": bite}).one()
        after, is_more = done.up_to, done.is_more
        yield int(done.moved)
        if is_more:
            time.sleep(time.monotonic() - began)
