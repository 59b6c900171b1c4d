"""A nonce for an order's link.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("link_nonce", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("orders", "link_nonce")
