"""What staff noted about a student (指導記録・所見)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Observation(Base):
    """One row of the ``observations`` CSV kind."""

    __tablename__ = "observations"
    __table_args__ = (
        UniqueConstraint("student_id", "recorded_at", "recorded_by"),
        Index("ix_observations_student_id_date", "student_id", "date"),
        Index("ix_observations_date", "date"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    recorded_at: Mapped[datetime]
    date: Mapped[date]  # of ``recorded_at`` in the school's time zone
    recorded_by: Mapped[str] = mapped_column(String(255))  # sourcedId of the member of staff
    subject: Mapped[str | None]
    text: Mapped[str]
