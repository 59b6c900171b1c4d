"""Orders, their items and history, the outbox with its wake-up, and the kitchen's workers.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "order_numbers",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_order_numbers"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("table_number", sa.SmallInteger(), nullable=True),
        sa.Column("delivery_address", sa.Text(), nullable=True),
        sa.Column("total_amount", sa.Numeric(10, 2), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("prep_seconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("processed_by", sa.Text(), nullable=True),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cooking_worker", sa.UUID(), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("placed_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("cooking_started_at", _TIME, nullable=True),
        sa.Column("estimated_completion", _TIME, nullable=True),
        sa.Column("completed_at", _TIME, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("number", name="uq_orders_number"),
        sa.CheckConstraint(
            "status in ('received', 'cooking', 'ready', 'out_for_delivery', 'completed', 'cancelled', 'failed')",
            name=op.f("ck_orders_status"),
        ),
        sa.CheckConstraint("order_type in ('dine_in', 'takeout', 'delivery')", name=op.f("ck_orders_order_type")),
    )
    op.create_index(
        "ix_orders_open",
        "orders",
        ["order_type", "priority", "placed_at"],
        postgresql_where=sa.text("status in ('received', 'cooking')"),
    )
    op.create_table(
        "order_items",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.SmallInteger(), nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "position", name="pk_order_items"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_items_order_id", ondelete="CASCADE"),
    )
    op.create_table(
        "order_status_log",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "sequence", name="pk_order_status_log"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name="fk_order_status_log_order_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("retry_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("instance", sa.UUID(), nullable=False),
        sa.Column("order_types", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("heartbeat_interval", sa.Float(), nullable=False),
        sa.Column("registered_at", _TIME, nullable=False),
        sa.Column("last_seen", _TIME, nullable=False),
        sa.Column("orders_processed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cooking_speed", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )
    # Whoever writes to the outbox wakes the relay, at the moment of the commit.
    op.execute("""
        create function wake_relay() returns trigger language plpgsql as $$
        begin
            notify outbox;
            return null;
        end $$
    """)
    op.execute("create trigger wake_relay after insert on outbox for each statement execute function wake_relay()")


def downgrade() -> None:
    for table in ("workers", "outbox", "order_status_log", "order_items", "orders", "order_numbers"):
        op.drop_table(table)
    op.execute("drop function wake_relay()")
