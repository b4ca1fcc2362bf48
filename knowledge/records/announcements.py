"""Announcements that ask for an answer, whom they asked, and what was answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Announcement(Base):
    """「夏のプログラミング教室に来たいですか」, or the safety check of a closure."""

    __tablename__ = "announcements"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), index=True)
    school_id: Mapped[str] = mapped_column(String(255), index=True)
    text: Mapped[str]
    answer_kind: Mapped[str] = mapped_column(String(16))  # knowledge.reminding.AnswerKind
    choices: Mapped[list[Any]]  # labels, of ``choice``; their places are the stored answers
    closes_at: Mapped[datetime | None]  # later answers are not taken; None: as long as it is open
    is_safety_check: Mapped[bool]  # choices are ok, trouble, help; who needs help becomes an alert
    state: Mapped[str] = mapped_column(String(16))  # open, closed
    created_at: Mapped[datetime]


class AnnouncementRecipient(Base):
    """Somebody who was asked, from the moment the asking was planned."""

    __tablename__ = "announcement_recipients"
    __table_args__ = (Index("ix_announcement_recipients_person_id", "person_id"),)

    announcement_id: Mapped[str] = mapped_column(ForeignKey("announcements.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), primary_key=True)
    asked_at: Mapped[datetime]


class AnnouncementAnswer(Base):
    """The answer of one person; a later one replaces it."""

    __tablename__ = "announcement_answers"

    announcement_id: Mapped[str] = mapped_column(ForeignKey("announcements.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), primary_key=True)
    value: Mapped[str]  # yes, no; the place of the choice; ok, trouble, help; or the words
    answered_at: Mapped[datetime]
