"""Expected student-days: who should have answered, or have been at school, on which day.

Whoever is enrolled on a school day is expected, unless the register says that the day was not theirs. The days come
from the roll and the calendars; the database counts what takes away from them (entries of the register) and what was
done on them (check-ins), in one statement, never a row per student and day.

Most schools and grades of a scope share their school days. Counts are taken over the days that any of them has; days
that only some of them have are counted apart by school and grade, and dropped here where they were no school day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Date,
    Select,
    String,
    bindparam,
    case,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from knowledge.questions.asking import Asking
from knowledge.questions.closed import closed_answers, closed_days, closed_single_days
from knowledge.questions.facts import known
from knowledge.questions.members import END, START, Key, belongs, members
from knowledge.questions.model import Phase, ScopeKind
from knowledge.questions.roll import Group, SchoolDays
from knowledge.records.attendance import ABSENT, NOT_EXPECTED, OUTSIDE, AttendanceEntry
from knowledge.records.checkins import CheckIn
from knowledge.records.checkins import Status as CheckInStatus
from knowledge.records.roster import Enrollment
from knowledge.records.scope import valid_on

DAYS = bindparam("days", expanding=True, type_=Date)  # school days of any member
SOME = bindparam("some", expanding=True, type_=Date)  # those that are not school days of every member
PHASES = bindparam("phases", expanding=True, type_=String)
ANSWERED = (CheckInStatus.FINISHED, CheckInStatus.DECLINED)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Student-days by key, and what was found on them."""

    days: Mapping[Any, int]
    found: Mapping[tuple[Any, str], int]  # (key, phase or mark): check-ins answered, entries of the register

    def answered(self, key: Any, phases: Sequence[Phase]) -> int:
        return sum(self.found.get((key, phase.value), 0) for phase in phases)


async def load_expected(asking: Asking, key: Key, phases: Sequence[Phase] = tuple(Phase)) -> Expected:
    """Expected student-days, and the check-ins answered on them."""
    roll = await asking.roll(key)
    days = await asking.school_days(roll)
    found = await _tally(asking, key, days, phases)
    expected = _student_days(roll.groups, days, key)
    for (each, what), count in found.items():
        if what in NOT_EXPECTED:
            expected[each] -= count
    for shut in await closed_days(asking, key, days):
        if shut.mark is None:  # otherwise it was taken off already
            expected[shut.key] -= shut.count
    for each, phase, count in await closed_answers(asking, key, days, phases):
        found[each, phase] -= count
    return Expected(days=expected, found=found)


async def load_attended(asking: Asking, key: Key) -> Expected:
    """School days with a register less those that were not the student's to attend, and the absences among them."""
    roll = await asking.roll(key)
    days = await asking.school_days(roll)
    registers: dict[str, set[date]] = {}
    statement = _registers(asking.question.scope.kind)
    for class_id, day in await asking.connection.execute(statement, asking.parameters):
        registers.setdefault(class_id, set()).add(day)
    found = await _tally(asking, key, days, ())
    attended = _student_days(roll.groups, days, key, registers)
    for (each, what), count in found.items():
        if what in OUTSIDE:
            attended[each] -= count
    for shut in await closed_days(asking, key, days):
        if shut.mark not in OUTSIDE and shut.day in registers.get(shut.class_id, ()):
            attended[shut.key] -= shut.count
        if shut.mark in ABSENT:
            found[shut.key, shut.mark] -= shut.count
    return Expected(days=attended, found=found)


@dataclass(frozen=True, kw_only=True)
class SingleDays:
    """Single student-days: who was expected when, and the check-ins answered on these days."""

    days: Mapping[str, Sequence[date]]  # by student, in order
    answered: frozenset[tuple[str, date, str]]  # (student, day, phase)


async def load_single_days(asking: Asking, phases: Sequence[Phase]) -> SingleDays:
    """Each expected student-day of the scope; for lists of students, not for cities."""
    roll = await asking.roll(Key.STUDENT)
    days = await asking.school_days(roll)
    expected: dict[str, set[date]] = {}
    for group in roll.groups:
        expected.setdefault(group.key, set()).update(group.days(days[group.school_id, group.grade]))
    parameters = _with_days(asking, frozenset[date]().union(*days.values()), phases=phases)
    answered: set[tuple[str, date, str]] = set()
    away: set[tuple[str, date]] = set()
    for what, student, day in await asking.connection.execute(_single(asking.question.scope.kind), parameters):
        if what in NOT_EXPECTED:
            expected[student].discard(day)
            away.add((student, day))
        else:
            answered.add((student, day, what))
    for student, day in await closed_single_days(asking):
        expected.get(student, set()).discard(day)
        away.add((student, day))
    return SingleDays(
        days={student: sorted(of_student) for student, of_student in expected.items()},
        answered=frozenset(each for each in answered if each[:2] not in away),
    )


def absences(attended: Expected, key: Any) -> int:
    return sum(attended.found.get((key, mark), 0) for mark in ABSENT)


def _student_days(
    groups: Sequence[Group],
    days: SchoolDays,
    key: Key,
    registers: Mapping[str, Collection[date]] | None = None,
) -> Counter[Any]:
    """School days times members, by key; only days with a register where ``registers`` (by class) are given."""
    counted = Counter[Any]()
    for group in groups:
        own = group.days(days[group.school_id, group.grade])
        if registers is not None:
            kept = registers.get(group.class_id, ())
            own = [day for day in own if day in kept]
        if key is Key.DAY:
            for day in own:
                counted[day] += group.enrolled
        else:
            counted[group.key] += group.enrolled * len(own)
    return counted


async def _tally(
    asking: Asking,
    key: Key,
    days: SchoolDays,
    phases: Sequence[Phase],
) -> Counter[tuple[Any, str]]:
    """How many check-ins of these phases and entries that excuse lie on school days, by (key, phase or mark)."""
    sets = {place: frozenset(of_place) for place, of_place in days.items()}
    any_days = frozenset[date]().union(*sets.values())
    some = any_days.difference(any_days.intersection(*sets.values())) if sets else any_days
    parameters = _with_days(asking, any_days, some, phases)
    counted = Counter[tuple[Any, str]]()
    for statement in _counts(asking.question.scope.kind, key, bool(some), bool(phases)) if any_days else ():
        for what, each, count, school, grade, day in await asking.connection.execute(statement, parameters):
            if day is None or day in sets[school, grade]:
                counted[each, what] += count
    return counted


def _with_days(
    asking: Asking, days: Collection[date], some: Collection[date] = (), phases: Sequence[Phase] = ()
) -> Mapping[str, Any]:
    return {
        **asking.parameters,
        "days": sorted(days),
        "some": sorted(some),
        "phases": [phase.value for phase in phases],
    }


@cache
def _counts(kind: ScopeKind, key: Key, differ: bool, with_checkins: bool) -> Sequence[Select[*tuple[Any, ...]]]:
    """What was found, counted by key; with ``differ`` days of ``SOME`` apart by school and grade. Not one statement,
    because SQLite plans for a million members wherever it meets them a second time."""
    who = members(kind, key)

    def counted(
        found: Select[*tuple[Any, ...]],
        day: InstrumentedAttribute[date],
        what: InstrumentedAttribute[str],
        count: ColumnElement[int],
    ) -> Select[*tuple[Any, ...]]:
        groups: list[Any] = [what]
        shown: list[Any] = [literal(""), literal(""), literal(""), null().cast(Date)]
        if key.of_members or key is Key.DAY:
            shown[0] = who.c[key.value] if key.of_members else day
            groups.append(shown[0])
        if differ:
            shown[1:] = [who.c.school_id, who.c.grade, case((day.in_(SOME), day))]
            groups += shown[1:]
        by, school, grade, some = shown
        columns = (what.label("what"), by.label("key"), count, school, grade, some)
        return found.with_only_columns(*columns).group_by(*groups)

    entries = counted(_entries(who), AttendanceEntry.date, AttendanceEntry.status, func.count())
    if not with_checkins:
        return (entries,)
    # Counted and taken off again: databases cannot tell how few are left by "where nothing kept them away", and would
    # sort the answers of a whole city.
    return (
        counted(_answers(who), CheckIn.date, CheckIn.phase, func.count()),
        counted(_answers_while_away(who), CheckIn.date, CheckIn.phase, -func.count()),
        entries,
    )


@cache
def _single(kind: ScopeKind) -> CompoundSelect[*tuple[Any, ...]]:
    """What was found, one by one: (phase or mark, student, day)."""
    who = members(kind, Key.STUDENT)
    return union_all(
        _answers(who).with_only_columns(CheckIn.phase, CheckIn.student_id, CheckIn.date),
        _entries(who).with_only_columns(AttendanceEntry.status, AttendanceEntry.student_id, AttendanceEntry.date),
    )


def _answers(who: CTE) -> Select[*tuple[Any, ...]]:
    """Answered check-ins of the members."""
    return (
        select(CheckIn.id)
        .select_from(who)
        .join(CheckIn, belongs(who, CheckIn.student_id, CheckIn.date))
        .where(
            CheckIn.date.in_(DAYS),
            CheckIn.phase.in_(PHASES),
            CheckIn.status.in_(ANSWERED),
            known(CheckIn.answered_at),
        )
    )


def _answers_while_away(who: CTE) -> Select[*tuple[Any, ...]]:
    """Those of them on days on which nothing was expected of the child."""
    return _answers(who).join(
        AttendanceEntry,
        (AttendanceEntry.student_id == CheckIn.student_id)
        & (AttendanceEntry.date == CheckIn.date)
        & AttendanceEntry.date.in_(DAYS)
        & AttendanceEntry.status.in_(NOT_EXPECTED),
    )


def _entries(who: CTE) -> Select[*tuple[Any, ...]]:
    """Entries of the register, of the members."""
    return (
        select(AttendanceEntry.student_id)
        .select_from(who)
        .join(AttendanceEntry, belongs(who, AttendanceEntry.student_id, AttendanceEntry.date))
        .where(AttendanceEntry.date.in_(DAYS), AttendanceEntry.status.in_(NOT_EXPECTED))
    )


@cache
def _registers(kind: ScopeKind) -> Select[*tuple[Any, ...]]:
    """(class, day) with any entry in the register, of the classes of the scope."""
    who = members(kind, Key.ALL)
    return (
        select(Enrollment.class_sourced_id, AttendanceEntry.date)
        .join(
            AttendanceEntry,
            (AttendanceEntry.student_id == Enrollment.user_sourced_id)
            & AttendanceEntry.date.between(START, END)
            & valid_on(Enrollment.begin_date, Enrollment.end_date, AttendanceEntry.date.expression),
        )
        .where(Enrollment.role == "student", Enrollment.class_sourced_id.in_(select(who.c.class_id)))
        .distinct()
    )
