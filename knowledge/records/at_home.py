"""Who learns at home on a day, because a lead closed the school and learning goes on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.calendar import load_calendars
from knowledge.records.closures import Closure
from knowledge.records.roster import GRADE, Enrollment, SchoolClass, User
from knowledge.records.scope import valid_on


@dataclass(frozen=True, kw_only=True)
class HomeLearner:
    """A child who learns at home, by the homeroom class."""

    student_id: str
    school_id: str
    grade: str
    class_id: str


# Built once: it runs with every batch of messages, and finds nothing on nearly every day of a year.
REMOTE_SCHOOLS = (
    select(Closure.school_id, Closure.declared_by)
    .where(
        Closure.is_remote,
        Closure.first_day <= bindparam("last", type_=Date),
        or_(Closure.last_day.is_(None), Closure.last_day >= bindparam("first", type_=Date)),
    )
    .order_by(Closure.declared_at)
)


async def remote_schools(connection: AsyncConnection, first: date, last: date) -> dict[str, str]:
    """Schools with learning at home on some day from ``first`` to ``last``, each with who declared it last."""
    rows = await connection.execute(REMOTE_SCHOOLS, {"first": first, "last": last})
    return {row.school_id: row.declared_by for row in rows}


async def home_learners(connection: AsyncConnection, student_ids: Collection[str], day: date) -> Sequence[HomeLearner]:
    """Those of the students who learn at home on a day."""
    schools = await remote_schools(connection, day, day) if student_ids else {}
    if not schools:
        return []
    statement = (
        select(
            User.sourced_id.label("student_id"),
            SchoolClass.school_sourced_id.label("school_id"),
            GRADE.label("grade"),
            SchoolClass.sourced_id.label("class_id"),
        )
        .select_from(Enrollment)
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .where(
            User.sourced_id.in_(student_ids),
            Enrollment.role == "student",
            SchoolClass.class_type == "homeroom",
            SchoolClass.school_sourced_id.in_(schools),
            valid_on(Enrollment.begin_date, Enrollment.end_date, day),
        )
        .order_by(User.sourced_id, SchoolClass.sourced_id)
    )
    calendars = await load_calendars(connection, schools, day, day)
    learners = [HomeLearner(**row._mapping) for row in await connection.execute(statement)]
    return [each for each in learners if calendars[each.school_id].is_remote(day, each.grade or None, each.class_id)]
