"""Standing questions become reminders"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from alembic import op

import knowledge.db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STANDING = sa.table(
    "standing_questions",
    *(sa.column(name, sa.String()) for name in ("id", "owner_id", "text", "rrule", "time", "state")),
    sa.column("next_at", knowledge.db.UtcDateTime(timezone=True)),
    sa.column("created_at", knowledge.db.UtcDateTime(timezone=True)),
)
REMINDERS = sa.table(
    "reminders",
    *(
        sa.column(name, sa.String())
        for name in ("id", "owner_id", "school_id", "audience_kind", "audience_label", "what", "text")
    ),
    *(sa.column(name, sa.String()) for name in ("rrule", "time", "state")),
    *(sa.column(name, sa.Boolean()) for name in ("only_missing", "any_day")),
    *(sa.column(name, sa.JSON()) for name in ("audience_ids", "left_out")),
    sa.column("starts_on", sa.Date()),
    *(sa.column(name, knowledge.db.UtcDateTime(timezone=True)) for name in ("next_at", "created_at", "changed_at")),
)
OUTBOX = sa.table("outbox", sa.column("id"), sa.column("kind"), sa.column("state"), sa.column("payload", sa.JSON()))
# Where the owner works; "" when the roster does not say.
SCHOOLS = """
SELECT sourced_id, COALESCE(
    primary_org_sourced_id,
    (SELECT MIN(org_sourced_id) FROM roles WHERE user_sourced_id = users.sourced_id AND role_type = 'primary'),
    ''
) FROM users WHERE sourced_id IN (SELECT owner_id FROM standing_questions)
"""


def upgrade() -> None:
    connection = op.get_bind()
    schools: dict[str, str] = {row[0]: row[1] for row in connection.execute(sa.text(SCHOOLS))}
    rows = [_reminder(row, schools.get(row.owner_id, "")) for row in connection.execute(sa.select(STANDING))]
    if rows:
        connection.execute(sa.insert(REMINDERS), rows)
    waiting = sa.select(OUTBOX).where(OUTBOX.c.kind == "standing", OUTBOX.c.state.in_(["pending", "sending", "held"]))
    for row in connection.execute(waiting).all():
        payload = {"reminder_id": _id(row.payload["question_id"]), "person_id": row.payload["person_id"]}
        connection.execute(sa.update(OUTBOX).where(OUTBOX.c.id == row.id).values(payload=payload))
    with op.batch_alter_table("standing_questions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_standing_questions_owner_id"))
        batch_op.drop_index("ix_standing_questions_next_at")
    op.drop_table("standing_questions")


def downgrade() -> None:
    """The questions of reminders are left where they are: the version before does not send them."""
    op.create_table(
        "standing_questions",
        sa.Column("id", sa.String(length=300), nullable=False),
        sa.Column("owner_id", sa.String(length=255), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("rrule", sa.String(), nullable=False),
        sa.Column("time", sa.String(length=5), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("next_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.sourced_id"], name=op.f("fk_standing_questions_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_questions")),
    )
    with op.batch_alter_table("standing_questions", schema=None) as batch_op:
        batch_op.create_index("ix_standing_questions_next_at", ["state", "next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_standing_questions_owner_id"), ["owner_id"], unique=False)


def _reminder(row: Any, school_id: str) -> dict[str, Any]:
    return {
        "id": _id(row.id),
        "owner_id": row.owner_id,
        "school_id": school_id,
        "audience_kind": "self",
        "audience_ids": [row.owner_id],
        "audience_label": "",
        "left_out": [],
        "only_missing": False,
        "what": "question",
        "text": row.text,
        "rrule": row.rrule,
        "starts_on": _local_day(row.next_at, row.time) if row.next_at else row.created_at.date(),
        "time": row.time,
        "any_day": False,
        "state": row.state,
        "next_at": row.next_at,
        "created_at": row.created_at,
        "changed_at": row.created_at,
    }


def _id(question_id: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"standing:{question_id}"))


def _local_day(moment: datetime, at: str) -> date:
    """The school's date at ``moment``, which its clock shows as ``at``."""
    clock = time.fromisoformat(at)
    ahead = (clock.hour * 60 + clock.minute - moment.hour * 60 - moment.minute) % 1440
    return (moment + timedelta(minutes=ahead if ahead <= 14 * 60 else ahead - 1440)).date()
