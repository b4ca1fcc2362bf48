"""Expected student-days: who should have answered on which day.

A student is expected on a school day on which they are enrolled in the class. The whole set is one common table
expression, so that what is counted over it stays one statement for a class as for a district.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    and_,
    column,
    func,
    or_,
    select,
    values,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.model import ScopeKind
from knowledge.records.calendar import load_calendars
from knowledge.records.roster import GRADE, Enrollment, Org, SchoolClass, User
from knowledge.records.scope import Permit, valid_on

# Within a function, or SQLite, which does not know how many there are, would begin with all users of the city.
ENABLED = func.coalesce(User.enabled, False)


async def expected_days(connection: AsyncConnection, permit: Permit, start: date, end: date) -> CTE | None:
    """A CTE of one row per expected student and day, or None when there is no such day from ``start`` to ``end``.

    Columns: ``student_id``, ``day``, ``class_title`` and ``number`` (attendance number) of the enrolment of that day.
    """
    enrolled = _enrolled(permit, start, end)
    keys = enrolled.with_only_columns(SchoolClass.school_sourced_id, GRADE).distinct()
    groups = [(school, grade) for school, grade in await connection.execute(keys)]
    calendars = await load_calendars(connection, {school for school, _ in groups}, start, end)
    # Most schools and grades share their days: number the different calendars instead of repeating the days.
    numbers: dict[tuple[date, ...], int] = {}
    opened: list[tuple[str, int]] = []
    for school, grade in groups:
        if days := tuple(calendars[school].school_days(start, end, grade or None)):
            opened.append((f"{school} {grade}", numbers.setdefault(days, len(numbers))))
    if not opened:
        return None
    group = values(column("school_grade", String), column("calendar", Integer)).data(opened).cte("school_grades")
    day = (
        values(column("calendar", Integer), column("day", Date))
        .data([(number, day) for days, number in numbers.items() for day in days])
        .cte("school_days")
    )
    return (
        enrolled.with_only_columns(
            Enrollment.user_sourced_id.label("student_id"),
            day.c.day,
            func.min(SchoolClass.title).label("class_title"),
            func.min(Enrollment.attendance_number).label("number"),
        )
        .join(group, group.c.school_grade == SchoolClass.school_sourced_id + " " + GRADE)
        .join(
            day,
            and_(
                day.c.calendar == group.c.calendar,
                valid_on(Enrollment.begin_date, Enrollment.end_date, day.c.day),
            ),
        )
        # The attendance register, once it is stored, takes away its absences here.
        .group_by(Enrollment.user_sourced_id, day.c.day)  # two enrolments on one day are one expected day
        .cte("expected")
    )


def _enrolled(permit: Permit, start: date, end: date) -> Select[str]:
    """Enrolments of students in the scope's classes at any time from ``start`` to ``end``."""
    return (
        select(Enrollment.user_sourced_id)
        .select_from(Enrollment)
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .where(
            Enrollment.role == "student",
            ENABLED,
            or_(Enrollment.begin_date.is_(None), Enrollment.begin_date <= end),
            or_(Enrollment.end_date.is_(None), Enrollment.end_date >= start),
            _within(permit),
        )
    )


def _within(permit: Permit) -> ColumnElement[bool]:
    ids = permit.scope.ids
    homeroom = SchoolClass.class_type == "homeroom"
    match permit.scope.kind:
        case ScopeKind.CLASS:
            return SchoolClass.sourced_id.in_(ids)  # a scheduled class too: its students are those enrolled in it
        case ScopeKind.GRADE:
            return and_(homeroom, SchoolClass.sourced_id.in_(ids))
        case ScopeKind.SCHOOL:
            return and_(homeroom, SchoolClass.school_sourced_id.in_(ids))
        case ScopeKind.DISTRICT:
            schools = select(Org.sourced_id).where(Org.parent_sourced_id.in_(ids), Org.type == "school")
            return and_(homeroom, SchoolClass.school_sourced_id.in_(schools))
        case ScopeKind.STUDENT | ScopeKind.LIST:
            return and_(homeroom, Enrollment.user_sourced_id.in_(ids))
