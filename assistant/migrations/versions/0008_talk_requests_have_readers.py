"""Talk requests: with whom, about what, and who has read them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db
from assistant.migrations.online import create_index_online

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    open_only = sa.text("closed_at IS NULL")
    create_index_online(
        "ix_talk_requests_open",
        "talk_requests",
        ["requested_at"],
        sqlite_where=open_only,
        postgresql_where=open_only,
    )
    op.add_column("talk_requests", sa.Column("chosen_as", sa.String(length=16), nullable=True))
    op.add_column("talk_requests", sa.Column("chosen_id", sa.String(length=255), nullable=True))
    op.add_column("talk_requests", sa.Column("subject", sa.String(length=16), nullable=True))
    op.add_column("talk_requests", sa.Column("read_at", knowledge.db.UtcDateTime(timezone=True), nullable=True))
    op.add_column("talk_requests", sa.Column("read_by", sa.String(length=255), nullable=True))
    op.add_column("talk_requests", sa.Column("passing", sa.String(length=16), nullable=True))


def downgrade() -> None:
    for name in ("passing", "read_by", "read_at", "subject", "chosen_id", "chosen_as"):
        op.drop_column("talk_requests", name)
    op.drop_index("ix_talk_requests_open", "talk_requests")
