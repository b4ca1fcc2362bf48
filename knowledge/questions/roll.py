"""The members of a scope as read from the database, with their schools' days."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.members import Key, members
from knowledge.questions.model import ScopeKind
from knowledge.records.calendar import load_calendars
from knowledge.records.collected import Collected
from knowledge.records.roster import Org, SchoolClass, User

ONE_DAY = timedelta(days=1)
STAGES = "EPJH"  # kindergarten, primary, junior high, high school: the order of grades
SchoolDays = Mapping[tuple[str, str], Sequence[date]]  # in order, by (school, grade)
ClosedClasses = Sequence[tuple[str, date, date]]  # (class, first day, last day): 学級閉鎖
DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Members who are alike: the same key, school, class, grade and days."""

    key: str
    school_id: str
    class_id: str
    grade: str
    begin: date
    end: date  # included
    enrolled: int  # enrolments
    students: int  # of them, those that are their student's first: the sum over groups counts each student once

    def days(self, school_days: Iterable[date]) -> list[date]:
        return [day for day in school_days if self.begin <= day <= self.end]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A student as a list shows them."""

    id: str
    name: str
    place: tuple[Any, ...]  # in the register: sorts by class, attendance number, reading


@dataclass(frozen=True, kw_only=True)
class Roll:
    """All members, grouped."""

    key: Key
    groups: Sequence[Group]
    people: Sequence[Person]  # in the order of the register; only by student

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many students have each key."""
        sizes = Counter[str]()
        for group in self.groups:
            sizes[group.key] += group.students
        return sizes

    @property
    def students(self) -> int:
        return sum(group.students for group in self.groups)

    @property
    def schools(self) -> frozenset[str]:
        return frozenset(group.school_id for group in self.groups)


async def load_roll(connection: AsyncConnection, kind: ScopeKind, key: Key, parameters: Mapping[str, Any]) -> Roll:
    """The members of the scope in the period of ``parameters``."""
    groups: list[Group] = []
    people: dict[str, Person] = {}
    for row in await connection.execute(_members_by(kind, key), parameters):
        if row.previous_end == date.max:
            continue  # all of its days are those of an enrolment before it
        begin = row.begin if row.previous_end is None else max(row.begin, row.previous_end + ONE_DAY)
        groups.append(
            Group(
                key=row.key,
                school_id=row.school_id,
                class_id=row.class_id,
                grade=row.grade,
                begin=begin,
                end=row.end,
                enrolled=row.enrolled,
                students=row.students,
            )
        )
        if key is Key.STUDENT and row.students:
            people[row.key] = Person(id=row.key, name=f"{row.family_name} {row.given_name}", place=_place(row))
    return Roll(key=key, groups=groups, people=sorted(people.values(), key=lambda person: person.place))


async def load_days(
    connection: AsyncConnection, roll: Roll, start: date, end: date
) -> tuple[SchoolDays, ClosedClasses]:
    """The school days from ``start`` to ``end`` of each (school, grade) of the roll, in order, and the classes of its
    schools that are closed on some of them."""
    calendars = await load_calendars(connection, roll.schools, start, end)
    days = {
        (school, grade): calendars[school].school_days(start, end, grade or None)
        for school, grade in {(group.school_id, group.grade) for group in roll.groups}
    }
    return days, [each for calendar in calendars.values() for each in calendar.closed_classes(start, end)]


async def load_collected(connection: AsyncConnection, roll: Roll) -> frozenset[tuple[str, str]]:
    """(school, kind of records) of what the schools of the roll ever sent."""
    statement = select(Collected.school_id, Collected.kind).where(Collected.school_id.in_(roll.schools))
    return frozenset((school, kind) for school, kind in await connection.execute(statement))


async def load_school_names(connection: AsyncConnection, ids: Iterable[str]) -> Mapping[str, str]:
    statement = select(Org.sourced_id, Org.name).where(Org.sourced_id.in_(list(ids)))
    return {row.sourced_id: row.name for row in await connection.execute(statement)}


async def load_class_titles(connection: AsyncConnection, ids: Iterable[str]) -> Mapping[str, str]:
    statement = select(SchoolClass.sourced_id, SchoolClass.title).where(SchoolClass.sourced_id.in_(list(ids)))
    return {row.sourced_id: row.title for row in await connection.execute(statement)}


def grade_order(grade: str) -> tuple[Any, ...]:
    """P1…P6, J1…J3, H1…H3; a grade of another form comes last."""
    return (STAGES.find(grade[:1]) % (len(STAGES) + 1), natural(grade)) if grade else (len(STAGES), ())


def natural(text: str) -> tuple[Any, ...]:
    """Sorts 2組 before 10組."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in DIGITS.split(text) if part)


@cache
def _members_by(kind: ScopeKind, key: Key) -> Select[*tuple[Any, ...]]:
    who = members(kind, key)
    columns: list[Any] = [who.c.class_id, who.c.school_id, who.c.grade, who.c.begin, who.c.end, who.c.previous_end]
    if key is Key.STUDENT:
        columns.append(who.c.student_id)
    statement = select(
        (who.c[key.value] if key.of_members else literal("")).label("key"),
        *columns,
        func.count().label("enrolled"),
        func.sum(case((who.c.previous_end.is_(None), 1), else_=0)).label("students"),
    ).group_by(*columns)
    if key is not Key.STUDENT:
        return statement
    names: list[Any] = [User.family_name, User.given_name, User.kana_family_name, User.kana_given_name]
    names += [who.c.class_title, who.c.number]
    return statement.add_columns(*names).join(User, User.sourced_id == who.c.student_id).group_by(*names)


def _place(row: Any) -> tuple[Any, ...]:
    number = float("inf") if row.number is None else row.number
    names = (row.kana_family_name or "", row.kana_given_name or "", row.family_name, row.given_name)
    return (grade_order(row.grade), natural(row.class_title), number, *names, row.key)
