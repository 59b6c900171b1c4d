"""Accounts, the menu, and whose order an order is.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("username_key", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role in ('customer', 'employee', 'admin')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.UniqueConstraint("username_key", name="uq_users_username_key"),
    )
    op.create_table(
        "menu_items",
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
        sa.Column("build", sa.Text(), nullable=True),
        sa.Column("ingredients", postgresql.JSONB(), nullable=False),
        sa.Column("allergens", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("prep_seconds", sa.Integer(), nullable=True),
        sa.Column("available", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("price between 0.01 and 999.99", name=op.f("ck_menu_items_price")),
        sa.CheckConstraint("build in ('collins', 'stirred', 'shaken', 'sour')", name=op.f("ck_menu_items_build")),
        sa.PrimaryKeyConstraint("name_key", name="pk_menu_items"),
    )
    # Keys are each user's own from now on; those that there are were guests'.
    op.execute("update idempotency_keys set key = 'guest:' || key")
    op.add_column("orders", sa.Column("customer_id", sa.BigInteger(), nullable=True))
    op.add_column("orders", sa.Column("notification_email", sa.Text(), nullable=True))
    # Checked for what comes from now on; 0005 looks at what is there, and makes the index, beside the work.
    op.create_foreign_key(
        "fk_orders_customer_id", "orders", "users", ["customer_id"], ["id"], postgresql_not_valid=True
    )


def downgrade() -> None:
    op.execute("update idempotency_keys set key = substr(key, length('guest:') + 1) where key like 'guest:%'")
    op.drop_column("orders", "notification_email")
    op.drop_column("orders", "customer_id")
    op.drop_table("menu_items")
    op.drop_table("users")
