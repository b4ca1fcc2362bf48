"""Which kinds of records a school has ever sent: the difference between "none" and "not collected"."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, upsert
from knowledge.records.roster import Enrollment, Id, User


class Collected(Base):
    """That records of a kind were imported for a student of a school at least once; such a row is never removed."""

    __tablename__ = "collected"

    school_id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # the name of the import: attendance, study-log …


async def mark_collected(connection: AsyncConnection, kind: str, students: Collection[str]) -> None:
    """The schools of these students (at most a few thousand) have sent records of ``kind``: those they are or were
    enrolled at; for who never was at any, the primary organisation."""
    is_student = (Enrollment.user_sourced_id.in_(students), Enrollment.role == "student")
    enrolled = select(Enrollment.user_sourced_id).where(*is_student)
    schools = union(
        select(Enrollment.school_sourced_id).where(*is_student),
        select(User.primary_org_sourced_id).where(
            User.sourced_id.in_(students), User.primary_org_sourced_id.is_not(None), User.sourced_id.not_in(enrolled)
        ),
    )
    rows = [{"school_id": school_id, "kind": kind} for school_id in await connection.scalars(schools)]
    await upsert(connection, Collected, rows, key=("school_id", "kind"))
