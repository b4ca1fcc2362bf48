"""The names a viewer may use, for the understanding side: classes and schools, and for a family its own children."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.model import (
    ClassName,
    GradeName,
    PlaceName,
    Scope,
    ScopeKind,
    Vocabulary,
)
from knowledge.records.roster import Org, SchoolClass, User
from knowledge.records.scope import Viewer

NOBODY = Scope(kind=ScopeKind.CLASS, ids=(), label="")


async def load_vocabulary(connection: AsyncConnection, viewer: Viewer, timezone: ZoneInfo) -> Vocabulary:
    """What ``viewer`` may mean by a name. Students, guardians and those without any child's data get no names, so
    that whoever they name is refused alike, there or not."""
    staffed = viewer.homerooms or viewer.subject_classes or viewer.schools
    if not staffed and not viewer.districts:
        return Vocabulary(timezone=timezone, default=await _own(connection, viewer))
    schools, districts = await _places(connection, viewer)
    classes = await _classes(connection, viewer.workplaces) if staffed else ()
    if viewer.districts:
        covered = [school.id for school, district in schools if district in viewer.districts]
        grades = _grades(await _classes(connection, covered))
    else:
        grades = _grades(classes)
    return Vocabulary(
        timezone=timezone,
        default=_default(viewer, classes, [school for school, _ in schools], districts),
        homerooms=tuple(sorted(viewer.homerooms)),
        classes=tuple(classes),
        grades=grades,
        own_schools=tuple(sorted(viewer.workplaces)),
        schools=tuple(school for school, _ in schools),
        districts=tuple(districts),
    )


async def _own(connection: AsyncConnection, viewer: Viewer) -> Scope:
    """A student themselves, a guardian's children; nobody for everybody else."""
    ids = {viewer.student_id} if viewer.student_id else viewer.children
    if not ids:
        return NOBODY
    statement = select(User.sourced_id, User.family_name, User.given_name).where(User.sourced_id.in_(ids))
    named = (await connection.execute(statement.order_by(User.sourced_id))).all()
    label = "・".join(f"{family} {given}" for _, family, given in named)
    return Scope(kind=ScopeKind.STUDENT, ids=tuple(id for id, _, _ in named), label=label)


def _default(
    viewer: Viewer,
    classes: Sequence[ClassName],
    schools: Sequence[PlaceName],
    districts: Sequence[PlaceName],
) -> Scope:
    for kind, ids, names in (
        (
            ScopeKind.CLASS,
            viewer.homerooms,
            [(each.id, each.title) for each in classes],
        ),
        (
            ScopeKind.CLASS,
            viewer.subject_classes,
            [(each.id, each.title) for each in classes],
        ),
        (ScopeKind.SCHOOL, viewer.schools, [(each.id, each.name) for each in schools]),
        (
            ScopeKind.DISTRICT,
            viewer.districts,
            [(each.id, each.name) for each in districts],
        ),
    ):
        if ids:
            named = [(id, name) for id, name in names if id in ids]
            return Scope(
                kind=kind,
                ids=tuple(id for id, _ in named),
                label="・".join(name for _, name in named),
            )
    return NOBODY


async def _places(
    connection: AsyncConnection, viewer: Viewer
) -> tuple[list[tuple[PlaceName, str | None]], list[PlaceName]]:
    """Own and neighbouring schools, each with its district; and the districts of the viewer."""
    districts = select(Org.parent_sourced_id).where(Org.sourced_id.in_(viewer.workplaces))
    statement = (
        select(Org.sourced_id, Org.name, Org.type, Org.parent_sourced_id)
        .where(
            or_(
                Org.sourced_id.in_(viewer.workplaces | viewer.districts),
                Org.sourced_id.in_(districts),
                and_(
                    Org.type == "school",
                    or_(
                        Org.parent_sourced_id.in_(viewer.districts),
                        Org.parent_sourced_id.in_(districts),
                    ),
                ),
            )
        )
        .order_by(Org.name, Org.sourced_id)
    )
    rows = (await connection.execute(statement)).all()
    return (
        [(PlaceName(id=id, name=name), parent) for id, name, kind, parent in rows if kind == "school"],
        [PlaceName(id=id, name=name) for id, name, kind, _ in rows if kind == "district"],
    )


async def _classes(connection: AsyncConnection, schools: Sequence[str] | frozenset[str]) -> Sequence[ClassName]:
    statement = (
        select(
            SchoolClass.sourced_id,
            SchoolClass.title,
            SchoolClass.grades,
            SchoolClass.school_sourced_id,
            SchoolClass.class_type,
        )
        .where(SchoolClass.school_sourced_id.in_(schools))
        .order_by(SchoolClass.title, SchoolClass.sourced_id)
    )
    return [
        ClassName(
            id=id,
            title=title,
            grade=str(grades[0]) if len(grades) == 1 else None,
            school_id=school,
            homeroom=kind == "homeroom",
        )
        for id, title, grades, school, kind in await connection.execute(statement)
    ]


def _grades(classes: Sequence[ClassName]) -> tuple[GradeName, ...]:
    found: dict[tuple[str, str], list[str]] = {}
    for each in classes:
        if each.homeroom and each.grade:
            found.setdefault((each.grade, each.school_id), []).append(each.id)
    return tuple(
        GradeName(grade=grade, school_id=school, class_ids=tuple(ids)) for (grade, school), ids in found.items()
    )
