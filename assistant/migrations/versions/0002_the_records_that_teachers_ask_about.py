"""The records that teachers ask about"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db
from knowledge.records.depth import depth_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BATCH = 5_000  # reflections whose depth is filled in at a time


def upgrade() -> None:
    op.create_table(
        "collected",
        sa.Column("school_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "kind", name=op.f("pk_collected")),
    )
    op.create_table(
        "content",
        sa.Column("content_id", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("grades", sa.JSON(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("content_id", name=op.f("pk_content")),
    )
    op.create_table(
        "files",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    with op.batch_alter_table("files", schema=None) as batch_op:
        batch_op.create_index("ix_files_expires_at", ["expires_at"], unique=False)

    op.create_table(
        "assessments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("score", sa.Float(53), nullable=False),
        sa.Column("max_score", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["student_id"], ["users.sourced_id"], name=op.f("fk_assessments_student_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessments")),
        sa.UniqueConstraint(
            "student_id", "date", "title", "subject", name=op.f("uq_assessments_student_id_date_title_subject")
        ),
    )
    with op.batch_alter_table("assessments", schema=None) as batch_op:
        batch_op.create_index("ix_assessments_date", ["date"], unique=False)

    op.create_table(
        "attendance",
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["student_id"], ["users.sourced_id"], name=op.f("fk_attendance_student_id_users")),
        sa.PrimaryKeyConstraint("student_id", "date", name=op.f("pk_attendance")),
    )
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.create_index("ix_attendance_date_status", ["date", "status", "student_id"], unique=False)

    op.create_table(
        "nurse_visits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("visited_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["student_id"], ["users.sourced_id"], name=op.f("fk_nurse_visits_student_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nurse_visits")),
        sa.UniqueConstraint("student_id", "visited_at", name=op.f("uq_nurse_visits_student_id_visited_at")),
    )
    with op.batch_alter_table("nurse_visits", schema=None) as batch_op:
        batch_op.create_index("ix_nurse_visits_date", ["date"], unique=False)
        batch_op.create_index("ix_nurse_visits_student_id_date", ["student_id", "date"], unique=False)

    op.create_table(
        "observations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("recorded_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["student_id"], ["users.sourced_id"], name=op.f("fk_observations_student_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
        sa.UniqueConstraint(
            "student_id", "recorded_at", "recorded_by", name=op.f("uq_observations_student_id_recorded_at_recorded_by")
        ),
    )
    with op.batch_alter_table("observations", schema=None) as batch_op:
        batch_op.create_index("ix_observations_date", ["date"], unique=False)
        batch_op.create_index("ix_observations_student_id_date", ["student_id", "date"], unique=False)

    op.create_table(
        "replies",
        sa.Column("id", sa.String(length=300), nullable=False),
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("author_id", sa.String(length=255), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("sent_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["student_id"], ["users.sourced_id"], name=op.f("fk_replies_student_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
    )
    with op.batch_alter_table("replies", schema=None) as batch_op:
        batch_op.create_index("ix_replies_student_id_date", ["student_id", "date"], unique=False)

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

    op.create_table(
        "study_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("started_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("content_id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("answered", sa.Integer(), nullable=True),
        sa.Column("correct", sa.Integer(), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["student_id"], ["users.sourced_id"], name=op.f("fk_study_log_student_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_log")),
        sa.UniqueConstraint(
            "student_id", "started_at", "content_id", name=op.f("uq_study_log_student_id_started_at_content_id")
        ),
    )
    with op.batch_alter_table("study_log", schema=None) as batch_op:
        batch_op.create_index("ix_study_log_date", ["date"], unique=False)
        batch_op.create_index("ix_study_log_student_id_date", ["student_id", "date"], unique=False)

    op.create_table(
        "talk_requests",
        sa.Column("id", sa.String(length=300), nullable=False),
        sa.Column("student_id", sa.String(length=255), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("requested_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["student_id"], ["users.sourced_id"], name=op.f("fk_talk_requests_student_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talk_requests")),
    )
    with op.batch_alter_table("talk_requests", schema=None) as batch_op:
        batch_op.create_index("ix_talk_requests_student_id", ["student_id", "closed_at"], unique=False)

    with op.batch_alter_table("check_ins", schema=None) as batch_op:
        batch_op.add_column(sa.Column("depth", sa.Integer(), nullable=True))
        batch_op.drop_index("ix_check_ins_date_phase")
        batch_op.create_index(
            "ix_check_ins_date_phase",
            ["date", "phase", "student_id"],
            unique=False,
            postgresql_include=["status", "answered_at", "mood"],
        )
    _fill_depth()


def _fill_depth() -> None:
    """The depth of the reflections that are stored already."""
    check_ins = sa.table("check_ins", *map(sa.column, ("id", "phase", "went_well", "difficult", "next_step", "depth")))
    answers = (check_ins.c.went_well, check_ins.c.difficult, check_ins.c.next_step)
    reflections = sa.select(check_ins.c.id, *answers).where(check_ins.c.phase == "reflection").limit(BATCH)
    update = sa.update(check_ins).where(check_ins.c.id == sa.bindparam("row")).values(depth=sa.bindparam("level"))
    connection, last = op.get_bind(), 0
    while rows := connection.execute(reflections.where(check_ins.c.id > last).order_by(check_ins.c.id)).all():
        connection.execute(update, [{"row": row.id, "level": depth_of(*row[1:])} for row in rows])
        last = rows[-1].id


def downgrade() -> None:
    with op.batch_alter_table("check_ins", schema=None) as batch_op:
        batch_op.drop_index("ix_check_ins_date_phase")
        batch_op.create_index("ix_check_ins_date_phase", ["date", "phase", "student_id"], unique=False)
        batch_op.drop_column("depth")

    with op.batch_alter_table("talk_requests", schema=None) as batch_op:
        batch_op.drop_index("ix_talk_requests_student_id")

    op.drop_table("talk_requests")
    with op.batch_alter_table("study_log", schema=None) as batch_op:
        batch_op.drop_index("ix_study_log_student_id_date")
        batch_op.drop_index("ix_study_log_date")

    op.drop_table("study_log")
    with op.batch_alter_table("standing_questions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_standing_questions_owner_id"))
        batch_op.drop_index("ix_standing_questions_next_at")

    op.drop_table("standing_questions")
    with op.batch_alter_table("replies", schema=None) as batch_op:
        batch_op.drop_index("ix_replies_student_id_date")

    op.drop_table("replies")
    with op.batch_alter_table("observations", schema=None) as batch_op:
        batch_op.drop_index("ix_observations_student_id_date")
        batch_op.drop_index("ix_observations_date")

    op.drop_table("observations")
    with op.batch_alter_table("nurse_visits", schema=None) as batch_op:
        batch_op.drop_index("ix_nurse_visits_student_id_date")
        batch_op.drop_index("ix_nurse_visits_date")

    op.drop_table("nurse_visits")
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.drop_index("ix_attendance_date_status")

    op.drop_table("attendance")
    with op.batch_alter_table("assessments", schema=None) as batch_op:
        batch_op.drop_index("ix_assessments_date")

    op.drop_table("assessments")
    with op.batch_alter_table("files", schema=None) as batch_op:
        batch_op.drop_index("ix_files_expires_at")

    op.drop_table("files")
    op.drop_table("content")
    op.drop_table("collected")
