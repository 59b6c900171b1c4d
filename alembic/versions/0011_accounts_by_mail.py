"""Accounts can be disabled, and sign-ins ended.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "ended_sign_ins",
        sa.Column("sign_in", sa.Text(), nullable=False),
        sa.Column("ended_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sign_in", name=op.f("pk_ended_sign_ins")),
    )
    op.create_index("ix_ended_sign_ins_ended_at", "ended_sign_ins", ["ended_at"])
    # Last: from here on whoever signs in waits.
    op.execute("set local lock_timeout = '2s'")
    op.add_column("users", sa.Column("disabled_at", _TIME, nullable=True))


def downgrade() -> None:
    op.drop_table("ended_sign_ins")
    op.drop_column("users", "disabled_at")
