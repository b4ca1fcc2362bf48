"""Announcements that ask for an answer, whom they asked, and what was answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base
from knowledge.records.reminders import Reminder
from knowledge.records.roster import Enrollment, User
from knowledge.records.scope import Viewer, valid_on
from knowledge.reminding import AnswerKind, ReminderState

OPEN, CLOSED = "open", "closed"
SAFETY_ANSWERS = ("ok", "trouble", "help")
MOST_LISTED = 50  # announcements somebody may ask about: the newest


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


@dataclass(frozen=True, kw_only=True)
class Announced:
    """An announcement, read."""

    id: str
    owner_id: str
    owner_family_name: str
    owner_given_name: str
    school_id: str
    text: str
    kind: AnswerKind
    choices: tuple[str, ...]  # labels, of ``choice``
    closes_at: datetime | None
    is_safety_check: bool
    state: str
    created_at: datetime

    @property
    def values(self) -> tuple[str, ...]:
        """What may be stored as an answer; empty where any words may."""
        if self.is_safety_check:
            return SAFETY_ANSWERS
        match self.kind:
            case AnswerKind.YES_NO:
                return ("yes", "no")
            case AnswerKind.CHOICE:
                return tuple(str(place) for place in range(len(self.choices)))
            case AnswerKind.TEXT:
                return ()

    def takes_answers(self, now: datetime) -> bool:
        return self.state == OPEN and (self.closes_at is None or now < self.closes_at)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An announcement as one of those who were asked has it."""

    announcement: Announced
    asked_at: datetime
    value: str | None  # None: not answered yet
    answered_at: datetime | None


async def find_announcement(connection: AsyncConnection, announcement_id: str) -> Announced | None:
    """The announcement; None for an unknown id."""
    row = (await connection.execute(ANNOUNCED.where(Announcement.id == announcement_id))).first()
    return None if row is None else _announced(row)


async def find_asked(connection: AsyncConnection, announcement_id: str, person_id: str) -> Asked | None:
    """The announcement with the person's answer; None when they were not asked."""
    row = (await connection.execute(_asked(person_id).where(Announcement.id == announcement_id))).first()
    return None if row is None else _asked_of(row)


# Built once: it runs with every batch of messages, and finds nothing on most days.
PEOPLE_ASKED = (
    select(AnnouncementRecipient.person_id)
    .join(Announcement, Announcement.id == AnnouncementRecipient.announcement_id)
    .where(
        AnnouncementRecipient.person_id.in_(bindparam("people", expanding=True)),
        Announcement.state == OPEN,
        or_(Announcement.closes_at.is_(None), Announcement.closes_at > bindparam("now")),
    )
    .distinct()
)


async def people_asked(connection: AsyncConnection, person_ids: Collection[str], now: datetime) -> frozenset[str]:
    """Those of the people who were asked something that they may still answer; nobody named, nothing read."""
    if not person_ids:
        return frozenset()
    return frozenset(await connection.scalars(PEOPLE_ASKED, {"people": [*person_ids], "now": now}))


async def waiting_for(connection: AsyncConnection, person_id: str, now: datetime) -> list[Asked]:
    """What the person was asked and may still answer, answered or not, the newest first."""
    statement = (
        _asked(person_id)
        .where(Announcement.state == OPEN, or_(Announcement.closes_at.is_(None), Announcement.closes_at > now))
        .order_by(AnnouncementRecipient.asked_at.desc(), Announcement.id)
    )
    return [_asked_of(row) for row in await connection.execute(statement)]


async def announcements_for(connection: AsyncConnection, viewer: Viewer, led: Collection[str]) -> list[Announced]:
    """The announcements whose results the viewer may ask for, the newest first: their own, those of the schools they
    lead, and those that asked a child of their homeroom class."""
    in_homeroom = (
        select(AnnouncementRecipient.announcement_id)
        .join(Enrollment, Enrollment.user_sourced_id == AnnouncementRecipient.person_id)
        .where(
            Enrollment.class_sourced_id.in_(viewer.homerooms),
            Enrollment.role == "student",
            valid_on(Enrollment.begin_date, Enrollment.end_date, viewer.on),
        )
    )
    statement = (
        ANNOUNCED.where(
            or_(
                Announcement.owner_id == viewer.person_id,
                Announcement.school_id.in_(led),
                Announcement.id.in_(in_homeroom),
            )
        )
        .order_by(Announcement.created_at.desc(), Announcement.id)
        .limit(MOST_LISTED)
    )
    return [_announced(row) for row in await connection.execute(statement)]


async def save_answers(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store answers; of two answers of one person the later one stays, in whichever order they come."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(AnnouncementAnswer)
    statement = statement.on_conflict_do_update(
        index_elements=["announcement_id", "person_id"],
        set_={name: statement.excluded[name] for name in ("value", "answered_at")},
        where=AnnouncementAnswer.answered_at <= statement.excluded["answered_at"],
    )
    await connection.execute(statement, list(rows))


async def forget_words(connection: AsyncConnection, person_id: str, text: str) -> None:
    """Remove a text that the person took back, wherever it is their free answer."""
    free = select(Announcement.id).where(Announcement.answer_kind == AnswerKind.TEXT)
    await connection.execute(
        delete(AnnouncementAnswer).where(
            AnnouncementAnswer.person_id == person_id,
            AnnouncementAnswer.value == text,
            AnnouncementAnswer.announcement_id.in_(free),
        )
    )


async def close(connection: AsyncConnection, announcement_id: str, at: datetime) -> None:
    """Take no more answers; nobody is reminded of it any more."""
    await connection.execute(update(Announcement).where(Announcement.id == announcement_id).values(state=CLOSED))
    await connection.execute(
        update(Reminder)
        .where(
            Reminder.announcement_id == announcement_id,
            Reminder.state.in_([ReminderState.ACTIVE, ReminderState.PAUSED]),
        )
        .values(state=ReminderState.DONE, next_at=None, changed_at=at)
    )


IS_ANSWERED = and_(
    AnnouncementAnswer.announcement_id == AnnouncementRecipient.announcement_id,
    AnnouncementAnswer.person_id == AnnouncementRecipient.person_id,
)
ANNOUNCED = select(
    Announcement.id,
    Announcement.owner_id,
    User.family_name,
    User.given_name,
    Announcement.school_id,
    Announcement.text,
    Announcement.answer_kind,
    Announcement.choices,
    Announcement.closes_at,
    Announcement.is_safety_check,
    Announcement.state,
    Announcement.created_at,
).join(User, User.sourced_id == Announcement.owner_id)


def _asked(person_id: str) -> Select[Any]:
    return (
        ANNOUNCED.add_columns(AnnouncementRecipient.asked_at, AnnouncementAnswer.value, AnnouncementAnswer.answered_at)
        .join(AnnouncementRecipient, AnnouncementRecipient.announcement_id == Announcement.id)
        .outerjoin(AnnouncementAnswer, IS_ANSWERED)
        .where(AnnouncementRecipient.person_id == person_id)
    )


def _announced(row: Any) -> Announced:
    return Announced(
        id=row.id,
        owner_id=row.owner_id,
        owner_family_name=row.family_name,
        owner_given_name=row.given_name,
        school_id=row.school_id,
        text=row.text,
        kind=AnswerKind(row.answer_kind),
        choices=tuple(row.choices),
        closes_at=row.closes_at,
        is_safety_check=row.is_safety_check,
        state=row.state,
        created_at=row.created_at,
    )


def _asked_of(row: Any) -> Asked:
    return Asked(announcement=_announced(row), asked_at=row.asked_at, value=row.value, answered_at=row.answered_at)
