"""Whose records a person may read on a day: from roster, roles and dates, never from a text or a model.

``load_viewer`` says who asks, ``permit_for`` decides about one question, and records are read with the ``Permit`` it
gives. The rules are those of "Who may ask what" in the contract of teacher questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from sqlalchemy import ColumnElement, Text, and_, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from knowledge.errors import NoSuchPersonError
from knowledge.questions.model import Metric, Question, Scope, ScopeKind, Shape
from knowledge.records.roster import Enrollment, Org, Role, SchoolClass, User

SCHOOL_STAFF = frozenset({"principal", "administrator", "counselor", "ext:nurse"})  # at a school: all of it
BOARD = "districtAdministrator"
BOARD_SHAPES = frozenset({Shape.VALUE, Shape.TREND, Shape.COMPARE, Shape.BREAKDOWN})  # those that name no child
NAMING_CHILDREN = frozenset({ScopeKind.STUDENT, ScopeKind.LIST})

# What a subject teacher may ask about a scheduled class. Not mood, attendance, health, others' notes, talk requests.
SUBJECT_METRICS = frozenset(
    {
        Metric.ANTICIPATION_RATE,
        Metric.REFLECTION_RATE,
        Metric.CHECKIN_RATE,
        Metric.GOAL_ACHIEVEMENT,
        Metric.CONFIDENCE,
        Metric.REFLECTION_DEPTH,
        Metric.STUDY_MINUTES,
        Metric.QUESTIONS_ANSWERED,
        Metric.CORRECT_RATE,
        Metric.ASSESSMENT_SCORE,
        Metric.AWAITING_REPLY,
        Metric.STREAK,
    }
)


class Access(IntEnum):
    """How much of a scope a viewer may see."""

    NONE = 0
    AGGREGATE = 1  # figures of groups of ``SMALL_GROUP`` and more, no child named
    FULL = 2


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in the roster a part of a scope lies; None where the part is wider than that."""

    class_id: str | None
    school_id: str
    district_id: str | None


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """A person on a day, with what their roles and enrolments of that day let them see. All ids are sourcedIds."""

    person_id: str
    on: date  # the asking day: rights hold on it, for all periods
    roles: frozenset[str] = frozenset()  # OneRoster roles valid on the day
    homerooms: frozenset[str] = frozenset()  # homeroom classes taught: every metric
    subject_classes: frozenset[str] = frozenset()  # scheduled classes taught: ``SUBJECT_METRICS``
    schools: frozenset[str] = frozenset()  # schools whose children may all be seen
    districts: frozenset[str] = frozenset()  # districts, in aggregate
    children: frozenset[str] = frozenset()  # of a guardian
    student_id: str | None = None  # the viewer's own id when they are a student
    workplaces: frozenset[str] = frozenset()  # schools the viewer belongs to, with or without rights over all of it

    def access(
        self,
        metric: Metric | None,
        shape: Shape,
        kind: ScopeKind,
        id: str,
        places: Iterable[Place],
    ) -> Access:
        """What this viewer may see of one id of a scope; several roles give the most that any of them gives.

        ``places`` is where the id lies; an id that the roster does not know lies nowhere and gives ``NONE``.
        """
        if kind in NAMING_CHILDREN and id in self.children | {self.student_id}:
            return Access.FULL
        best = Access.NONE
        for place in places:
            if place.school_id in self.schools or place.class_id in self.homerooms:
                return Access.FULL
            if place.class_id in self.subject_classes and metric in SUBJECT_METRICS:
                return Access.FULL
            if place.district_id in self.districts and shape in BOARD_SHAPES and kind not in NAMING_CHILDREN:
                best = Access.NONE if kind is ScopeKind.CLASS else Access.AGGREGATE
        if kind is ScopeKind.DISTRICT and id in self.districts and shape in BOARD_SHAPES:
            best = Access.AGGREGATE
        return best


@dataclass(frozen=True, kw_only=True)
class Permit:
    """That a viewer may read the records of a scope. Only ``permit_for`` gives one; reading records takes one."""

    viewer: Viewer
    scope: Scope
    aggregate_only: bool  # no child may be named, small groups are suppressed


def valid_on(
    begin: InstrumentedAttribute[date | None],
    end: InstrumentedAttribute[date | None],
    day: date | ColumnElement[date],
) -> ColumnElement[bool]:
    """That ``day`` lies within two dates of a row, both included; an empty date sets no limit."""
    return and_(or_(begin.is_(None), begin <= day), or_(end.is_(None), end >= day))


async def load_viewer(connection: AsyncConnection, person_id: str, on: date) -> Viewer:
    """The person as a viewer on a day; one who is not enabled, or whose roles have ended, sees nothing.

    Raises ``NoSuchPersonError`` when the roster does not know the person.
    """
    enabled = await connection.scalar(select(User.enabled).where(User.sourced_id == person_id))
    if enabled is None:
        raise NoSuchPersonError(person_id)
    if not enabled:
        return Viewer(person_id=person_id, on=on)
    held = (
        await connection.execute(
            select(Role.role, Org.sourced_id, Org.type)
            .join(Org, Org.sourced_id == Role.org_sourced_id)
            .where(
                Role.user_sourced_id == person_id,
                valid_on(Role.begin_date, Role.end_date, on),
            )
        )
    ).all()
    roles = frozenset(role for role, _, _ in held)
    taught = await _taught(connection, person_id, on) if "teacher" in roles else ()
    return Viewer(
        person_id=person_id,
        on=on,
        roles=roles,
        homerooms=frozenset(id for id, kind, _ in taught if kind == "homeroom"),
        subject_classes=frozenset(id for id, kind, _ in taught if kind != "homeroom"),
        schools=frozenset(org for role, org, kind in held if role in SCHOOL_STAFF and kind == "school"),
        districts=frozenset(org for role, org, kind in held if role == BOARD and kind == "district"),
        children=await _children(connection, person_id) if "guardian" in roles else frozenset(),
        student_id=person_id if "student" in roles else None,
        workplaces=frozenset(org for _, org, kind in held if kind == "school") | {school for *_, school in taught},
    )


async def permit_for(connection: AsyncConnection, viewer: Viewer, question: Question) -> Permit | None:
    """The permit to answer ``question`` for ``viewer``, or None when any part of its scope is not theirs to ask about.

    Sides of a comparison are questions of their own: ask for each.
    """
    scope = question.scope
    places: dict[str, list[Place]] = {id: [] for id in scope.ids}
    for id, place in await _places(connection, scope, viewer.on):
        places[id].append(place)
    access = min(
        (viewer.access(question.metric, question.shape, scope.kind, id, where) for id, where in places.items()),
        default=Access.NONE,
    )
    if access is Access.NONE:
        return None
    return Permit(viewer=viewer, scope=scope, aggregate_only=access is Access.AGGREGATE)


async def _taught(connection: AsyncConnection, person_id: str, on: date) -> Sequence[tuple[str, str, str]]:
    """(class, class type, school) of the classes taught on the day."""
    statement = (
        select(
            SchoolClass.sourced_id,
            SchoolClass.class_type,
            SchoolClass.school_sourced_id,
        )
        .join(Enrollment, Enrollment.class_sourced_id == SchoolClass.sourced_id)
        .where(
            Enrollment.user_sourced_id == person_id,
            Enrollment.role == "teacher",
            valid_on(Enrollment.begin_date, Enrollment.end_date, on),
        )
    )
    return [(id, kind, school) for id, kind, school in await connection.execute(statement)]


async def _children(connection: AsyncConnection, guardian_id: str) -> frozenset[str]:
    """Students whose own record names the guardian; what the guardian's record says does not count."""
    statement = (
        select(User.sourced_id, User.agent_sourced_ids)
        .join(Role, and_(Role.user_sourced_id == User.sourced_id, Role.role == "student"))
        .where(cast(User.agent_sourced_ids, Text).contains(guardian_id, autoescape=True))
    )
    # the text search only narrows down: «g1» is also in «g10»
    return frozenset(id for id, agents in await connection.execute(statement) if guardian_id in agents)


async def _places(connection: AsyncConnection, scope: Scope, on: date) -> Sequence[tuple[str, Place]]:
    """(id of the scope, where it lies) for every place of every id; a district needs none."""
    classes = (
        select(
            SchoolClass.sourced_id,
            SchoolClass.sourced_id,
            Org.sourced_id,
            Org.parent_sourced_id,
        )
        .join(Org, Org.sourced_id == SchoolClass.school_sourced_id)
        .select_from(SchoolClass)
    )
    match scope.kind:
        case ScopeKind.CLASS | ScopeKind.GRADE:
            statement = classes.where(SchoolClass.sourced_id.in_(scope.ids))
        case ScopeKind.STUDENT | ScopeKind.LIST:
            statement = (
                classes.with_only_columns(
                    Enrollment.user_sourced_id,
                    SchoolClass.sourced_id,
                    Org.sourced_id,
                    Org.parent_sourced_id,
                )
                .join(Enrollment, Enrollment.class_sourced_id == SchoolClass.sourced_id)
                .where(
                    Enrollment.user_sourced_id.in_(scope.ids),
                    Enrollment.role == "student",
                    valid_on(Enrollment.begin_date, Enrollment.end_date, on),
                )
            )
        case ScopeKind.SCHOOL:
            rows = await connection.execute(
                select(Org.sourced_id, Org.parent_sourced_id).where(Org.sourced_id.in_(scope.ids), Org.type == "school")
            )
            return [(id, Place(class_id=None, school_id=id, district_id=district)) for id, district in rows]
        case ScopeKind.DISTRICT:
            return []
    return [
        (id, Place(class_id=class_id, school_id=school, district_id=district))
        for id, class_id, school, district in await connection.execute(statement)
    ]
