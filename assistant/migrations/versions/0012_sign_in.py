"""Sign-in with the accounts of the school; sessions that are listed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import knowledge.db

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_in_names",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name_hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name_hash", "person_id", name=op.f("pk_sign_in_names")),
    )
    op.create_index("ix_sign_in_names_person_id", "sign_in_names", ["person_id"])
    with op.batch_alter_table("browser_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("method", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("device", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("last_used_at", knowledge.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("fresh_at", knowledge.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("code_nonce", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("code_until", knowledge.db.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("browser_sessions", schema=None) as batch_op:
        for name in ("code_until", "code_nonce", "fresh_at", "last_used_at", "device", "method"):
            batch_op.drop_column(name)
    op.drop_index("ix_sign_in_names_person_id", "sign_in_names")
    op.drop_table("sign_in_names")
