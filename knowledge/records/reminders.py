"""Reminders: what staff asked to be sent to others, or to themselves, once or again and again."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base
from knowledge.reminding import Anchor, Audience, AudienceKind


class Reminder(Base):
    """One reminder. It is stored only after its preview was confirmed."""

    __tablename__ = "reminders"
    __table_args__ = (
        Index(
            "ix_reminders_due",
            "next_at",
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), index=True)
    school_id: Mapped[str] = mapped_column(String(255), index=True)  # whose calendar and rules hold; "": no school's
    audience_kind: Mapped[str] = mapped_column(String(16))  # knowledge.reminding.AudienceKind
    audience_ids: Mapped[list[Any]]
    audience_label: Mapped[str]
    left_out: Mapped[list[Any]]  # sourcedIds of people of the audience who do not get it
    only_missing: Mapped[bool]  # only those who have not answered: the day's check-in, or the announcement
    what: Mapped[str] = mapped_column(String(16))  # knowledge.reminding.What
    text: Mapped[str]  # the words; of a check-in what it was called, of a question the question
    announcement_id: Mapped[str | None] = mapped_column(ForeignKey("announcements.id"), index=True)
    rrule: Mapped[str | None]  # RFC 5545 without the prefix RRULE:; None: once, on ``starts_on``
    starts_on: Mapped[date]  # DTSTART: the first day it may fall on
    time: Mapped[str] = mapped_column(String(5))  # HH:MM in the school's time zone
    event_title: Mapped[str | None]  # the days follow this event of the calendar: an ``Anchor``
    event_first: Mapped[int | None]
    event_last: Mapped[int | None]
    any_day: Mapped[bool]  # also on days without school: somebody named that very day
    state: Mapped[str] = mapped_column(String(16))  # knowledge.reminding.ReminderState
    next_at: Mapped[datetime | None]  # the next sending, past holidays; None: no more, or paused
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


def audience_of(row: Any) -> Audience:
    """The audience of a row of reminders."""
    return Audience(kind=AudienceKind(row.audience_kind), ids=tuple(row.audience_ids), label=row.audience_label)


def anchor_of(row: Any) -> Anchor | None:
    """The event a row of reminders follows; None: its days stand by themselves."""
    if row.event_title is None:
        return None
    return Anchor(title=row.event_title, first=row.event_first, last=row.event_last)
