"""What screens show: notes, allergies, the first estimate, the front of the line, cleared tickets, failed tries,
heartbeats; and in which transaction an order was changed last, so that a screen that was away gets what it missed.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = postgresql.TIMESTAMP(timezone=True)
_TEXTS = postgresql.ARRAY(sa.Text())

# An order of before has no value, which means: long ago. A default that is not constant would rewrite the table.
_STAMP = """
    create function stamp_order() returns trigger language plpgsql as $$
    begin
        new.changed_in := pg_current_xact_id();
        return new;
    end $$;
    create trigger orders_stamp before update on orders for each row execute function stamp_order();
    alter table orders alter column changed_in set default pg_current_xact_id();
"""
# Heartbeats, and workers that come and go: screens hear of them as they hear of orders, whose outbox rows tell.
_WORKERS_CHANGED = """
    create function notify_workers() returns trigger language plpgsql as $$
    begin
        perform pg_notify('workers', '');
        return null;
    end $$;
    create trigger workers_changed after insert or update or delete on workers
        for each statement execute function notify_workers();
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '2s'")
    op.add_column("orders", sa.Column("allergies", _TEXTS, server_default=sa.text("'{}'"), nullable=False))
    op.add_column("orders", sa.Column("first_estimate", _TIME, nullable=True))
    op.add_column("orders", sa.Column("front_from", sa.SmallInteger(), nullable=True))
    op.add_column("orders", sa.Column("front_at", _TIME, nullable=True))
    op.add_column("orders", sa.Column("cleared_at", _TIME, nullable=True))
    op.add_column("orders", sa.Column("tries", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.execute("alter table orders add column changed_in xid8")
    op.add_column("order_items", sa.Column("note", sa.Text(), nullable=True))
    op.add_column(
        "workers", sa.Column("heartbeats", postgresql.ARRAY(_TIME), server_default=sa.text("'{}'"), nullable=False)
    )
    op.execute(_STAMP)
    op.execute(_WORKERS_CHANGED)


def downgrade() -> None:
    op.execute("drop trigger workers_changed on workers; drop function notify_workers()")
    op.execute("drop trigger orders_stamp on orders; drop function stamp_order()")
    op.drop_column("workers", "heartbeats")
    op.drop_column("order_items", "note")
    for column in ("changed_in", "tries", "cleared_at", "front_at", "front_from", "first_estimate", "allergies"):
        op.drop_column("orders", column)
