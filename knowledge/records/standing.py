"""Standing questions: asked again and again at a time a person chose."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class StandingQuestion(Base):
    """「毎週月曜8時に先週の提出率を送って」, until its owner stops it."""

    __tablename__ = "standing_questions"
    __table_args__ = (Index("ix_standing_questions_next_at", "state", "next_at"),)

    id: Mapped[str] = mapped_column(String(300), primary_key=True)  # of the event that brought it: stored once
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), index=True)
    text: Mapped[str]  # the question, as it was asked; it is understood anew each time
    rrule: Mapped[str]  # RFC 5545, without the prefix RRULE:
    time: Mapped[str] = mapped_column(String(5))  # HH:MM in the school's time zone
    state: Mapped[str] = mapped_column(String(16))  # active, cancelled
    next_at: Mapped[datetime | None]  # None: not any more
    created_at: Mapped[datetime]
