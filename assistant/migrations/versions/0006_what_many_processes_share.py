"""Leases, rate buckets, and the waiting events of an account: what many processes share"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refilled_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_buckets")),
    )
    op.create_index(
        "ix_inbox_waiting",
        "inbox",
        ["account_id", "occurred_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )


def downgrade() -> None:
    op.drop_index("ix_inbox_waiting", "inbox")
    op.drop_table("rate_buckets")
    op.drop_table("leases")
