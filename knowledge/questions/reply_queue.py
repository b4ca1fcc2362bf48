"""The reflections that wait for a word, the oldest first, and who has had none for long.

The rights are those of the figure ``awaiting_reply``, and so is what counts: see ``checkin_facts.waiting``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from knowledge.db import UtcDateTime
from knowledge.questions.checkin_facts import finished, waiting
from knowledge.questions.facts import AT, Frame, Narrow
from knowledge.questions.members import Key, belongs
from knowledge.questions.model import Metric, Period, Phase, Question, Scope, ScopeKind, Shape
from knowledge.records.checkins import SELF, CheckIn, shown
from knowledge.records.replies import Reply
from knowledge.records.roster import SchoolClass, User
from knowledge.records.scope import Permit, Viewer, permit_for

ALWAYS = date(1900, 1, 1)  # where what has no limit begins, as for the question 「返信待ちは？」
RECENT = 5  # replies that are looked at so as not to say the same again
QUIET = 14  # days after which somebody has had no word for long


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A reflection without a reply, as its reader may see it: None for what is not there or kept to oneself."""

    id: int  # of the check-in
    student_id: str
    name: str
    grade: str | None
    class_title: str
    day: date
    since: datetime  # since when it waits
    went_well: str | None
    difficult: str | None
    next_step: str | None
    achievement: str | None
    mood: str | None  # None too for a viewer who may not know it
    goal: str | None  # of the morning
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])  # shared answers to the school's own questions


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What may be replied to, and by which right."""

    permit: Permit
    at: datetime  # in the school's time zone

    @property
    def _parameters(self) -> dict[str, Any]:
        return {"ids": [*self.permit.scope.ids], "start": ALWAYS, "end": self.at.date(), "at": self.at}

    async def count(self, connection: AsyncConnection) -> int:
        statement = select(func.count()).select_from(_waiting(self.permit.scope.kind).order_by(None).subquery())
        return await connection.scalar(statement, self._parameters) or 0

    async def find(
        self,
        connection: AsyncConnection,
        *,
        most: int,
        after: tuple[datetime, int] | None = None,
        id: int | None = None,
        of: tuple[str, date] | None = None,
    ) -> list[Waiting]:
        """At most so many, those that wait longest first; ``after``: (since, id) of one they come after; ``id``, ``of``
        (child, day): this one alone, if it still waits."""
        statement, parameters = _waiting(self.permit.scope.kind).limit(most), self._parameters
        if after is not None:
            since = bindparam("since", type_=UtcDateTime)
            later = or_(since < _SINCE, and_(since == _SINCE, bindparam("after_id") < CheckIn.id))
            statement = statement.where(later)
            parameters |= {"since": after[0], "after_id": after[1]}
        if id is not None:
            statement = statement.where(CheckIn.id == bindparam("id"))
            parameters["id"] = id
        if of is not None:
            statement = statement.where(CheckIn.student_id == of[0], CheckIn.date == of[1])
        is_full = Metric.MOOD in self.permit.metrics
        return [_read(row, with_mood=is_full) for row in await connection.execute(statement, parameters)]

    async def stranger(self, connection: AsyncConnection, id: int) -> str | None:
        """The sourcedId of the child of a check-in that lies outside this queue's classes; None where it is one of
        them, and where there is no such check-in."""
        student = await connection.scalar(select(CheckIn.student_id).where(CheckIn.id == id))
        who = Frame(kind=self.permit.scope.kind, key=Key.STUDENT).who
        own = select(who.c.student_id).where(who.c.student_id == student).limit(1)
        is_own = student is None or await connection.scalar(own, self._parameters) is not None
        return None if is_own else student

    async def last_words(self, connection: AsyncConnection) -> list[LastWord]:
        """Everybody who is there today, in the order of the register, with the last reply they got from anybody."""
        parameters = {**self._parameters, "start": self.at.date()}
        rows = await connection.execute(_last_words(self.permit.scope.kind), parameters)
        today, zone = self.at.date(), self.at.tzinfo
        return [
            LastWord(
                student_id=row.student_id,
                name=f"{row.family_name} {row.given_name}",
                class_title=row.class_title,
                days=None if row.last is None else (today - row.last.astimezone(zone).date()).days,
            )
            for row in rows
        ]


@dataclass(frozen=True, kw_only=True)
class LastWord:
    """How long ago a child got a reply."""

    student_id: str
    name: str
    class_title: str
    days: int | None  # None: never

    @property
    def is_long_ago(self) -> bool:
        return self.days is None or self.days >= QUIET


async def classes_of(connection: AsyncConnection, viewer: Viewer) -> dict[str, str]:
    """The classes whose reflections the viewer may answer, titles by sourcedId: homeroom classes first."""
    ids = viewer.homerooms | viewer.subject_classes
    statement = select(SchoolClass.sourced_id, SchoolClass.title).where(SchoolClass.sourced_id.in_(ids))
    rows = sorted(await connection.execute(statement), key=lambda row: (row[0] not in viewer.homerooms, row[1]))
    return {row[0]: row[1] for row in rows}


async def queue_of(
    connection: AsyncConnection, viewer: Viewer, at: datetime, class_id: str | None = None
) -> Queue | None:
    """The queue of a class, or where none is named: of the homeroom classes, else of the classes taught, else of the
    schools whose children may all be seen. None where the viewer may answer nobody there.

    ``at``: now, in the school's time zone.
    """
    ids: Collection[str] = [class_id] if class_id is not None else viewer.homerooms or viewer.subject_classes
    kind = ScopeKind.CLASS
    if not ids:
        kind, ids = ScopeKind.SCHOOL, viewer.schools
    if not ids:
        return None
    scope = Scope(kind=kind, ids=tuple(sorted(ids)), label="")
    period = Period(start=ALWAYS, end=at.date(), label="")
    question = Question(metric=Metric.AWAITING_REPLY, shape=Shape.TEXTS, scope=scope, period=period)
    permit = await permit_for(connection, viewer, question)
    if permit is None or permit.aggregate_only:
        return None
    return Queue(permit=permit, at=at)


async def replies_to(connection: AsyncConnection, student_id: str) -> list[str]:
    """The last ``RECENT`` replies that a child got, the newest first."""
    statement = select(Reply.text).where(Reply.student_id == student_id).order_by(Reply.sent_at.desc()).limit(RECENT)
    return [*await connection.scalars(statement)]


_SINCE = func.coalesce(CheckIn.answered_at, CheckIn.updated_at, type_=UtcDateTime())
_MORNING = aliased(CheckIn, name="morning")


@cache
def _waiting(kind: ScopeKind) -> Select[*tuple[Any, ...]]:
    frame = Frame(kind=kind, key=Key.STUDENT, narrow=Narrow(without_self=True))
    who = frame.who
    return (
        select(
            CheckIn.id,
            CheckIn.student_id,
            User.family_name,
            User.given_name,
            User.grade,
            who.c.class_title,
            CheckIn.date,
            _SINCE.label("since"),
            *(
                shown(each).label(each.key)
                for each in (
                    CheckIn.went_well,
                    CheckIn.difficult,
                    CheckIn.next_step,
                    CheckIn.achievement,
                    CheckIn.mood,
                )
            ),
            _MORNING.goal,
            CheckIn.private,
            CheckIn.extra,
        )
        .select_from(who)
        .join(CheckIn, belongs(who, CheckIn.student_id, CheckIn.date))
        .join(User, User.sourced_id == CheckIn.student_id)
        .outerjoin(
            _MORNING,
            and_(
                _MORNING.student_id == CheckIn.student_id,
                _MORNING.date == CheckIn.date,
                _MORNING.phase == Phase.ANTICIPATION,
                # as ``checkins.shared`` has it, of the morning's row
                _MORNING.visibility != SELF,
                or_(_MORNING.private.is_(None), ~_MORNING.private.contains(" goal ", autoescape=True)),
            ),
        )
        .where(*finished(frame), waiting())
        .order_by(_SINCE, CheckIn.id)
    )


@cache
def _last_words(kind: ScopeKind) -> Select[*tuple[Any, ...]]:
    who = Frame(kind=kind, key=Key.STUDENT).who
    last = (
        select(func.max(Reply.sent_at, type_=UtcDateTime()))
        .where(Reply.student_id == who.c.student_id, Reply.sent_at <= AT)
        .scalar_subquery()
    )
    return (
        select(who.c.student_id, who.c.class_title, User.family_name, User.given_name, last.label("last"))
        .select_from(who)
        .join(User, User.sourced_id == who.c.student_id)
        .where(or_(who.c.previous_end.is_(None), who.c.previous_end < bindparam("end")))
        .order_by(who.c.class_title, who.c.number, who.c.student_id)
    )


def _read(row: Any, *, with_mood: bool) -> Waiting:
    kept = {*(row.private or "").split()}
    return Waiting(
        id=row.id,
        student_id=row.student_id,
        name=f"{row.family_name} {row.given_name}",
        grade=row.grade,
        class_title=row.class_title,
        day=row.date,
        since=row.since,
        went_well=row.went_well,
        difficult=row.difficult,
        next_step=row.next_step,
        achievement=row.achievement,
        mood=row.mood if with_mood else None,
        goal=row.goal,
        extra={name: value for name, value in row.extra.items() if name not in kept},
    )
