"""What is planned, announced and closed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "announcements",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner_id", sa.String(length=255), nullable=False),
        sa.Column("school_id", sa.String(length=255), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("answer_kind", sa.String(length=16), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("closes_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("is_safety_check", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.sourced_id"], name=op.f("fk_announcements_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
    with op.batch_alter_table("announcements", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_announcements_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_announcements_school_id"), ["school_id"], unique=False)

    op.create_table(
        "menu_items",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("school_id", sa.String(length=255), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("starts_at", sa.String(length=5), nullable=True),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.sourced_id"], name=op.f("fk_menu_items_created_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_items")),
    )
    with op.batch_alter_table("menu_items", schema=None) as batch_op:
        batch_op.create_index("ix_menu_items_school_id_date", ["school_id", "date"], unique=False)

    op.create_table(
        "announcement_answers",
        sa.Column("announcement_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("answered_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["announcement_id"],
            ["announcements.id"],
            name=op.f("fk_announcement_answers_announcement_id_announcements"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["users.sourced_id"], name=op.f("fk_announcement_answers_person_id_users")
        ),
        sa.PrimaryKeyConstraint("announcement_id", "person_id", name=op.f("pk_announcement_answers")),
    )
    op.create_table(
        "announcement_recipients",
        sa.Column("announcement_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=255), nullable=False),
        sa.Column("asked_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["announcement_id"],
            ["announcements.id"],
            name=op.f("fk_announcement_recipients_announcement_id_announcements"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["users.sourced_id"], name=op.f("fk_announcement_recipients_person_id_users")
        ),
        sa.PrimaryKeyConstraint("announcement_id", "person_id", name=op.f("pk_announcement_recipients")),
    )
    with op.batch_alter_table("announcement_recipients", schema=None) as batch_op:
        batch_op.create_index("ix_announcement_recipients_person_id", ["person_id"], unique=False)

    op.create_table(
        "closures",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school_id", sa.String(length=255), nullable=False),
        sa.Column("grades", sa.JSON(), nullable=False),
        sa.Column("class_ids", sa.JSON(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("is_remote", sa.Boolean(), nullable=False),
        sa.Column("announcement_id", sa.String(length=36), nullable=True),
        sa.Column("declared_by", sa.String(length=255), nullable=False),
        sa.Column("declared_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(length=255), nullable=True),
        sa.Column("ended_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["announcement_id"], ["announcements.id"], name=op.f("fk_closures_announcement_id_announcements")
        ),
        sa.ForeignKeyConstraint(["declared_by"], ["users.sourced_id"], name=op.f("fk_closures_declared_by_users")),
        sa.ForeignKeyConstraint(["ended_by"], ["users.sourced_id"], name=op.f("fk_closures_ended_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closures")),
    )
    with op.batch_alter_table("closures", schema=None) as batch_op:
        batch_op.create_index("ix_closures_school_id_first_day", ["school_id", "first_day"], unique=False)

    op.create_table(
        "menu_done",
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=255), nullable=False),
        sa.Column("done_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["menu_items.id"], name=op.f("fk_menu_done_item_id_menu_items")),
        sa.ForeignKeyConstraint(["person_id"], ["users.sourced_id"], name=op.f("fk_menu_done_person_id_users")),
        sa.PrimaryKeyConstraint("item_id", "person_id", name=op.f("pk_menu_done")),
    )
    op.create_table(
        "reminders",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner_id", sa.String(length=255), nullable=False),
        sa.Column("school_id", sa.String(length=255), nullable=False),
        sa.Column("audience_kind", sa.String(length=16), nullable=False),
        sa.Column("audience_ids", sa.JSON(), nullable=False),
        sa.Column("audience_label", sa.String(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("only_missing", sa.Boolean(), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("announcement_id", sa.String(length=36), nullable=True),
        sa.Column("rrule", sa.String(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("time", sa.String(length=5), nullable=False),
        sa.Column("event_title", sa.String(), nullable=True),
        sa.Column("event_first", sa.Integer(), nullable=True),
        sa.Column("event_last", sa.Integer(), nullable=True),
        sa.Column("any_day", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("next_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("changed_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["announcement_id"], ["announcements.id"], name=op.f("fk_reminders_announcement_id_announcements")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.sourced_id"], name=op.f("fk_reminders_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
    )
    with op.batch_alter_table("reminders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reminders_announcement_id"), ["announcement_id"], unique=False)
        batch_op.create_index(
            "ix_reminders_due",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )
        batch_op.create_index(batch_op.f("ix_reminders_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reminders_school_id"), ["school_id"], unique=False)

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.alter_column("key", existing_type=sa.String(length=255), type_=sa.String(length=600))
        batch_op.add_column(sa.Column("person_id", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("counts_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("source", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("variant", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("batch", sa.String(length=36), nullable=True))
        batch_op.create_index(
            "ix_outbox_counted",
            ["person_id", "counts_on"],
            unique=False,
            sqlite_where=sa.text("counts_on IS NOT NULL"),
            postgresql_where=sa.text("counts_on IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_outbox_source",
            ["source"],
            unique=False,
            sqlite_where=sa.text("source IS NOT NULL"),
            postgresql_where=sa.text("source IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_outbox_equal",
            ["source", "variant", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'pending' AND variant IS NOT NULL"),
            postgresql_where=sa.text("state = 'pending' AND variant IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_outbox_due", sqlite_where=sa.text("state = 'pending'"), postgresql_where=sa.text("state = 'pending'")
        )
        batch_op.create_index(
            "ix_outbox_due",
            ["due_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(
            "ix_outbox_batch",
            ["batch", "id"],
            unique=False,
            sqlite_where=sa.text("batch IS NOT NULL"),
            postgresql_where=sa.text("batch IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_due", sqlite_where=sa.text("state = 'pending'"), postgresql_where=sa.text("state = 'pending'")
        )
        batch_op.create_index(
            "ix_outbox_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.drop_index(
            "ix_outbox_equal",
            sqlite_where=sa.text("state = 'pending' AND variant IS NOT NULL"),
            postgresql_where=sa.text("state = 'pending' AND variant IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_outbox_batch",
            sqlite_where=sa.text("batch IS NOT NULL"),
            postgresql_where=sa.text("batch IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_outbox_source",
            sqlite_where=sa.text("source IS NOT NULL"),
            postgresql_where=sa.text("source IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_outbox_counted",
            sqlite_where=sa.text("counts_on IS NOT NULL"),
            postgresql_where=sa.text("counts_on IS NOT NULL"),
        )
        batch_op.drop_column("batch")
        batch_op.drop_column("variant")
        batch_op.drop_column("source")
        batch_op.drop_column("counts_on")
        batch_op.drop_column("person_id")
        batch_op.alter_column("key", existing_type=sa.String(length=600), type_=sa.String(length=255))

    with op.batch_alter_table("reminders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reminders_school_id"))
        batch_op.drop_index(batch_op.f("ix_reminders_owner_id"))
        batch_op.drop_index(
            "ix_reminders_due", sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'")
        )
        batch_op.drop_index(batch_op.f("ix_reminders_announcement_id"))

    op.drop_table("reminders")
    op.drop_table("menu_done")
    with op.batch_alter_table("closures", schema=None) as batch_op:
        batch_op.drop_index("ix_closures_school_id_first_day")

    op.drop_table("closures")
    with op.batch_alter_table("announcement_recipients", schema=None) as batch_op:
        batch_op.drop_index("ix_announcement_recipients_person_id")

    op.drop_table("announcement_recipients")
    op.drop_table("announcement_answers")
    with op.batch_alter_table("menu_items", schema=None) as batch_op:
        batch_op.drop_index("ix_menu_items_school_id_date")

    op.drop_table("menu_items")
    with op.batch_alter_table("announcements", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_announcements_school_id"))
        batch_op.drop_index(batch_op.f("ix_announcements_owner_id"))

    op.drop_table("announcements")
