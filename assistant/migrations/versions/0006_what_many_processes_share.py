"""Leases, rate buckets, and the waiting events of an account: what many processes share"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db
from assistant.migrations.online import create_index_online, drop_index_online

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index_online(
        "ix_alerts_new",
        "alerts",
        ["level"],
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )
    create_index_online(
        "ix_inbox_waiting",
        "inbox",
        ["account_id", "occurred_at", "id"],
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )
    create_index_online(
        "ix_outbox_asked",
        "outbox",
        ["channel", "due_at", "id"],
        sqlite_where=sa.text("state = 'pending' AND key IS NULL"),
        postgresql_where=sa.text("state = 'pending' AND key IS NULL"),
    )
    create_index_online(
        "ix_outbox_channel",
        "outbox",
        ["channel", "due_at", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    create_index_online(
        "ix_outbox_sending",
        "outbox",
        ["channel"],
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    drop_index_online("ix_outbox_due", "outbox")
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("acted_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "rate_buckets",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("tokens", sa.Double[float](), nullable=False),
        sa.Column("refilled_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_buckets")),
    )
    if op.get_bind().dialect.name == "postgresql":  # paying waits for no disk; after a crash the buckets start full
        op.execute("ALTER TABLE rate_buckets SET UNLOGGED")
    op.create_table(
        "marks",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )


def downgrade() -> None:
    op.drop_index("ix_inbox_waiting", "inbox")
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index("ix_outbox_sending", "outbox")
    op.drop_index("ix_outbox_channel", "outbox")
    op.drop_index("ix_outbox_asked", "outbox")
    op.drop_index("ix_alerts_new", "alerts")
    op.drop_table("marks")
    op.drop_table("rate_buckets")
    op.drop_table("leases")
