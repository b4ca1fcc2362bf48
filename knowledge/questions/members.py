"""Who belongs to a scope, and when: the enrolments that every figure is counted over.

The enrolments of one student are made disjoint, so that a student enrolled in two classes of the scope on one day
counts once: each row covers the days after ``previous_end``, the latest end of the student's rows before it. What is
one student of a class may be two rows of a school, so this is done within the groups of a breakdown.

Where students are named, their own records count whether or not they were enrolled on the day; only days on which
something was expected of them are still those of their enrolments (``people`` and ``members``).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from functools import cache

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Date,
    String,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from knowledge.questions.model import ScopeKind
from knowledge.records.roster import GRADE, Enrollment, Org, SchoolClass, User

IDS = bindparam("ids", expanding=True, type_=String)  # of the scope
START, END = bindparam("start", type_=Date), bindparam("end", type_=Date)  # of the period, both included
# Whether the viewer may see all of the schools, and so children of the grade in other classes than those named.
WHOLE_GRADE = bindparam("whole_grade", type_=Boolean)

# Within a function, or SQLite, which does not know how many there are, would begin with all users of the city.
ENABLED = func.coalesce(User.enabled, False)
BEGINS: ColumnElement[date] = func.coalesce(Enrollment.begin_date, literal(date.min, Date))
ENDS: ColumnElement[date] = func.coalesce(Enrollment.end_date, literal(date.max, Date))


class Key(StrEnum):
    """What figures are grouped by in the database."""

    ALL = "all"
    STUDENT = "student_id"
    CLASS = "class_id"
    SCHOOL = "school_id"
    GRADE = "grade"
    DAY = "day"
    SUBJECT = "subject"
    MOOD = "mood"

    @property
    def of_members(self) -> bool:
        """Whether a member has exactly one, whatever the record."""
        return self in (Key.STUDENT, Key.CLASS, Key.SCHOOL, Key.GRADE)


@cache
def members(kind: ScopeKind, key: Key) -> CTE:
    """Enrolments of the scope in the period: student_id, class_id, class_title, school_id, grade, number, begin, end
    and ``previous_end``. Parameters: ``ids``, ``start``, ``end``."""
    group: dict[Key, ColumnElement[str] | InstrumentedAttribute[str]] = {
        Key.CLASS: Enrollment.class_sourced_id,
        Key.SCHOOL: SchoolClass.school_sourced_id,
        Key.GRADE: GRADE,
    }
    return (
        select(
            Enrollment.user_sourced_id.label("student_id"),
            SchoolClass.sourced_id.label("class_id"),
            SchoolClass.title.label("class_title"),
            SchoolClass.school_sourced_id.label("school_id"),
            GRADE.label("grade"),
            Enrollment.attendance_number.label("number"),
            BEGINS.label("begin"),
            ENDS.label("end"),
            func.max(ENDS)
            .over(
                partition_by=[Enrollment.user_sourced_id, *([group[key]] if key in group else [])],
                order_by=[BEGINS, Enrollment.sourced_id],
                rows=(None, -1),
            )
            .label("previous_end"),
        )
        .select_from(Enrollment)
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .where(
            Enrollment.role == "student",
            ENABLED,
            or_(Enrollment.begin_date.is_(None), Enrollment.begin_date <= END),
            or_(Enrollment.end_date.is_(None), Enrollment.end_date >= START),
            _within(kind, key),
        )
        .cte("members")
        .prefix_with("NOT MATERIALIZED", dialect="postgresql")  # planned anew where it is used, with what is needed
    )


@cache
def people(kind: ScopeKind, key: Key) -> CTE:
    """Like ``members``; where students are named, they themselves on every day, unless grouped by where they were."""
    if kind not in (ScopeKind.STUDENT, ScopeKind.LIST) or key in (Key.CLASS, Key.SCHOOL, Key.GRADE):
        return members(kind, key)
    return (
        select(
            User.sourced_id.label("student_id"),
            literal(date.min, Date).label("begin"),
            literal(date.max, Date).label("end"),
            null().cast(Date).label("previous_end"),
        )
        .where(User.sourced_id.in_(IDS), ENABLED)
        .cte("people")
    )


def belongs(who: CTE, student: InstrumentedAttribute[str], day: InstrumentedAttribute[date]) -> ColumnElement[bool]:
    """That a record of a student and a day is one of a member's, within the period."""
    enrolled = and_(
        day.between(who.c.begin, who.c.end),
        or_(who.c.previous_end.is_(None), day > who.c.previous_end),
    )
    return and_(
        student == who.c.student_id,
        day.between(START, END),
        # True of nearly every record. Inside a CASE PostgreSQL takes it for half of them, else for one of thirty, and
        # then sorts the records of a city instead of hashing them.
        case((enrolled, true()), else_=false()),
    )


def _within(kind: ScopeKind, key: Key) -> ColumnElement[bool]:
    homeroom = SchoolClass.class_type == "homeroom"
    match kind:
        case ScopeKind.CLASS:
            return SchoolClass.sourced_id.in_(IDS)  # a scheduled class too: its students are those enrolled in it
        case ScopeKind.GRADE if key is not Key.CLASS:
            return and_(homeroom, or_(SchoolClass.sourced_id.in_(IDS), _of_mixed_class_in_grade()))
        case ScopeKind.GRADE:
            return and_(homeroom, SchoolClass.sourced_id.in_(IDS))
        case ScopeKind.SCHOOL:
            return and_(homeroom, SchoolClass.school_sourced_id.in_(IDS))
        case ScopeKind.DISTRICT:
            schools = select(Org.sourced_id).where(Org.parent_sourced_id.in_(IDS), Org.type == "school")
            return and_(homeroom, SchoolClass.school_sourced_id.in_(schools))
        case ScopeKind.STUDENT | ScopeKind.LIST:
            return and_(homeroom, Enrollment.user_sourced_id.in_(IDS))


def _of_mixed_class_in_grade() -> ColumnElement[bool]:
    """That an enrolment is one in a class of several grades (特別支援学級, 複式学級) of a child whose grade is that of
    the classes asked about, in one of their schools: 4年生 means these children too."""
    named = aliased(SchoolClass, name="named")
    of_named = select(named.school_sourced_id).where(named.sourced_id.in_(IDS))
    grades = select(named.grades[0].as_string()).where(named.sourced_id.in_(IDS), named.grades[1].as_string().is_(None))
    return and_(
        WHOLE_GRADE,
        SchoolClass.grades[1].as_string().is_not(None),
        SchoolClass.school_sourced_id.in_(of_named),
        User.grade.in_(grades),
    )
