"""Customers' orders and old idempotency keys are found by indices, and orders' customers are checked; all of it
beside the work that goes on.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Outside a transaction, and so each may be there already, or there by half, when this has to be run again.
    with op.get_context().autocommit_block():
        # What is made beside the work waits for transactions that are older than it, and keeps nobody waiting.
        op.execute("set lock_timeout = '10min'")
        # Databases that came through 0003 when it made this index have it; to make it anew takes minutes, once.
        op.execute("drop index concurrently if exists ix_orders_customer")
        op.create_index(
            "ix_orders_customer",
            "orders",
            ["customer_id", "id"],
            postgresql_where=sa.text("customer_id is not null"),
            postgresql_concurrently=True,
        )
        op.execute("drop index concurrently if exists ix_idempotency_keys_created_at")
        op.create_index(
            "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], postgresql_concurrently=True
        )
        op.execute("set lock_timeout = '2s'")
        op.execute("alter table orders validate constraint fk_orders_customer_id")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_idempotency_keys_created_at")
        op.execute("drop index concurrently if exists ix_orders_customer")
