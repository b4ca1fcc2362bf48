"""What staff answered to a child's reflection."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Reply(Base):
    """One reply, as the child got it."""

    __tablename__ = "replies"
    __table_args__ = (Index("ix_replies_student_id_date", "student_id", "date"),)

    id: Mapped[str] = mapped_column(String(300), primary_key=True)  # of the event that brought it: stored once
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    date: Mapped[date]  # of the reflection
    author_id: Mapped[str] = mapped_column(String(255))  # sourcedId of the member of staff
    text: Mapped[str]
    sent_at: Mapped[datetime]
