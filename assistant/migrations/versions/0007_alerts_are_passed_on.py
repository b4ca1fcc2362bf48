"""Alerts are passed on until somebody has seen them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db
from assistant.migrations.online import create_index_online

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index_online(
        "ix_alerts_open",
        "alerts",
        ["last_at"],
        sqlite_where=sa.text("state IN ('new', 'seen')"),
        postgresql_where=sa.text("state IN ('new', 'seen')"),
    )
    op.create_table(
        "alert_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(length=255), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_steps_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_steps")),
    )
    op.create_index(op.f("ix_alert_steps_alert_id"), "alert_steps", ["alert_id"])
    op.create_table(
        "escalations",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=300), nullable=False),
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("begun_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("told_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("next_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "item_id", name=op.f("pk_escalations")),
    )
    op.create_index("ix_escalations_next_at", "escalations", ["next_at"])
    op.create_table(
        "tellings",
        sa.Column("key", sa.String(length=600), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=300), nullable=False),
        sa.Column("person_id", sa.String(length=255), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_tellings")),
    )
    op.create_index("ix_tellings_item_id_kind", "tellings", ["item_id", "kind"])


def downgrade() -> None:
    op.drop_table("tellings")
    op.drop_table("escalations")
    op.drop_table("alert_steps")
    op.drop_index("ix_alerts_open", "alerts")
