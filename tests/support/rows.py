"""Orders that are put into the tables as they shall stand, and moved as anybody moves them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg2
from nameko_sqlalchemy.database import Session
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from common.orders import moves
from common.orders.moves import Actor, Moved
from common.postgres.sessions import DIALECT

Transaction = Callable[[], AbstractContextManager[Session]]

STAFF = Actor("Maria", "employee")

_ORDER = text("""
    with placed as (
        insert into orders (number, customer_name, order_type, total_amount, priority, prep_seconds, status,
            sequence, placed_at, updated_at, link_nonce)
        values (:number, 'Ada Lovelace', :order_type, 10, 1, :prep_seconds, 'received', 1, now(), now(), :nonce)
        returning id, updated_at
    )
    insert into order_status_log (order_id, sequence, status, changed_by, changed_at)
    select id, 1, 'received', 'customer', updated_at from placed returning order_id
""")


@contextmanager
def transactions(database_url: str) -> Iterator[Transaction]:
    """Opens sessions, each on a connection and in a transaction of its own, from any thread."""
    engine = create_engine(
        DIALECT, creator=lambda: psycopg2.connect(database_url), pool_size=20, max_overflow=0, hide_parameters=True
    )
    opened = sessionmaker(bind=engine, class_=Session)

    @contextmanager
    def begin() -> Iterator[Session]:
        with opened() as session, session.begin():
            session.execute(text("set local statement_timeout = '20s'"))
            yield session

    yield begin
    engine.dispose()


def put(
    begin: Transaction, number: str, order_type: str = "takeout", prep_seconds: int = 10, nonce: str = "nonce"
) -> int:
    """An order that waits; returns its id."""
    with begin() as session:
        values = {"number": number, "order_type": order_type, "prep_seconds": prep_seconds, "nonce": nonce}
        return int(session.execute(_ORDER, values).scalar_one())


def move(begin: Transaction, number: str, *targets: str, actor: Actor = STAFF) -> Moved:
    """Moves it from one status to the next; each is committed."""
    for target in targets:
        with begin() as session:
            moved = moves.move(session, "kitchen_service", number, target, actor)
            assert moved.changed
    return moved
