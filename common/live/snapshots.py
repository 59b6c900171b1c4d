"""PostgreSQL's snapshots as the ids of events: which transactions a state has seen, and so what came after it.

An order has changed since when CHANGED_SINCE is true of it. A row that was never stamped was written long ago.
"""

import contextlib
import itertools
import re
from collections.abc import Iterator

from nameko_sqlalchemy.database import Session
from sqlalchemy import text

from common.postgres.sessions import Sessions

MAX_LENGTH = 2000  # characters of an id; every transaction that was under way takes about ten

#: SQL: an order was written by a transaction that the state of `:after` had not seen.
CHANGED_SINCE = "(not pg_visible_in_snapshot(orders.changed_in, cast(:after as pg_snapshot)))"

_SHAPE = re.compile(r"[1-9][0-9]{0,18}:[1-9][0-9]{0,18}:(?:[1-9][0-9]{0,18}(?:,[1-9][0-9]{0,18})*)?", re.ASCII)
_CURRENT = text("select cast(pg_current_snapshot() as text), pg_is_in_recovery()")


@contextlib.contextmanager
def one_moment(sessions: Sessions) -> Iterator[Session]:
    """A session in a transaction that sees one state of the tables from its first statement to its last. Raises
    Unavailable as Sessions.begin() does."""
    with sessions.begin() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


def current(session: Session) -> str:
    """The id of the state that the session sees, which is of `one_moment()`: else its next statement may see
    another.

    It names the transactions that were under way. Where that would be too long, and on a read replica, which does
    not say which they are, it claims to have seen none since the oldest of them: what they and later ones wrote
    comes once more, and nothing is left out.
    """
    snapshot, is_replica = session.execute(_CURRENT).one()
    if is_replica or len(snapshot) > MAX_LENGTH:
        oldest = str(snapshot).partition(":")[0]
        return f"{oldest}:{oldest}:"
    return str(snapshot)


def is_snapshot(event_id: str | None) -> bool:
    """True for what PostgreSQL would take as a snapshot. An id comes from outside, and may be anything."""
    if event_id is None or len(event_id) > MAX_LENGTH or not _SHAPE.fullmatch(event_id):
        return False
    oldest, next_one, under_way = event_id.split(":")
    ids = [int(oldest), *map(int, filter(None, under_way.split(","))), int(next_one)]
    # In ascending order; only the oldest may be named twice.
    return ids[0] <= ids[1] and all(one < other for one, other in itertools.pairwise(ids[1:]))


def is_later(event_id: str, now: str) -> bool:
    """True for a snapshot of what has not happened yet at `now`: it is another database's, or one's of before a
    backup was restored."""
    return int(event_id.split(":")[1]) > int(now.split(":")[1])
