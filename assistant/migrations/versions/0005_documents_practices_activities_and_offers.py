"""Documents, practices, activities and what became of offered content"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activities",
        sa.Column("activity_id", sa.String(length=255), nullable=False),
        sa.Column("org_id", sa.String(length=255), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("schedule", sa.String(), nullable=True),
        sa.Column("apply_until", sa.Date(), nullable=True),
        sa.Column("grades", sa.JSON(), nullable=False),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("is_online", sa.Boolean(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_activities")),
    )
    with op.batch_alter_table("activities", schema=None) as batch_op:
        batch_op.create_index("ix_activities_org_id_end_date", ["org_id", "end_date"], unique=False)

    op.create_table(
        "document_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_revision")),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("source", sa.String(length=2000), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(length=128), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("org_id", sa.String(length=255), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=36), nullable=False),
        sa.Column("embeddings", sa.String(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("added_by", sa.String(length=255), nullable=True),
        sa.Column("added_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("source", name=op.f("uq_documents_source")),
    )
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.create_index("ix_documents_org_id", ["org_id"], unique=False)

    op.create_table(
        "content_offers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("content_id", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("offered_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("opened_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("asked_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("is_useful", sa.Boolean(), nullable=True),
        sa.Column("comment", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["content_id"], ["content.content_id"], name=op.f("fk_content_offers_content_id_content")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["users.sourced_id"], name=op.f("fk_content_offers_person_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_offers")),
    )
    with op.batch_alter_table("content_offers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_content_offers_content_id"), ["content_id"], unique=False)
        batch_op.create_index("ix_content_offers_person_id_offered_at", ["person_id", "offered_at"], unique=False)

    op.create_table(
        "document_files",
        sa.Column("document_id", sa.String(length=128), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_document_files_document_id_documents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_document_files")),
    )
    op.create_table(
        "document_passages",
        sa.Column("document_id", sa.String(length=128), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name=op.f("fk_document_passages_document_id_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "position", name=op.f("pk_document_passages")),
    )
    op.create_table(
        "practices",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("author_id", sa.String(length=255), nullable=False),
        sa.Column("school_id", sa.String(length=255), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("grades", sa.JSON(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=True),
        sa.Column("decided_at", knowledge.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("document_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", knowledge.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.sourced_id"], name=op.f("fk_practices_author_id_users")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.sourced_id"], name=op.f("fk_practices_decided_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practices")),
    )
    with op.batch_alter_table("practices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_practices_author_id"), ["author_id"], unique=False)
        batch_op.create_index("ix_practices_school_id_state", ["school_id", "state"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("practices", schema=None) as batch_op:
        batch_op.drop_index("ix_practices_school_id_state")
        batch_op.drop_index(batch_op.f("ix_practices_author_id"))

    op.drop_table("practices")
    op.drop_table("document_passages")
    op.drop_table("document_files")
    with op.batch_alter_table("content_offers", schema=None) as batch_op:
        batch_op.drop_index("ix_content_offers_person_id_offered_at")
        batch_op.drop_index(batch_op.f("ix_content_offers_content_id"))

    op.drop_table("content_offers")
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.drop_index("ix_documents_org_id")

    op.drop_table("documents")
    op.drop_table("document_revision")
    with op.batch_alter_table("activities", schema=None) as batch_op:
        batch_op.drop_index("ix_activities_org_id_end_date")

    op.drop_table("activities")
