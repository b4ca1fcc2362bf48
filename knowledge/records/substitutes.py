"""Substitutes: a teacher of the school who stands in for another one in a class, until a day.

To stand in is an enrolment as a teacher with an end, so everything that looks at a teacher's classes knows of it, and
that it is over. Its id tells it from those of the roster, whose imports leave it alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import KnowledgeError
from knowledge.records.roster import Enrollment, Role, SchoolClass, User
from knowledge.records.scope import valid_on

PREFIX = "ayumi:substitute:"  # of the sourcedId
LONGEST = timedelta(days=366)


class NoSubstituteError(KnowledgeError):
    """Who cannot stand in there and then; ``problem`` says why: who, where, when, already."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, kw_only=True)
class Substitute:
    """Somebody stands in."""

    id: str
    person_id: str
    name: str
    class_id: str
    class_title: str
    first: date
    last: date  # included


async def teachers_at(connection: AsyncConnection, schools: Collection[str], on: date) -> dict[str, str]:
    """sourcedId → name of those who teach at these schools on a day, in the order of their names."""
    statement = (
        select(User.sourced_id, User.family_name, User.given_name)
        .where(
            User.enabled,
            exists().where(
                Role.user_sourced_id == User.sourced_id,
                Role.role == "teacher",
                Role.org_sourced_id.in_(schools),
                valid_on(Role.begin_date, Role.end_date, on),
            ),
        )
        .order_by(User.kana_family_name, User.family_name, User.given_name, User.sourced_id)
    )
    return {id: f"{family} {given}" for id, family, given in await connection.execute(statement)}


async def classes_at(connection: AsyncConnection, schools: Collection[str]) -> dict[str, str]:
    """sourcedId → title of the classes of these schools, homerooms first."""
    statement = (
        select(SchoolClass.sourced_id, SchoolClass.title)
        .where(SchoolClass.school_sourced_id.in_(schools))
        .order_by(SchoolClass.class_type != "homeroom", SchoolClass.title, SchoolClass.sourced_id)
    )
    return {row.sourced_id: row.title for row in await connection.execute(statement)}


async def substitutes_at(connection: AsyncConnection, schools: Collection[str], on: date) -> list[Substitute]:
    """Those who stand in at these schools on a day, or will; who ends first comes first."""
    statement = (
        select(
            Enrollment.sourced_id,
            Enrollment.user_sourced_id,
            User.family_name,
            User.given_name,
            Enrollment.class_sourced_id,
            SchoolClass.title,
            Enrollment.begin_date,
            Enrollment.end_date,
        )
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .where(
            Enrollment.sourced_id.startswith(PREFIX),
            Enrollment.school_sourced_id.in_(schools),
            Enrollment.end_date >= on,
        )
        .order_by(Enrollment.end_date, SchoolClass.title, Enrollment.sourced_id)
    )
    return [
        Substitute(
            id=row.sourced_id,
            person_id=row.user_sourced_id,
            name=f"{row.family_name} {row.given_name}",
            class_id=row.class_sourced_id,
            class_title=row.title,
            first=row.begin_date or date.min,
            last=row.end_date,
        )
        for row in await connection.execute(statement)
    ]


async def appoint(
    connection: AsyncConnection,
    schools: Collection[str],
    person_id: str,
    class_id: str,
    *,
    first: date,
    last: date,
    today: date,
) -> None:
    """Let a teacher of these schools stand in, both days included. Raises ``NoSubstituteError``."""
    if not today <= last <= first + LONGEST or last < first:
        raise NoSubstituteError("when")
    school = await connection.scalar(select(SchoolClass.school_sourced_id).where(SchoolClass.sourced_id == class_id))
    if school is None or school not in schools:
        raise NoSubstituteError("where")
    if person_id not in await teachers_at(connection, [school], today):
        raise NoSubstituteError("who")
    teaches = select(Enrollment.sourced_id).where(
        Enrollment.user_sourced_id == person_id,
        Enrollment.class_sourced_id == class_id,
        Enrollment.role == "teacher",
        or_(Enrollment.begin_date.is_(None), Enrollment.begin_date <= last),
        or_(Enrollment.end_date.is_(None), Enrollment.end_date >= first),
    )
    if (await connection.execute(teaches)).first() is not None:
        raise NoSubstituteError("already")
    await connection.execute(
        insert(Enrollment).values(
            sourced_id=f"{PREFIX}{secrets.token_hex(8)}",
            class_sourced_id=class_id,
            school_sourced_id=school,
            user_sourced_id=person_id,
            role="teacher",
            is_primary=False,
            begin_date=first,
            end_date=last,
        )
    )


async def end(connection: AsyncConnection, substitute_id: str, today: date) -> None:
    """Today it is over already."""
    await connection.execute(
        update(Enrollment)
        .where(Enrollment.sourced_id == substitute_id, Enrollment.sourced_id.startswith(PREFIX))
        .values(end_date=today - timedelta(days=1))
    )
