"""Whom a reminder reaches: permission, school, and the people of its audience today."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.model import Metric, Period, Question, Scope, ScopeKind, Shape
from knowledge.records.leads import schools_led
from knowledge.records.roster import GRADE, Enrollment, Role, SchoolClass, User
from knowledge.records.scope import FAMILY, load_viewer, permit_for, valid_on
from knowledge.reminding import AudienceKind


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """One person of an audience."""

    id: str
    label: str  # family and given name
    grade: str | None  # of a child
    class_id: str | None  # a child's homeroom class


async def may_reach(
    connection: AsyncConnection, person_id: str, kind: AudienceKind, ids: Collection[str], on: date
) -> bool:
    """Whether a member of staff may write to all of an audience: to children whom they may ask about, to the staff of a
    school that they lead, to themselves."""
    if kind is AudienceKind.SELF:
        return set(ids) == {person_id} and bool((await load_viewer(connection, person_id, on)).roles - FAMILY)
    if kind is AudienceKind.STAFF:
        return bool(ids) and set(ids) <= await schools_led(connection, person_id, on)
    question = Question(
        metric=Metric.REFLECTION_RATE,
        shape=Shape.STUDENTS,
        scope=Scope(kind=ScopeKind(kind.value), ids=tuple(ids), label=""),
        period=Period(start=on, end=on, label=""),
    )
    return await permit_for(connection, await load_viewer(connection, person_id, on), question) is not None


async def school_of(connection: AsyncConnection, kind: AudienceKind, ids: Collection[str], on: date) -> str | None:
    """The school whose calendar and rules hold for an audience; None for ``SELF`` and for nobody the roster knows."""
    match kind:
        case AudienceKind.SCHOOL | AudienceKind.STAFF:
            return min(ids, default=None)
        case AudienceKind.CLASS | AudienceKind.GRADE:
            of_classes = select(func.min(SchoolClass.school_sourced_id)).where(SchoolClass.sourced_id.in_(ids))
            return await connection.scalar(of_classes)
        case AudienceKind.STUDENT | AudienceKind.LIST:
            enrolled = select(func.min(Enrollment.school_sourced_id)).where(
                Enrollment.user_sourced_id.in_(ids), _is_pupil(on)
            )
            return await connection.scalar(enrolled)
        case AudienceKind.SELF:
            return None


async def receivers(connection: AsyncConnection, kind: AudienceKind, ids: Collection[str], on: date) -> list[Receiver]:
    """The people of an audience who are there on a day, by class and attendance number."""
    statement = (
        select(
            User.sourced_id,
            User.family_name,
            User.given_name,
            User.grade,
            GRADE.label("class_grade"),
            SchoolClass.sourced_id.label("class_id"),
        )
        .select_from(User)
        .outerjoin(
            Enrollment,
            and_(
                Enrollment.user_sourced_id == User.sourced_id,
                _is_pupil(on),
                Enrollment.class_sourced_id.in_(
                    select(SchoolClass.sourced_id).where(SchoolClass.class_type == "homeroom")
                ),
            ),
        )
        .outerjoin(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .where(User.enabled, User.sourced_id.in_(_ids_of(kind, ids, on)))
        .order_by(SchoolClass.title, Enrollment.attendance_number, User.sourced_id)
    )
    found = {
        row.sourced_id: Receiver(
            id=row.sourced_id,
            label=f"{row.family_name} {row.given_name}",
            grade=(row.class_grade or row.grade) if row.class_id or row.grade else None,
            class_id=row.class_id,
        )
        for row in await connection.execute(statement)
    }
    return [*found.values()]


def _ids_of(kind: AudienceKind, ids: Collection[str], on: date) -> Select[str]:
    match kind:
        case AudienceKind.SELF:
            return select(User.sourced_id).where(User.sourced_id.in_(ids))
        case AudienceKind.STAFF:
            return select(Role.user_sourced_id).where(
                Role.org_sourced_id.in_(ids),
                Role.role.not_in(FAMILY),
                valid_on(Role.begin_date, Role.end_date, on),
            )
        case AudienceKind.STUDENT | AudienceKind.LIST:
            which = Enrollment.user_sourced_id.in_(ids)
        case AudienceKind.CLASS | AudienceKind.GRADE:
            which = Enrollment.class_sourced_id.in_(ids)
        case AudienceKind.SCHOOL:
            which = Enrollment.school_sourced_id.in_(ids)
    return select(Enrollment.user_sourced_id).where(which, _is_pupil(on))


def _is_pupil(on: date) -> ColumnElement[bool]:
    return and_(Enrollment.role == "student", valid_on(Enrollment.begin_date, Enrollment.end_date, on))
