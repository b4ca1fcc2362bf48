"""The days of all children of a school, as the rules look at them: a few statements, however large it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.care.rules import Day
from knowledge.questions.checkin_facts import MOODS, TEXTS
from knowledge.questions.facts import known
from knowledge.questions.members import Key, belongs, members
from knowledge.questions.model import Phase, ScopeKind
from knowledge.questions.roll import load_days, load_roll
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.checkins import SELF, CheckIn, Status, shared, shown
from knowledge.records.nurse_visits import NurseVisit

AT_ONCE = 1000  # rows that are worked on before others of the process get their turn
READ_AT_ONCE = 20  # days whose check-ins one statement reads: a large school has some ten thousand in them

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Child:
    """A child of a school, and what is known of their days there."""

    id: str
    spans: Sequence[tuple[date, date]]  # first and last day of each time in a homeroom class
    days: Sequence[Day]  # in order

    def is_enrolled(self, on: date) -> bool:
        return any(first <= on <= last for first, last in self.spans)


@dataclass(frozen=True, kw_only=True)
class SchoolDays:
    """What was read of a school."""

    children: Sequence[Child]
    days: Sequence[date]  # on which any of them had school, in order


async def load_school(connection: AsyncConnection, school_id: str, start: date, end: date, at: datetime) -> SchoolDays:
    """The children of a school from ``start`` to ``end``; records made after ``at`` do not exist."""
    parameters = {"ids": [school_id], "start": start, "end": end, "at": at}
    roll = await load_roll(connection, ScopeKind.SCHOOL, Key.STUDENT, parameters)
    school_days, closed = await load_days(connection, roll, start, end)
    spans: dict[str, list[tuple[date, date]]] = {}
    found: dict[str, dict[date, Day]] = {}
    async for group in _gently(roll.groups, AT_ONCE // 50):  # each with some fifty days
        spans.setdefault(group.key, []).append((group.begin, group.end))
        own = found.setdefault(group.key, {})
        shut = [(first, last) for class_id, first, last in closed if class_id == group.class_id]
        for day in group.days(school_days[group.school_id, group.grade]):
            if not any(first <= day <= last for first, last in shut):
                own[day] = Day(date=day, is_school=True)
    for first, last in _pieces(start, end):
        of_piece = {**parameters, "start": first, "end": last}
        async for row in _gently(await connection.execute(_answers(), of_piece)):
            _note(_day(found, row.student_id, row.date), row)
    async for student, day, mark in _gently(await connection.execute(_register(), parameters)):
        _day(found, student, day).mark = mark
    async for student, day, visits in _gently(await connection.execute(_visits(), parameters)):
        _day(found, student, day).visits = visits
    children = [
        Child(id=id, spans=spans[id], days=sorted(own.values(), key=lambda day: day.date)) for id, own in found.items()
    ]
    return SchoolDays(children=children, days=sorted({*(day for each in school_days.values() for day in each)}))


def earliest(day: date, looks_back: int) -> date:
    """From when on records are needed to look at a day."""
    return day - timedelta(days=looks_back)


def _pieces(start: date, end: date) -> Iterator[tuple[date, date]]:
    """The days from ``start`` to ``end`` as first and last days of pieces."""
    while start <= end:
        last = min(start + timedelta(days=READ_AT_ONCE - 1), end)
        yield start, last
        start = last + timedelta(days=1)


async def _gently(rows: Iterable[T], at_once: int = AT_ONCE) -> AsyncIterator[T]:
    """The rows, of which there may be a hundred thousand, without keeping the process from everything else."""
    for number, row in enumerate(rows, start=1):
        yield row
        if number % at_once == 0:
            await asyncio.sleep(0)


def _note(day: Day, row: Any) -> None:
    """What a check-in adds to its day."""
    day.is_touched = True
    if row.status == Status.FINISHED:
        day.is_answered = day.is_finished = True
        if row.mood in MOODS:
            day.moods.append(MOODS[row.mood])
        if row.confidence is not None:
            day.confidences.append(row.confidence)
        if row.length is not None:
            day.length = row.length
    elif row.status == Status.DECLINED:
        day.is_answered = True
        day.is_declined = day.is_declined or not row.is_self


def _day(found: Mapping[str, dict[date, Day]], student: str, day: date) -> Day:
    """What is known of the day, also of one without school: a mood given on a Saturday counts where moods do."""
    own = found[student]
    if day not in own:
        own[day] = Day(date=day)
    return own[day]


@cache
def _answers() -> Select[*tuple[Any, ...]]:
    """A row for each check-in, without what is kept to oneself."""
    who = members(ScopeKind.SCHOOL, Key.STUDENT)
    written: ColumnElement[int] = literal(0)
    for text in TEXTS:
        written = written + func.length(func.trim(func.coalesce(text, "")))
    is_readable = shared(*(text.key for text in TEXTS))
    return (
        select(
            CheckIn.student_id,
            CheckIn.date,
            CheckIn.status,
            (CheckIn.visibility == SELF).label("is_self"),
            shown(CheckIn.mood).label("mood"),
            shown(CheckIn.confidence).label("confidence"),
            case(((CheckIn.phase == Phase.REFLECTION) & is_readable, written)).label("length"),
        )
        .select_from(who)
        .join(CheckIn, belongs(who, CheckIn.student_id, CheckIn.date))
        .where(known(CheckIn.answered_at))
    )


@cache
def _register() -> Select[*tuple[Any, ...]]:
    who = members(ScopeKind.SCHOOL, Key.STUDENT)
    return (
        select(AttendanceEntry.student_id, AttendanceEntry.date, AttendanceEntry.status)
        .select_from(who)
        .join(AttendanceEntry, belongs(who, AttendanceEntry.student_id, AttendanceEntry.date))
        .where(AttendanceEntry.status != "present")
    )


@cache
def _visits() -> Select[*tuple[Any, ...]]:
    who = members(ScopeKind.SCHOOL, Key.STUDENT)
    return (
        select(NurseVisit.student_id, NurseVisit.date, func.count())
        .select_from(who)
        .join(NurseVisit, belongs(who, NurseVisit.student_id, NurseVisit.date))
        .where(known(NurseVisit.visited_at))
        .group_by(NurseVisit.student_id, NurseVisit.date)
    )
