"""What is sent to whom: the deliveries of news and letters, the addresses that have asked for them, and whether
the address of an order may be asked.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notification_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("data", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempts_before", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent_again", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status in ('waiting', 'sent', 'failed', 'dropped')", name=op.f("ck_notification_deliveries_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_deliveries")),
        sa.UniqueConstraint("event_id", "channel", "recipient", name=op.f("uq_notification_deliveries_event_id")),
    )
    op.create_index(
        "ix_notification_deliveries_waiting",
        "notification_deliveries",
        ["channel", "recipient", "next_attempt_at"],
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ix_notification_deliveries_in_hand",
        "notification_deliveries",
        ["channel", "recipient"],
        postgresql_where=sa.text("leased_until is not null"),
    )
    op.create_index("ix_notification_deliveries_order", "notification_deliveries", ["order_number", "id"])
    op.create_index("ix_notification_deliveries_recipient", "notification_deliveries", ["recipient", "id"])
    op.create_index(
        "ix_notification_deliveries_user",
        "notification_deliveries",
        ["user_id"],
        postgresql_where=sa.text("user_id is not null"),
    )
    op.create_index(
        "ix_notification_deliveries_failed",
        "notification_deliveries",
        ["id"],
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.create_index(
        "ix_notification_deliveries_ended",
        "notification_deliveries",
        ["ended_at"],
        postgresql_where=sa.text("ended_at is not null"),
    )
    op.create_table(
        "mail_addresses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("wants", sa.Text(), server_default=sa.text("'ready'"), nullable=False),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.Column("asked_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("wants in ('every_step', 'ready', 'nothing')", name=op.f("ck_mail_addresses_wants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_addresses")),
        sa.UniqueConstraint("address", name=op.f("uq_mail_addresses_address")),
    )
    op.execute("set local lock_timeout = '2s'")
    op.add_column("orders", sa.Column("may_ask", sa.Boolean(), server_default=sa.text("true"), nullable=False))


def downgrade() -> None:
    op.drop_table("mail_addresses")
    op.drop_table("notification_deliveries")
    op.drop_column("orders", "may_ask")
