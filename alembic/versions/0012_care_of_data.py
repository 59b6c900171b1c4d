"""Orders that are done with have a place of their own, and a guest's orders are found by their e-mail.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    # Outside a transaction, and so it may be there already, or there by half, when this has to be run again.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = '10min'")
        op.execute("drop index concurrently if exists ix_orders_notification_email")
        op.create_index(
            "ix_orders_notification_email",
            "orders",
            [sa.text("lower(notification_email)")],
            postgresql_where=sa.text("notification_email is not null"),
            postgresql_concurrently=True,
        )
    op.create_table(
        "archived_orders",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("placed_at", _TIME, nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("table_number", sa.SmallInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total_amount", sa.Numeric(10, 2), nullable=False),
        sa.Column("completed_at", _TIME, nullable=True),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("history", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_archived_orders"),
    )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_orders_notification_email")
    op.drop_table("archived_orders")
