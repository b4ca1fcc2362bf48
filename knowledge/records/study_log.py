"""The study log: drills and other learning, as the platforms report it."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class StudyEntry(Base):
    """One row of the ``study-log`` CSV kind."""

    __tablename__ = "study_log"
    __table_args__ = (
        UniqueConstraint("student_id", "started_at", "content_id"),
        Index("ix_study_log_student_id_date", "student_id", "date"),
        Index("ix_study_log_date", "date"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    started_at: Mapped[datetime]
    date: Mapped[date]  # of ``started_at`` in the school's time zone
    subject: Mapped[str | None]  # 「算数」
    content_id: Mapped[str]  # "" where the platform names none
    title: Mapped[str | None]
    answered: Mapped[int | None]  # questions
    correct: Mapped[int | None]  # of them
    duration_seconds: Mapped[int | None]
