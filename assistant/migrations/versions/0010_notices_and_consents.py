"""Which notice a family was given, what it agreed to, and indexes by age for what is kept only so long"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from assistant.migrations.online import create_index_online
from knowledge.db import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BY_AGE = (("notes", "date"), ("replies", "date"), ("content_offers", "offered_at"))


def upgrade() -> None:
    for table, column in BY_AGE:
        create_index_online(f"ix_{table}_{column}", table, [column])
    op.create_table(
        "notices_shown",
        sa.Column("person_id", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shown_at", UtcDateTime(), nullable=False),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["users.sourced_id"], name=op.f("fk_notices_shown_person_id_users")),
        sa.PrimaryKeyConstraint("person_id", "version", name=op.f("pk_notices_shown")),
    )
    op.create_table(
        "consents",
        sa.Column("person_id", sa.String(255), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("is_given", sa.Boolean(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(255), nullable=True),
        sa.Column("how", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["users.sourced_id"], name=op.f("fk_consents_person_id_users")),
        sa.PrimaryKeyConstraint("person_id", "purpose", name=op.f("pk_consents")),
    )
    op.create_index(
        "ix_consents_withdrawn",
        "consents",
        ["purpose", "person_id"],
        sqlite_where=sa.text("NOT is_given"),
        postgresql_where=sa.text("NOT is_given"),
    )


def downgrade() -> None:
    op.drop_table("consents")
    op.drop_table("notices_shown")
    for table, column in BY_AGE:
        op.drop_index(f"ix_{table}_{column}", table)
