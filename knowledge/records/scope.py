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
from knowledge.questions.model import GroupBy, Metric, Question, Scope, ScopeKind, Shape
from knowledge.records.roster import Course, Enrollment, Org, Role, SchoolClass, User

SCHOOL_STAFF = frozenset({"principal", "administrator", "counselor", "ext:nurse"})  # at a school: all of it
FAMILY = frozenset({"student", "guardian", "parent", "relative"})  # whoever has no other role is not staff
BOARD = "districtAdministrator"
BOARD_SHAPES = frozenset({Shape.VALUE, Shape.TREND, Shape.COMPARE, Shape.BREAKDOWN})  # those that name no child
BOARD_SCOPES = frozenset({ScopeKind.GRADE, ScopeKind.SCHOOL, ScopeKind.DISTRICT})
NAMING_CHILDREN = frozenset({ScopeKind.STUDENT, ScopeKind.LIST})

# From the study log and from tests: a subject teacher sees those of their own subjects.
METRICS_OF_SUBJECTS = frozenset(
    {Metric.STUDY_MINUTES, Metric.QUESTIONS_ANSWERED, Metric.CORRECT_RATE, Metric.ASSESSMENT_SCORE}
)
# What a subject teacher may ask about a scheduled class. Not mood, attendance, health, others' notes, talk requests.
SUBJECT_METRICS = METRICS_OF_SUBJECTS | {
    Metric.ANTICIPATION_RATE,
    Metric.REFLECTION_RATE,
    Metric.CHECKIN_RATE,
    Metric.GOAL_ACHIEVEMENT,
    Metric.CONFIDENCE,
    Metric.REFLECTION_DEPTH,
    Metric.AWAITING_REPLY,
    Metric.STREAK,
}

# A child who wants to talk may want to talk about home.
KEPT_FROM_GUARDIANS = frozenset({Metric.TALK_REQUESTS})


class Access(IntEnum):
    """How much of a scope a viewer may see, from less to more."""

    NONE = 0
    AGGREGATE = 1  # a board: figures of groups of ``SMALL_GROUP`` and more, no child named
    SUBJECT = 2  # a subject teacher: ``SUBJECT_METRICS``, goals and reflections
    FULL = 3


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
    subjects: frozenset[str] = frozenset()  # taught in them, as the roster writes them
    schools: frozenset[str] = frozenset()  # schools whose children may all be seen
    districts: frozenset[str] = frozenset()  # districts, in aggregate
    children: frozenset[str] = frozenset()  # of a guardian
    student_id: str | None = None  # the viewer's own id when they are a student
    workplaces: frozenset[str] = frozenset()  # schools the viewer works at, with or without rights over all of it

    def access(self, kind: ScopeKind, id: str, places: Iterable[Place]) -> Access:
        """What this viewer may see of one id of a scope; several roles give the most that any of them gives.

        ``places`` is where the id lies; an id that the roster does not know lies nowhere and gives ``NONE``.
        """
        if kind in NAMING_CHILDREN and id in self.children | {self.student_id}:
            return Access.FULL
        if kind is ScopeKind.DISTRICT:
            return Access.AGGREGATE if id in self.districts else Access.NONE
        return max((self._access_at(place, kind) for place in places), default=Access.NONE)

    def _access_at(self, place: Place, kind: ScopeKind) -> Access:
        if place.school_id in self.schools or place.class_id in self.homerooms:
            return Access.FULL
        if place.class_id in self.subject_classes:
            return Access.SUBJECT
        if place.district_id in self.districts and kind in BOARD_SCOPES:
            return Access.AGGREGATE
        return Access.NONE


@dataclass(frozen=True, kw_only=True)
class Permit:
    """That a viewer may read the records of a scope. Only ``permit_for`` gives one; reading records takes one."""

    viewer: Viewer
    scope: Scope
    aggregate_only: bool  # no child may be named, small groups are suppressed
    subjects: frozenset[str] | None = None  # study log and tests of these subjects only; None: of all
    own: bool = False  # the viewer asks about themself
    guardian: bool = False  # the viewer is the child's guardian
    metrics: frozenset[Metric] = frozenset(Metric)  # what an overview may show
    whole_schools: bool = False  # every child of the schools in the scope is covered, in whichever class


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
    scheduled = [each for each in taught if each.kind != "homeroom"]
    working = frozenset(org for role, org, kind in held if role not in FAMILY and kind == "school")
    return Viewer(
        person_id=person_id,
        on=on,
        roles=roles,
        homerooms=frozenset(each.id for each in taught if each.kind == "homeroom"),
        subject_classes=frozenset(each.id for each in scheduled),
        subjects=frozenset(subject for each in scheduled for subject in each.subjects),
        schools=frozenset(org for role, org, kind in held if role in SCHOOL_STAFF and kind == "school"),
        districts=frozenset(org for role, org, kind in held if role == BOARD and kind == "district"),
        children=await children_of(connection, person_id, on) if "guardian" in roles else frozenset(),
        student_id=person_id if "student" in roles else None,
        workplaces=working | {each.school for each in taught},
    )


async def permit_for(connection: AsyncConnection, viewer: Viewer, question: Question) -> Permit | None:
    """The permit to answer ``question`` for ``viewer``, or None when any part of its scope is not theirs to ask about.

    Sides of a comparison are questions of their own: ask for each. An overview shows the permit's ``metrics`` only.
    """
    scope = question.scope
    places: dict[str, list[Place]] = {id: [] for id in scope.ids}
    for id, place in await _places(connection, scope, viewer.on):
        places[id].append(place)
    access = min((viewer.access(scope.kind, id, where) for id, where in places.items()), default=Access.NONE)
    metrics = _metrics(viewer, access)
    if not _covers(viewer, access, metrics, question):
        return None
    names = frozenset(scope.ids) if scope.kind in NAMING_CHILDREN else frozenset[str]()
    own, guardian = bool(names) and names <= {viewer.student_id}, bool(names) and names <= viewer.children
    if guardian:
        metrics = metrics - KEPT_FROM_GUARDIANS
    if question.metric not in metrics | {None} or ((own or guardian) and _is_of_staff(question)):
        return None
    schools = {place.school_id for where in places.values() for place in where}
    return Permit(
        whole_schools=access is Access.AGGREGATE or schools <= viewer.schools,
        viewer=viewer,
        scope=scope,
        aggregate_only=access is Access.AGGREGATE,
        subjects=viewer.subjects if access is Access.SUBJECT else None,
        own=own,
        guardian=guardian,
        metrics=metrics,
    )


def _is_of_staff(question: Question) -> bool:
    """Whether it asks for the words of staff about a child, which were written for staff."""
    return question.metric is Metric.OBSERVATIONS and question.shape is Shape.TEXTS


def _metrics(viewer: Viewer, access: Access) -> frozenset[Metric]:
    match access:
        case Access.FULL:
            return frozenset(Metric)
        case Access.SUBJECT:
            return SUBJECT_METRICS if viewer.subjects else SUBJECT_METRICS - METRICS_OF_SUBJECTS
        case Access.AGGREGATE:
            return frozenset(Metric) - {Metric.STREAK}  # of a group it is a list of children
        case Access.NONE:
            return frozenset()


def _covers(viewer: Viewer, access: Access, metrics: frozenset[Metric], question: Question) -> bool:
    """Whether ``access`` to all of the scope is enough for what is asked about it."""
    match access:
        case Access.FULL:
            return True
        case Access.SUBJECT:
            if question.subject not in viewer.subjects | {None} or question.group_by is GroupBy.MOOD:
                return False
            if question.metric is None:  # texts are goals and reflections then
                return question.shape in (Shape.OVERVIEW, Shape.TEXTS)
            return question.metric in (metrics - METRICS_OF_SUBJECTS if question.shape is Shape.TEXTS else metrics)
        case Access.AGGREGATE:
            by_class = question.group_by is GroupBy.CLASS
            by_anything = question.shape is Shape.BREAKDOWN and question.group_by is None
            return question.metric in metrics and question.shape in BOARD_SHAPES and not (by_class or by_anything)
        case Access.NONE:
            return False


@dataclass(frozen=True, kw_only=True)
class _Taught:
    """A class the viewer teaches."""

    id: str
    kind: str  # class type
    school: str
    subjects: Sequence[str]  # of the class, or where it names none of its course


async def _taught(connection: AsyncConnection, person_id: str, on: date) -> Sequence[_Taught]:
    """The classes taught on the day."""
    statement = (
        select(
            SchoolClass.sourced_id,
            SchoolClass.class_type,
            SchoolClass.school_sourced_id,
            SchoolClass.subjects,
            Course.subjects,
        )
        .join(Enrollment, Enrollment.class_sourced_id == SchoolClass.sourced_id)
        .outerjoin(Course, Course.sourced_id == SchoolClass.course_sourced_id)
        .where(
            Enrollment.user_sourced_id == person_id,
            Enrollment.role == "teacher",
            valid_on(Enrollment.begin_date, Enrollment.end_date, on),
        )
    )
    return [
        _Taught(id=id, kind=kind, school=school, subjects=named or of_course or ())
        for id, kind, school, named, of_course in await connection.execute(statement)
    ]


async def children_of(connection: AsyncConnection, guardian_id: str, on: date) -> frozenset[str]:
    """Students of the day whose own record names the guardian; what the guardian's record says does not count."""
    statement = (
        select(User.sourced_id, User.agent_sourced_ids)
        .join(Role, and_(Role.user_sourced_id == User.sourced_id, Role.role == "student"))
        .where(
            User.enabled,
            valid_on(Role.begin_date, Role.end_date, on),
            cast(User.agent_sourced_ids, Text).contains(guardian_id, autoescape=True),
        )
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
