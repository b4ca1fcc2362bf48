"""Reflections that somebody of the staff has read"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reflection_reads",
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("reader_id", sa.String(length=255), nullable=False),
        sa.Column("read_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("told_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["student_id"], ["users.sourced_id"], name=op.f("fk_reflection_reads_student_id_users")
        ),
        sa.PrimaryKeyConstraint("student_id", "date", name=op.f("pk_reflection_reads")),
    )
    op.create_index("ix_reflection_reads_date", "reflection_reads", ["date"])


def downgrade() -> None:
    op.drop_table("reflection_reads")
