"""What screens look for is found by indices, which are made beside the work that goes on.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Outside a transaction, and so each may be there already, or there by half, when this has to be run again.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = '10min'")
        op.execute("drop index concurrently if exists ix_orders_after_cooking")
        op.create_index(
            "ix_orders_after_cooking",
            "orders",
            ["status", "updated_at"],
            postgresql_where=sa.text(
                "status in ('ready', 'out_for_delivery', 'cancelled', 'failed') and cleared_at is null"
            ),
            postgresql_concurrently=True,
        )
        op.execute("drop index concurrently if exists ix_orders_placed_at")
        op.create_index(
            "ix_orders_placed_at",
            "orders",
            ["placed_at"],
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_orders_placed_at")
        op.execute("drop index concurrently if exists ix_orders_after_cooking")
