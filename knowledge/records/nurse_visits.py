"""Visits to the nurse's office (保健室)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class NurseVisit(Base):
    """One row of the ``nurse-visits`` CSV kind."""

    __tablename__ = "nurse_visits"
    __table_args__ = (
        UniqueConstraint("student_id", "visited_at"),
        Index("ix_nurse_visits_student_id_date", "student_id", "date"),
        Index("ix_nurse_visits_date", "date"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    visited_at: Mapped[datetime]
    date: Mapped[date]  # of ``visited_at`` in the school's time zone, so that every store counts the same days
    reason: Mapped[str | None]
    outcome: Mapped[str | None]
