"""Idempotency keys, and what the sweeper has to know of an order.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSON(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency_keys"),
    )
    op.add_column("orders", sa.Column("retry_at", _TIME, nullable=True))
    op.add_column("orders", sa.Column("sent_again_at", _TIME, nullable=True))


def downgrade() -> None:
    op.drop_column("orders", "sent_again_at")
    op.drop_column("orders", "retry_at")
    op.drop_table("idempotency_keys")
