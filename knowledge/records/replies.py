"""What staff answered to a child's reflection, and that they have read it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base

HEARD_WITHIN = timedelta(days=7)  # of a reflection that is older nobody is told any more that it was read


class Reply(Base):
    """One reply, as the child got it."""

    __tablename__ = "replies"
    __table_args__ = (Index("ix_replies_student_id_date", "student_id", "date"), Index("ix_replies_date", "date"))

    id: Mapped[str] = mapped_column(String(300), primary_key=True)  # of the event that brought it: stored once
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    date: Mapped[date]  # of the reflection
    author_id: Mapped[str] = mapped_column(String(255))  # sourcedId of the member of staff
    text: Mapped[str]
    sent_at: Mapped[datetime]


class ReflectionRead(Base):
    """That somebody of the staff has opened a child's reflection: who was first."""

    __tablename__ = "reflection_reads"
    __table_args__ = (Index("ix_reflection_reads_date", "date"),)

    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), primary_key=True)
    date: Mapped[date] = mapped_column(primary_key=True)  # of the reflection
    reader_id: Mapped[str] = mapped_column(String(255))  # sourcedId
    read_at: Mapped[datetime]
    told_at: Mapped[datetime | None]  # when the child was told, which happens once


async def read_unheard(connection: AsyncConnection, student_id: str, today: date) -> date | None:
    """The day of the child's latest reflection that was read, if the child was neither told so nor got a reply."""
    latest = (
        select(ReflectionRead.date, ReflectionRead.told_at)
        .where(ReflectionRead.student_id == student_id, ReflectionRead.date >= today - HEARD_WITHIN)
        .order_by(ReflectionRead.date.desc())
        .limit(1)
    )
    row = (await connection.execute(latest)).first()
    if row is None or row.told_at is not None:
        return None
    replied = select(Reply.id).where(Reply.student_id == student_id, Reply.date == row.date).limit(1)
    return None if await connection.scalar(replied) is not None else row.date
