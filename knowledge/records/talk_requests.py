"""Children who want to talk with somebody (相談したい)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class TalkRequest(Base):
    """One request. It is open until a member of staff closes it."""

    __tablename__ = "talk_requests"
    __table_args__ = (Index("ix_talk_requests_student_id", "student_id", "closed_at"),)

    id: Mapped[str] = mapped_column(String(300), primary_key=True)  # of the event that brought it: stored once
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    date: Mapped[date]  # of the request, in the school's time zone
    requested_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(255))  # sourcedId
