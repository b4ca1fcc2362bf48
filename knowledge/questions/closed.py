"""Student-days of closed classes (学級閉鎖): no school days, so nothing was expected on them.

A closed grade or school is in the calendar; a closed class is a matter of who is enrolled in it, in whichever class
they are asked about: a child of a closed homeroom is not expected in its mathematics class either. Where no class is
closed, nothing here asks the database anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import CTE, Date, String, and_, bindparam, column, exists, func, literal, select, values
from sqlalchemy.orm import aliased

from knowledge.questions.asking import Asking
from knowledge.questions.facts import known
from knowledge.questions.members import Key, belongs, members
from knowledge.questions.model import Phase
from knowledge.questions.roll import SchoolDays
from knowledge.records.attendance import NOT_EXPECTED, AttendanceEntry
from knowledge.records.checkins import CheckIn, Status
from knowledge.records.roster import Enrollment
from knowledge.records.scope import valid_on

PHASES = bindparam("phases", expanding=True, type_=String)
ANSWERED = (Status.FINISHED, Status.DECLINED)


@dataclass(frozen=True, kw_only=True)
class ClosedDays:
    """Student-days of a closed class that would have been school days, of members who are alike."""

    key: Any
    class_id: str  # in which they are members
    day: date
    mark: str | None  # in the register, of those that excuse
    count: int


async def closed_days(asking: Asking, key: Key, days: SchoolDays) -> list[ClosedDays]:
    """The closed student-days among the school days of the scope, each once; [] where no class is closed."""
    shut = _shut(asking, key)
    if shut is None:
        return []
    by = (shut.c.key, shut.c.class_id, shut.c.school_id, shut.c.grade, shut.c.day, AttendanceEntry.status)
    entry = and_(
        AttendanceEntry.student_id == shut.c.student_id,
        AttendanceEntry.date == shut.c.day,
        AttendanceEntry.status.in_(NOT_EXPECTED),
    )
    statement = (
        select(*by, func.count().label("counted")).select_from(shut).outerjoin(AttendanceEntry, entry).group_by(*by)
    )
    return [
        ClosedDays(
            key=row.day if key is Key.DAY else row.key,
            class_id=row.class_id,
            day=row.day,
            mark=row.status,
            count=row.counted,
        )
        for row in await asking.connection.execute(statement, asking.parameters)
        if row.day in days[row.school_id, row.grade]
    ]


async def closed_answers(
    asking: Asking, key: Key, days: SchoolDays, phases: Sequence[Phase]
) -> list[tuple[Any, str, int]]:
    """(key, phase, how many) of the check-ins answered on closed student-days that the register does not excuse."""
    shut = _shut(asking, key) if phases else None
    if shut is None:
        return []
    by = (shut.c.key, shut.c.school_id, shut.c.grade, shut.c.day, CheckIn.phase)
    excused = exists().where(
        AttendanceEntry.student_id == shut.c.student_id,
        AttendanceEntry.date == shut.c.day,
        AttendanceEntry.status.in_(NOT_EXPECTED),
    )
    statement = (
        select(*by, func.count().label("counted"))
        .select_from(shut)
        .join(CheckIn, and_(CheckIn.student_id == shut.c.student_id, CheckIn.date == shut.c.day))
        .where(CheckIn.phase.in_(PHASES), CheckIn.status.in_(ANSWERED), known(CheckIn.answered_at), ~excused)
        .group_by(*by)
    )
    parameters = {**asking.parameters, "phases": [phase.value for phase in phases]}
    return [
        (row.day if key is Key.DAY else row.key, row.phase, row.counted)
        for row in await asking.connection.execute(statement, parameters)
        if row.day in days[row.school_id, row.grade]
    ]


async def closed_single_days(asking: Asking) -> list[tuple[str, date]]:
    """(student, day) of every closed student-day of the scope."""
    shut = _shut(asking, Key.STUDENT)
    if shut is None:
        return []
    rows = await asking.connection.execute(select(shut.c.student_id, shut.c.day).distinct(), asking.parameters)
    return [(row.student_id, row.day) for row in rows]


def _shut(asking: Asking, key: Key) -> CTE | None:
    """Members on days on which a homeroom of theirs is closed: key, class_id, school_id, grade, student_id, day. One
    row for each, however many closures cover it. None where no class is closed."""
    closed = asking.read.closed
    if not closed:
        return None
    first, last = min(start for _, start, _ in closed), max(end for _, _, end in closed)
    days = [(first + timedelta(days=n),) for n in range((last - first).days + 1)]
    ranges = values(column("class_id", String), column("first", Date), column("last", Date), name="closed")
    spans = ranges.data(closed).cte("closed")
    each_day = values(column("day", Date), name="each_day").data(days).cte("each_day")
    who, home = members(asking.question.scope.kind, key), aliased(Enrollment, name="home")
    day: Any = each_day.c.day
    return (
        select(
            (who.c[key.value] if key.of_members else literal("")).label("key"),
            who.c.class_id,
            who.c.school_id,
            who.c.grade,
            home.user_sourced_id.label("student_id"),
            day.label("day"),
        )
        .select_from(spans)
        .join(home, and_(home.class_sourced_id == spans.c.class_id, home.role == "student"))
        .join(each_day, and_(day.between(spans.c.first, spans.c.last), valid_on(home.begin_date, home.end_date, day)))
        .join(who, belongs(who, home.user_sourced_id, day))
        .distinct()
        .cte("shut")
    )
