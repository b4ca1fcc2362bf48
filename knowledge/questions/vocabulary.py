"""The names a viewer may use, for the understanding side: classes, schools, students, terms, subjects and tests.

A family gets no names of persons but those of its own children.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.model import (
    ClassName,
    GradeName,
    PlaceName,
    Scope,
    ScopeKind,
    StudentName,
    Term,
    Vocabulary,
)
from knowledge.records.assessments import Assessment
from knowledge.records.roster import AcademicSession, Course, Enrollment, Org, SchoolClass, User
from knowledge.records.scope import Viewer, valid_on

# Within a function, or SQLite, which does not know how many there are, would begin with all users of the city.
ENABLED = func.coalesce(User.enabled, False)
NOBODY = Scope(kind=ScopeKind.CLASS, ids=(), label="")
TERMS = ("term", "semester")
SAMPLE = 100  # students whose tests are looked at for titles: a class takes a test, not one child
TITLE_YEARS = 3  # school years whose tests are looked at, this one included


async def load_vocabulary(connection: AsyncConnection, viewer: Viewer, timezone: ZoneInfo) -> Vocabulary:
    """What ``viewer`` may mean by a name. Students, guardians and those without any child's data get no names of
    others, so that whoever else they name is refused alike, there or not."""
    sessions: Sequence[Any] = (await connection.execute(select(*AcademicSession.__table__.c))).all()
    own_ids = viewer.children | frozenset([viewer.student_id] if viewer.student_id else [])
    family = await _students(connection, viewer, User.sourced_id.in_(own_ids), enrolled=False) if own_ids else ()
    staffed = viewer.homerooms or viewer.subject_classes or viewer.schools
    if not staffed and not viewer.districts:
        own = (await _places(connection, viewer))[0] if viewer.workplaces else ()  # whose staff may be written to
        return Vocabulary(
            timezone=timezone,
            default=_own(family),
            own_schools=tuple(sorted(viewer.workplaces)),
            schools=tuple(place for place, _ in own if place.id in viewer.workplaces),
            students=family,
            terms=_terms(sessions),
            subjects=await _subjects(connection, SchoolClass.sourced_id.in_(_classes_of(own_ids))) if own_ids else (),
            titles=await _titles(connection, own_ids, viewer.on),
        )
    places, districts = await _places(connection, viewer)
    schools = [school for school, _ in places]
    covered = {school.id for school, district in places if district in viewer.districts}
    classes = await _classes(connection, viewer.workplaces, sessions, viewer.on) if staffed else ()
    homerooms = await _classes(connection, covered, sessions, viewer.on, only="homeroom") if covered else classes
    known = [each.id for each in classes if each.homeroom or each.id in viewer.subject_classes]
    pupils = await _students(connection, viewer, Enrollment.class_sourced_id.in_(known)) if known else ()
    tested = [pupil.id for pupil in pupils if pupil.mine] or await _one_of_each(connection, homerooms)
    return Vocabulary(
        timezone=timezone,
        default=_default(viewer, classes, schools, districts),
        homerooms=tuple(sorted(each.id for each in classes if each.id in viewer.homerooms)),
        classes=tuple(classes),
        grades=_grades(homerooms),
        own_schools=tuple(sorted(viewer.workplaces)),
        schools=tuple(schools),
        districts=tuple(districts),
        students=(*family, *(pupil for pupil in pupils if pupil.id not in own_ids)),
        terms=_terms(sessions),
        subjects=await _subjects(connection, SchoolClass.school_sourced_id.in_(viewer.workplaces | covered)),
        titles=await _titles(connection, {*own_ids, *tested[:: len(tested) // SAMPLE + 1]}, viewer.on),
    )


def _own(family: Sequence[StudentName]) -> Scope:
    """A student themselves, a guardian's children; nobody for everybody else."""
    if not family:
        return NOBODY
    named = sorted(family, key=lambda each: each.id)
    label = "・".join(f"{each.family_name} {each.given_name}" for each in named)
    return Scope(kind=ScopeKind.STUDENT, ids=tuple(each.id for each in named), label=label)


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


async def _classes(
    connection: AsyncConnection,
    schools: Collection[str],
    sessions: Iterable[Any],
    on: date,
    *,
    only: str | None = None,
) -> Sequence[ClassName]:
    """The classes of the schools, ``only`` those of one class type where it is given. A school that has classes of
    this school year is known by them alone: those of other years mostly have the same titles."""
    statement = (
        select(
            SchoolClass.sourced_id,
            SchoolClass.title,
            SchoolClass.grades,
            SchoolClass.school_sourced_id,
            SchoolClass.class_type,
            SchoolClass.term_sourced_ids,
        )
        .where(SchoolClass.school_sourced_id.in_(schools))
        .order_by(SchoolClass.title, SchoolClass.sourced_id)
    )
    rows = (await connection.execute(statement.where(SchoolClass.class_type == only) if only else statement)).all()
    year = _school_year(on)
    elsewhen = {each.sourced_id for each in sessions if each.end_date < year or each.start_date > on}
    other_years = {row[0] for row in rows if row.term_sourced_ids and elsewhen.issuperset(row.term_sourced_ids)}
    running = {row.school_sourced_id for row in rows if row.sourced_id not in other_years}
    return [
        ClassName(
            id=id,
            title=title,
            grade=str(grades[0]) if len(grades) == 1 else None,
            school_id=school,
            homeroom=kind == "homeroom",
        )
        for id, title, grades, school, kind, _ in rows
        if id not in other_years or school not in running
    ]


def _grades(classes: Sequence[ClassName]) -> tuple[GradeName, ...]:
    found: dict[tuple[str, str], list[str]] = {}
    for each in classes:
        if each.homeroom and each.grade:
            found.setdefault((each.grade, each.school_id), []).append(each.id)
    return tuple(
        GradeName(grade=grade, school_id=school, class_ids=tuple(ids)) for (grade, school), ids in found.items()
    )


async def _students(
    connection: AsyncConnection, viewer: Viewer, which: ColumnElement[bool], *, enrolled: bool = True
) -> tuple[StudentName, ...]:
    """Students by class and attendance number, each once; last those of no homeroom class and, unless they must be
    ``enrolled``, of no class at all."""
    statement = (
        select(
            User.sourced_id,
            User.family_name,
            User.given_name,
            User.kana_family_name,
            User.kana_given_name,
            Enrollment.attendance_number,
            SchoolClass.sourced_id.label("class_id"),
            SchoolClass.title,
            SchoolClass.class_type,
            SchoolClass.school_sourced_id,
        )
        .select_from(User)
        .join(
            Enrollment,
            and_(
                Enrollment.user_sourced_id == User.sourced_id,
                Enrollment.role == "student",
                valid_on(Enrollment.begin_date, Enrollment.end_date, viewer.on),
            ),
            isouter=not enrolled,
        )
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id, isouter=not enrolled)
        .where(which, ENABLED)
    )
    rows: Sequence[Any] = (await connection.execute(statement)).all()
    taught = viewer.homerooms | viewer.subject_classes
    mine = viewer.children | {viewer.student_id}
    mine |= {row.sourced_id for row in rows if row.class_id in taught or row.school_sourced_id in viewer.schools}
    found: dict[str, StudentName] = {}
    for row in sorted(rows, key=_class_list):
        if row.sourced_id not in found:
            is_home = row.class_type == "homeroom"
            found[row.sourced_id] = StudentName(
                id=row.sourced_id,
                family_name=row.family_name,
                given_name=row.given_name,
                kana_family_name=row.kana_family_name,
                kana_given_name=row.kana_given_name,
                class_id=row.class_id if is_home else None,
                class_title=row.title if is_home else None,
                number=row.attendance_number if is_home else None,
                mine=row.sourced_id in mine,
            )
    return tuple(found.values())


def _class_list(row: Any) -> tuple[bool, str, bool, int, str]:
    """The order of a class list; homerooms first."""
    number = row.attendance_number
    return row.class_type != "homeroom", row.title or "", number is None, number or 0, row.sourced_id


def _terms(sessions: Iterable[Any]) -> tuple[Term, ...]:
    """Sessions name no school: schools that share a term share its words."""
    found = {
        Term(title=each.title, kind=each.type, start=each.start_date, end=each.end_date)
        for each in sessions
        if each.type in TERMS
    }
    return tuple(sorted(found, key=lambda term: (term.start, term.end, term.title)))


async def _subjects(connection: AsyncConnection, which: ColumnElement[bool]) -> tuple[str, ...]:
    """What classes are about, as the roster writes it; a class that names nothing, what its course is about."""
    statement = (
        select(cast(SchoolClass.subjects, Text), cast(Course.subjects, Text))
        .outerjoin(Course, Course.sourced_id == SchoolClass.course_sourced_id)
        .where(which)
        .distinct()  # in the database: a city has many classes, and few subjects
    )
    lists = [json.loads(named) or json.loads(course or "[]") for named, course in await connection.execute(statement)]
    return tuple(sorted({subject for subjects in lists for subject in subjects}))


def _classes_of(students: Collection[str]) -> Select[str]:
    return select(Enrollment.class_sourced_id).where(
        Enrollment.user_sourced_id.in_(students), Enrollment.role == "student"
    )


async def _titles(connection: AsyncConnection, students: Collection[str], on: date) -> tuple[str, ...]:
    """Titles of the tests these students took in the last years."""
    if not students:
        return ()
    year = _school_year(on)
    since = year.replace(year=year.year - TITLE_YEARS + 1)
    statement = (
        select(Assessment.title)
        .where(Assessment.student_id.in_(students), Assessment.date >= since, Assessment.date <= on)
        .distinct()
    )
    return tuple(sorted(await connection.scalars(statement)))


async def _one_of_each(connection: AsyncConnection, classes: Sequence[ClassName]) -> Sequence[str]:
    """One student of each of ``SAMPLE`` classes at most."""
    sample = [each.id for each in classes[:: len(classes) // SAMPLE + 1]]
    statement = (
        select(func.min(Enrollment.user_sourced_id))
        .where(Enrollment.class_sourced_id.in_(sample), Enrollment.role == "student")
        .group_by(Enrollment.class_sourced_id)
    )
    return list(await connection.scalars(statement))


def _school_year(on: date) -> date:
    """The first day of a day's school year."""
    return date(on.year if on.month >= 4 else on.year - 1, 4, 1)
