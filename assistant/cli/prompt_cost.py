"""What check-in prompts cost on LINE in a month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.calendar import load_calendars
from knowledge.records.roster import GRADE, Enrollment, SchoolClass, User
from knowledge.records.scope import valid_on
from scheduler.schools import LinePrompts, SchoolTimes


async def prompts_of_month(connection: AsyncConnection, times: SchoolTimes, today: date) -> tuple[int, int]:
    """How many children with LINE are prompted there, and how many messages that makes from the first to the last day
    of the month: one for each phase on every school day of theirs. Second prompts are not counted."""
    first, last = today.replace(day=1), today.replace(day=monthrange(today.year, today.month)[1])
    calendars = await load_calendars(connection, await _schools(connection), first, last)
    children = messages = 0
    for (school_id, class_id, grade), count in (await _linked(connection, today)).items():
        if times.of(school_id).line_prompts is not LinePrompts.PUSH:
            continue
        days = [first.replace(day=number) for number in range(1, last.day + 1)]
        school_days = sum(calendars[school_id].is_school_day(day, grade or None, class_id) for day in days)
        children += count
        messages += count * school_days * len(Phase)
    return children, messages


async def _schools(connection: AsyncConnection) -> list[str]:
    return list(await connection.scalars(select(SchoolClass.school_sourced_id).distinct()))


async def _linked(connection: AsyncConnection, today: date) -> Mapping[tuple[str, str, str], int]:
    """Children with an open LINE account, by school, homeroom class and grade."""
    statement = (
        select(SchoolClass.school_sourced_id, SchoolClass.sourced_id, GRADE, func.count(User.sourced_id.distinct()))
        .select_from(Enrollment)
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .where(
            Enrollment.role == "student",
            SchoolClass.class_type == "homeroom",
            User.enabled,
            valid_on(Enrollment.begin_date, Enrollment.end_date, today),
            exists().where(Account.person_id == User.sourced_id, Account.channel == "line", Account.reachable),
        )
        .group_by(SchoolClass.school_sourced_id, SchoolClass.sourced_id, GRADE)
    )
    return {(school, school_class, grade): count for school, school_class, grade, count in
            await connection.execute(statement)}  # fmt: skip
