"""Who at school is told about a child, and in which order; and who of the staff may know of it.

A school names its list itself (``care`` in schools.yaml); without one it is care.md's: the homeroom teachers, then
principal and nurse. Whoever is told works there on the day; a guardian of the child is never told as staff.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, and_, cast, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from knowledge.records.accounts import Account
from knowledge.records.roster import Enrollment, Role, SchoolClass, User
from knowledge.records.scope import FAMILY, Viewer, valid_on

HOMEROOM = "homeroom"  # in a list: the homeroom teachers of the child, whoever they are
DEFAULT: Sequence[Sequence[str]] = ((HOMEROOM,), ("principal", "ext:nurse"))  # those of one step are told together

Lists = Callable[[str], Sequence[str]]  # sourcedId of a school → its own list, empty for none


@dataclass(frozen=True, kw_only=True)
class Told:
    """Somebody to tell, and where."""

    person_id: str
    account_id: str  # of the person's accounts the one that was used last


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Whom to look for: a child, and the list that holds for it."""

    student_id: str
    entries: tuple[str, ...] = ()  # sourcedIds, OneRoster roles or ``HOMEROOM``, a step each; (): that of the school


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where a child is at school on a day."""

    school_id: str | None = None  # None: at no school
    grade: str | None = None
    class_ids: frozenset[str] = frozenset()  # homeroom classes
    title: str = ""  # of the homeroom class
    guardians: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Who can be told about a child on a day, step by step, nobody twice. No step: nobody can be written to."""

    home: Home
    steps: tuple[tuple[Told, ...], ...] = ()

    @property
    def first(self) -> tuple[Told, ...]:
        return self.steps[0] if self.steps else ()

    @property
    def everybody(self) -> tuple[Told, ...]:
        return tuple(told for step in self.steps for told in step)


async def find_chain(
    connection: AsyncConnection, wanted: Wanted, lists: Lists, on: date, channels: Collection[str]
) -> Chain:
    """``find_chains`` for one child."""
    return (await find_chains(connection, [wanted], lists, on, channels))[wanted]


async def find_chains(
    connection: AsyncConnection, wanted: Collection[Wanted], lists: Lists, on: date, channels: Collection[str]
) -> dict[Wanted, Chain]:
    """Who can be told on ``channels`` about each child, in two statements. Where nobody of a school's list can be
    told, those of ``DEFAULT`` are."""
    homes = await find_homes(connection, {each.student_id for each in wanted}, on)
    named = {each: each.entries or _own(lists, homes[each.student_id]) for each in wanted}
    entries = {entry for own in named.values() for entry in own} | {role for step in DEFAULT for role in step}
    at: dict[str | None, list[Any]] = {}  # by school and by homeroom class: a city has thousands of staff
    for row in await connection.execute(_staff(homes.values(), entries, on, channels)):
        for place in (row.org_sourced_id, row.class_sourced_id):
            at.setdefault(place, []).append(row)
    chains: dict[Wanted, Chain] = {}
    for each, own in named.items():
        home = homes[each.student_id]
        near = [row for place in (home.school_id, *sorted(home.class_ids)) for row in at.get(place, ())]
        staff = [row for row in near if row.user_sourced_id not in home.guardians]
        steps = _steps(home, [(entry,) for entry in own], staff)
        if not (steps or each.entries):  # a list that somebody chose is told, or nobody
            steps = _steps(home, DEFAULT, staff)
        chains[each] = Chain(home=home, steps=steps)
    return chains


async def find_homes(connection: AsyncConnection, student_ids: Collection[str], on: date) -> dict[str, Home]:
    """Where each child is at school on a day; an id that the roster does not know is nowhere."""
    own = aliased(Enrollment)
    statement = (
        select(
            User.sourced_id,
            User.grade,
            User.agent_sourced_ids,
            User.primary_org_sourced_id,
            own.school_sourced_id,
            SchoolClass.sourced_id.label("class_id"),
            SchoolClass.title,
        )
        .outerjoin(
            own,
            and_(
                own.user_sourced_id == User.sourced_id,
                own.role == "student",
                valid_on(own.begin_date, own.end_date, on),
            ),
        )
        .outerjoin(
            SchoolClass,
            and_(SchoolClass.sourced_id == own.class_sourced_id, SchoolClass.class_type == "homeroom"),
        )
        .where(User.sourced_id.in_(student_ids))
        .order_by(SchoolClass.sourced_id.is_(None), own.sourced_id)  # homeroom classes first
    )
    rows: dict[str, list[Any]] = {}
    for row in await connection.execute(statement):
        rows.setdefault(row.sourced_id, []).append(row)
    return {id: _home(rows.get(id, ())) for id in student_ids}


def may_know(student: ColumnElement[str], viewer: Viewer, named_at: Collection[str]) -> ColumnElement[bool]:
    """That a viewer may know of what a child asked for help with, the child being in a column: homeroom teachers, who
    sees the whole school, and who is named in its list (``named_at``: those schools). Not a guardian of the child,
    whatever they work as."""
    schools = viewer.schools | frozenset(named_at)
    own, child, of_guardian = aliased(Enrollment), aliased(User), aliased(User)  # whatever else the statement reads
    return and_(
        or_(
            exists().where(
                own.user_sourced_id == student,
                own.role == "student",
                valid_on(own.begin_date, own.end_date, viewer.on),
                or_(own.class_sourced_id.in_(viewer.homerooms), own.school_sourced_id.in_(schools)),
            ),
            exists().where(child.sourced_id == student, child.primary_org_sourced_id.in_(schools)),
        ),
        ~exists().where(
            of_guardian.sourced_id == student,
            cast(of_guardian.agent_sourced_ids, Text).contains(
                orjson.dumps(viewer.person_id).decode(), autoescape=True
            ),
        ),
    )


def named_at(viewer: Viewer, lists: Lists) -> frozenset[str]:
    """The schools at which the viewer works and whose own list names them, or a role of theirs."""
    names = viewer.roles | {viewer.person_id}
    return frozenset(school for school in viewer.workplaces if not names.isdisjoint(lists(school)))


def _own(lists: Lists, home: Home) -> tuple[str, ...]:
    return tuple(lists(home.school_id)) if home.school_id is not None else ()


def _home(rows: Sequence[Any]) -> Home:
    if not rows:
        return Home()
    first = rows[0]
    return Home(
        school_id=next((row.school_sourced_id for row in rows if row.school_sourced_id), first.primary_org_sourced_id),
        grade=first.grade,
        class_ids=frozenset(row.class_id for row in rows if row.class_id is not None),
        title=first.title or "",
        guardians=frozenset(first.agent_sourced_ids),
    )


def _steps(home: Home, entries: Iterable[Sequence[str]], staff: Sequence[Any]) -> tuple[tuple[Told, ...], ...]:
    """A step for each of ``entries`` that names somebody who was not named before."""
    seen: set[str] = set()
    steps: list[tuple[Told, ...]] = []
    for step in entries:
        found: Mapping[str, str] = {
            row.user_sourced_id: row.account_id for row in staff if any(_is_meant(row, each, home) for each in step)
        }
        fresh = tuple(Told(person_id=id, account_id=account) for id, account in found.items() if id not in seen)
        seen |= found.keys()
        if fresh:
            steps.append(fresh)
    return tuple(steps)


def _is_meant(row: Any, entry: str, home: Home) -> bool:
    if entry == HOMEROOM:
        return row.role == "teacher" and row.class_sourced_id in home.class_ids
    return row.org_sourced_id == home.school_id and entry in (row.role, row.user_sourced_id)


def _staff(homes: Collection[Home], entries: Collection[str], on: date, channels: Collection[str]) -> Any:
    """A row for each role of those who may be meant, each homeroom class taught, and each account."""
    teaching = aliased(Enrollment)
    classes = {class_id for home in homes for class_id in home.class_ids}
    schools = {home.school_id for home in homes if home.school_id is not None}
    return (
        select(
            Role.user_sourced_id,
            Role.role,
            Role.org_sourced_id,
            teaching.class_sourced_id,
            Account.id.label("account_id"),
        )
        .join(User, User.sourced_id == Role.user_sourced_id)
        .join(Account, Account.person_id == Role.user_sourced_id)
        .outerjoin(
            teaching,
            and_(
                teaching.user_sourced_id == Role.user_sourced_id,
                teaching.class_sourced_id.in_(classes),
                teaching.role == "teacher",
                valid_on(teaching.begin_date, teaching.end_date, on),
            ),
        )
        .where(
            User.enabled,
            Role.role.not_in(FAMILY),
            valid_on(Role.begin_date, Role.end_date, on),
            Account.reachable,
            Account.channel.in_(channels),
            or_(
                teaching.class_sourced_id.is_not(None),
                and_(
                    Role.org_sourced_id.in_(schools),
                    or_(Role.role.in_(entries), Role.user_sourced_id.in_(entries)),
                ),
            ),
        )
        .order_by(Account.last_seen_at.nulls_first(), Account.id)  # of a person's accounts the last one stays
    )
