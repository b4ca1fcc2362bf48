"""Who is in an audience on a day: with the account to write to, where they go to school, and how their day stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import BindParameter, Select, and_, bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.attendance import NOT_EXPECTED, AttendanceEntry
from knowledge.records.calendar import SchoolCalendar
from knowledge.records.checkins import CheckIn, Status
from knowledge.records.roster import GRADE, Enrollment, Role, SchoolClass, User
from knowledge.records.scope import FAMILY, valid_on
from knowledge.reminding import Audience, AudienceKind
from scheduler.outbox import Outbox, State


@dataclass(frozen=True, kw_only=True)
class Home:
    """A homeroom class, as a calendar knows it; without a class and a grade: a school as a whole."""

    school_id: str
    grade: str | None = None
    class_id: str | None = None

    def has_school(self, calendars: Mapping[str, SchoolCalendar], day: date) -> bool:
        return calendars[self.school_id].is_school_day(day, self.grade, self.class_id)


@dataclass(frozen=True, kw_only=True)
class Member:
    """Somebody of an audience, on one day."""

    person_id: str
    account_id: str | None  # used last of those that can be written to; None: not linked, or blocked
    homes: tuple[Home, ...]  # none: not in a homeroom class
    is_absent: bool  # by the register of the day
    sent: int  # messages that count against the day's limit
    answered: frozenset[Phase]  # the day's check-ins that were finished or declined


async def find_members(
    connection: AsyncConnection, audiences: Iterable[Audience], day: date, channels: Collection[str]
) -> dict[Audience, list[Member]]:
    """Everyone in each audience by the roster of ``day``, nobody left out yet, in the order of their ids."""
    of_id: dict[tuple[str, str], dict[str, Member]] = {}
    asked = {*audiences}
    for source, ids in _ids(asked).items():
        values = {"asked": ids, "day": day, "channels": [*channels]}
        for row in await connection.execute(MEMBERS[source], values):
            people = of_id.setdefault((source, row.asked_id), {})
            home = _home(row)
            if (known := people.get(row.person_id)) is not None:  # in two classes: 特別支援学級 and 交流学級
                people[row.person_id] = replace(known, homes=(*known.homes, *home))
                continue
            people[row.person_id] = Member(
                person_id=row.person_id,
                account_id=row.account_id,
                homes=home,
                is_absent=bool(row.is_absent),
                sent=row.sent,
                answered=frozenset(phase for phase in Phase if getattr(row, phase)),
            )
    found: dict[Audience, list[Member]] = {}
    for audience in asked:
        people: dict[str, Member] = {}
        for id in audience.ids:
            people |= of_id.get((_SOURCES[audience.kind], id), {})
        if audience.kind in _NAMED:  # who left school is named still, but is no longer there
            people = {id: member for id, member in people.items() if member.homes}
        found[audience] = [people[id] for id in sorted(people)]
    return found


async def find_homes(
    connection: AsyncConnection, audiences: Iterable[Audience], day: date
) -> dict[Audience, frozenset[Home]]:
    """The homeroom classes of the children in each audience by the roster of ``day``; of staff none."""
    of_id: dict[tuple[str, str], set[Home]] = {}
    asked = {*audiences}
    for source, ids in _ids(audience for audience in asked if audience.is_children).items():
        for row in await connection.execute(HOMES[source], {"asked": ids, "day": day}):
            of_id.setdefault((source, row.asked_id), set()).update(_home(row))
    return {
        audience: frozenset(
            home for id in audience.ids for home in of_id.get((_SOURCES[audience.kind], id), ()) if audience.is_children
        )
        for audience in asked
    }


def _ids(audiences: Iterable[Audience]) -> dict[str, list[str]]:
    """The ids to look up, by the statement that knows them."""
    ids: dict[str, set[str]] = {}
    for audience in audiences:
        ids.setdefault(_SOURCES[audience.kind], set()).update(audience.ids)
    return {source: sorted(each) for source, each in ids.items()}


def _home(row: Any) -> tuple[Home, ...]:
    if row.class_id is None:
        return ()
    return (Home(school_id=row.school_id, grade=row.grade or None, class_id=row.class_id),)


_DAY: BindParameter[date] = bindparam("day")
_ASKED: BindParameter[str] = bindparam("asked", expanding=True)
_IS_STUDENT = and_(Enrollment.role == "student", valid_on(Enrollment.begin_date, Enrollment.end_date, _DAY))
_IS_HOMEROOM = SchoolClass.class_type == "homeroom"

_NAMED = frozenset({AudienceKind.STUDENT, AudienceKind.LIST})
_SOURCES: Mapping[AudienceKind, str] = {
    AudienceKind.STUDENT: "person",
    AudienceKind.LIST: "person",
    AudienceKind.SELF: "person",
    AudienceKind.CLASS: "class",
    AudienceKind.GRADE: "class",
    AudienceKind.SCHOOL: "school",
    AudienceKind.STAFF: "staff",
}
# Whom an audience's ids stand for. A class may be a scheduled one; a school's children are in its homeroom classes.
_PEOPLE: Mapping[str, Select[*tuple[Any, ...]]] = {
    "person": select(User.sourced_id.label("asked_id"), User.sourced_id.label("person_id")).where(
        User.sourced_id.in_(_ASKED)
    ),
    "class": select(Enrollment.class_sourced_id.label("asked_id"), Enrollment.user_sourced_id.label("person_id")).where(
        Enrollment.class_sourced_id.in_(_ASKED), _IS_STUDENT
    ),
    "school": select(SchoolClass.school_sourced_id.label("asked_id"), Enrollment.user_sourced_id.label("person_id"))
    .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
    .where(SchoolClass.school_sourced_id.in_(_ASKED), _IS_HOMEROOM, _IS_STUDENT)
    .distinct(),
    "staff": select(Role.org_sourced_id.label("asked_id"), Role.user_sourced_id.label("person_id"))
    .where(
        Role.org_sourced_id.in_(_ASKED),
        Role.role.not_in(FAMILY),
        valid_on(Role.begin_date, Role.end_date, _DAY),
    )
    .distinct(),
}


def _homes_of(source: str) -> Select[*tuple[Any, ...]]:
    people = _PEOPLE[source].subquery()
    other = aliased(SchoolClass)
    # Not as one join of two tables, which SQLite would work out for the whole roster first.
    in_homeroom = exists().where(other.sourced_id == Enrollment.class_sourced_id, other.class_type == "homeroom")
    return (
        select(
            people.c.asked_id,
            SchoolClass.school_sourced_id.label("school_id"),
            GRADE.label("grade"),
            SchoolClass.sourced_id.label("class_id"),
        )
        .select_from(people)
        .join(User, and_(User.sourced_id == people.c.person_id, User.enabled))
        .outerjoin(Enrollment, and_(Enrollment.user_sourced_id == people.c.person_id, _IS_STUDENT, in_homeroom))
        .outerjoin(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
    )


def _of_day(table: Any, *conditions: Any) -> Any:
    return exists().where(table.student_id == User.sourced_id, table.date == _DAY, *conditions)


def _members_of(source: str) -> Select[*tuple[Any, ...]]:
    account = (
        select(Account.id)
        .where(
            Account.person_id == User.sourced_id,
            Account.reachable,
            Account.channel.in_(bindparam("channels", expanding=True)),
        )
        .order_by(Account.last_seen_at.desc().nulls_last(), Account.id.desc())
        .limit(1)
    )
    sent = select(func.count()).where(
        Outbox.person_id == User.sourced_id,
        Outbox.counts_on == _DAY,
        Outbox.state.not_in([State.SKIPPED, State.FAILED]),
    )
    answered = {phase: _of_day(CheckIn, CheckIn.phase == phase, CheckIn.status != Status.OPEN) for phase in Phase}
    return (
        _homes_of(source)
        .add_columns(
            User.sourced_id.label("person_id"),
            account.scalar_subquery().label("account_id"),
            sent.scalar_subquery().label("sent"),
            _of_day(AttendanceEntry, AttendanceEntry.status.in_(NOT_EXPECTED)).label("is_absent"),
            *(found.label(phase.value) for phase, found in answered.items()),
        )
        .order_by(User.sourced_id, SchoolClass.sourced_id)
    )


# Built once: building statements of this size costs more than running them.
MEMBERS: Mapping[str, Select[*tuple[Any, ...]]] = {source: _members_of(source) for source in _PEOPLE}
HOMES: Mapping[str, Select[*tuple[Any, ...]]] = {source: _homes_of(source).distinct() for source in _PEOPLE}
