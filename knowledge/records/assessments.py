"""Results of tests: unit tests, term tests, 学力調査."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Float, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Assessment(Base):
    """One row of the ``assessments`` CSV kind."""

    __tablename__ = "assessments"
    __table_args__ = (UniqueConstraint("student_id", "date", "title", "subject"), Index("ix_assessments_date", "date"))

    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    date: Mapped[date]
    title: Mapped[str]
    subject: Mapped[str]  # "" where the test is of none
    score: Mapped[float] = mapped_column(Float(53))  # points
    max_score: Mapped[float] = mapped_column(Float(53))  # points
