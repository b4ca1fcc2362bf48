"""Thresholds of schools, and the flags they raised"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "thresholds",
        sa.Column("school_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("set_by", sa.String(length=255), nullable=False),
        sa.Column("set_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("looked_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "kind", name=op.f("pk_thresholds")),
    )
    op.create_table(
        "flags",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("school_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("told_amount", sa.Float(53), nullable=False),
        sa.Column("told_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_by", sa.String(length=255), nullable=True),
        sa.Column("state_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["student_id"], ["users.sourced_id"], name=op.f("fk_flags_student_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flags")),
        sa.UniqueConstraint("student_id", "kind", "since", name=op.f("uq_flags_student_id_kind_since")),
    )
    op.create_index("ix_flags_school_id_day", "flags", ["school_id", "day"])


def downgrade() -> None:
    op.drop_table("flags")
    op.drop_table("thresholds")
