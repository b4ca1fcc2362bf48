"""Good practice (優良事例): what a teacher told, and what a school lead decided about it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Practice(Base):
    """One 実践メモ. Once approved it is a document of the district."""

    __tablename__ = "practices"
    __table_args__ = (Index("ix_practices_school_id_state", "school_id", "state"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    author_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), index=True)
    school_id: Mapped[str] = mapped_column(String(255))  # whose leads decide
    told_on: Mapped[date]
    subject: Mapped[str | None]
    grades: Mapped[list[Any]]  # grade codes; empty: any
    text: Mapped[str]
    state: Mapped[str] = mapped_column(String(16))  # waiting, approved, declined
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("users.sourced_id"))
    decided_at: Mapped[datetime | None]
    document_id: Mapped[str | None] = mapped_column(String(128))  # once approved
    created_at: Mapped[datetime]
