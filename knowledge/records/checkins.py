"""Check-ins (見通し and 振り返り) and the notes of the day between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from knowledge.db import Base, upsert
from knowledge.questions.model import Phase
from knowledge.records.depth import depth_of

SELF = "self"  # the visibility of what a child keeps to themself


class Status(StrEnum):
    """How far a check-in got. Only the last two count as answered."""

    OPEN = "open"
    FINISHED = "finished"
    DECLINED = "declined"  # 今日は答えない: an answer, never "missing"


class CheckIn(Base):
    """One student's check-in of one phase of one day; the columns are those of the ``checkins`` CSV kind."""

    __tablename__ = "check_ins"
    __table_args__ = (
        UniqueConstraint("student_id", "date", "phase"),
        # with what figures of a whole city need, so that they are read from the index alone
        Index(
            "ix_check_ins_date_phase",
            "date",
            "phase",
            "student_id",
            postgresql_include=["status", "answered_at", "mood"],
        ),
        CheckConstraint("confidence BETWEEN 1 AND 5", name="confidence"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    date: Mapped[date]
    phase: Mapped[str]
    status: Mapped[str]
    started_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]  # when it was finished or declined
    updated_at: Mapped[datetime]
    mood: Mapped[str | None]  # sunny, cloudy, rainy, thunder
    goal: Mapped[str | None]
    plan: Mapped[str | None]
    subject: Mapped[str | None]
    confidence: Mapped[int | None]  # 1–5
    achievement: Mapped[str | None]  # achieved, mostly, partly, not_yet
    went_well: Mapped[str | None]
    difficult: Mapped[str | None]
    next_step: Mapped[str | None]
    visibility: Mapped[str]  # self, teacher, class: of all answers
    private: Mapped[str | None]  # of the others those kept to oneself: names of columns, or in ``extra``; see ``keep``
    depth: Mapped[int | None]  # 0–4, of a reflection with text: see ``depth.py``
    extra: Mapped[dict[str, Any]]  # answers to questions that a school added itself, by question id


class Note(Base):
    """What a child noted during the day (メモ)."""

    __tablename__ = "notes"
    __table_args__ = (Index("ix_notes_student_id_date", "student_id", "date"), Index("ix_notes_date", "date"))

    id: Mapped[str] = mapped_column(primary_key=True)  # the id of the event that brought it: stored once
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    date: Mapped[date]
    noted_at: Mapped[datetime]
    text: Mapped[str]
    visibility: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class CheckInRecord:
    """A check-in as the conversation holds it. ``None`` means not answered, or skipped."""

    student_id: str
    date: date
    phase: Phase
    status: Status
    started_at: datetime
    updated_at: datetime
    answered_at: datetime | None = None
    mood: str | None = None
    goal: str | None = None
    plan: str | None = None
    subject: str | None = None
    confidence: int | None = None
    achievement: str | None = None
    went_well: str | None = None
    difficult: str | None = None
    next_step: str | None = None
    visibility: str = "teacher"
    private: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def is_kept(self, name: str) -> bool:
        """Whether the child keeps the answer of a column, or of a question of the school's own, to themself."""
        return self.visibility == SELF or f" {name} " in (self.private or "")

    def shared(self, name: str) -> Any:
        """The answer of a column as others may see it: None where the child keeps it to themself."""
        return None if self.is_kept(name) else getattr(self, name)

    def keep(self, names: Iterable[str]) -> CheckInRecord:
        """The record with these answers, and no others, kept to oneself."""
        kept = sorted({*names})
        return replace(self, private=f" {' '.join(kept)} " if kept else None)

    @property
    def kept(self) -> frozenset[str]:
        """What the child keeps to themself, answer by answer."""
        return frozenset((self.private or "").split())


def shared(*names: str) -> ColumnElement[bool]:
    """That a child keeps none of these answers of a check-in to themself. Whatever names a child to anybody else takes
    this as a condition, or reads the column as ``shown``."""
    return and_(
        CheckIn.visibility != SELF,
        *(or_(CheckIn.private.is_(None), ~CheckIn.private.contains(f" {name} ", autoescape=True)) for name in names),
    )


def shown(answer: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """An answer as others than the child may see it: NULL where it is kept to oneself."""
    return case((shared(answer.key), answer))


KEY = ("student_id", "date", "phase")
FIELDS = tuple(f.name for f in fields(CheckInRecord))
TEXTS = ("goal", "plan", "subject", "went_well", "difficult", "next_step")  # what a child may have typed
CHANGING = tuple(name for name in FIELDS if name not in (*KEY, "started_at"))


# Statements of the hot path are built once: building them costs more than running them.
FIND = select(*(getattr(CheckIn, name) for name in FIELDS)).where(
    CheckIn.student_id.in_(bindparam("students", expanding=True)), CheckIn.date.in_(bindparam("dates", expanding=True))
)
_latest = (
    select(CheckIn.student_id, func.max(CheckIn.date).label("date"))
    .where(
        CheckIn.student_id.in_(bindparam("students", expanding=True)),
        CheckIn.phase == Phase.REFLECTION,
        CheckIn.date < bindparam("before"),
        CheckIn.next_step.is_not(None),
    )
    .group_by(CheckIn.student_id)
    .subquery()
)
NOTES = (
    select(Note.text)
    .where(Note.student_id == bindparam("student"), Note.date == bindparam("day"))
    .order_by(Note.noted_at)
)
LAST_NEXT_STEPS = select(CheckIn.student_id, CheckIn.next_step).join(
    _latest,
    and_(
        CheckIn.student_id == _latest.c.student_id,
        CheckIn.date == _latest.c.date,
        CheckIn.phase == Phase.REFLECTION,
    ),
)


async def find_checkins(
    connection: AsyncConnection, student_ids: Collection[str], dates: Collection[date]
) -> list[CheckInRecord]:
    """The check-ins of these students on these days; nothing asked for, nothing read."""
    if not student_ids or not dates:
        return []
    rows = await connection.execute(FIND, {"students": [*student_ids], "dates": [*dates]})
    return [_record(row._mapping) for row in rows]


async def last_next_steps(connection: AsyncConnection, student_ids: Collection[str], before: date) -> dict[str, str]:
    """The next step of each student's latest reflection before a day; students without one are left out."""
    if not student_ids:
        return {}
    rows = await connection.execute(LAST_NEXT_STEPS, {"students": [*student_ids], "before": before})
    return {row.student_id: row.next_step for row in rows if row.next_step is not None}


async def save_checkins(connection: AsyncConnection, records: Iterable[CheckInRecord]) -> None:
    """Store the records as they are, new or not. A later record of the same student, date and phase wins."""
    rows = {tuple(getattr(record, name) for name in KEY): record for record in records}
    values = [
        {name: getattr(record, name) for name in FIELDS}
        | {"depth": depth(record.phase, record.went_well, record.difficult, record.next_step)}
        for record in rows.values()
    ]
    await upsert(connection, CheckIn, values, key=KEY, update=(*CHANGING, "depth"))


def depth(phase: str, went_well: str | None, difficult: str | None, next_step: str | None) -> int | None:
    """The level that is stored with a check-in: a reflection's; in the morning there is nothing to look back on."""
    return depth_of(went_well, difficult, next_step) if phase == Phase.REFLECTION else None


async def forget_answer(connection: AsyncConnection, student_id: str, day: date, text: str) -> None:
    """Remove a text that the student took back from the check-ins of its day, wherever it is an answer."""
    kept: list[CheckInRecord] = []
    for record in await find_checkins(connection, [student_id], [day]):
        gone = {name: None for name in TEXTS if getattr(record, name) == text}
        extra = {key: value for key, value in record.extra.items() if value != text}
        if gone or extra != record.extra:
            changes: dict[str, Any] = {**gone, "extra": extra}
            kept.append(replace(record, **changes))
    await save_checkins(connection, kept)


async def notes_of(connection: AsyncConnection, student_id: str, day: date) -> list[str]:
    """What a student noted on a day, in the order it was noted."""
    return [*(await connection.scalars(NOTES, {"student": student_id, "day": day}))]


def _record(row: Any) -> CheckInRecord:
    values: dict[str, Any] = {**row, "phase": Phase(row["phase"]), "status": Status(row["status"])}
    return CheckInRecord(**values)
