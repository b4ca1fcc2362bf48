"""The typed question and its typed answer: frozen values, no I/O, nothing imported but the standard library.

What a text was taken to mean and what the store answered are one type, so both sides import this module and no other
of the package. Ids and codes are those of the JSON that ``ayumi ask --json`` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo


class Phase(StrEnum):
    """The two check-ins of a school day."""

    ANTICIPATION = "anticipation"
    REFLECTION = "reflection"


class Metric(StrEnum):
    """Every figure a question may ask for; ``metrics`` holds the definitions of those answered by now."""

    ANTICIPATION_RATE = "anticipation_rate"
    REFLECTION_RATE = "reflection_rate"
    CHECKIN_RATE = "checkin_rate"
    GOAL_ACHIEVEMENT = "goal_achievement"
    MOOD = "mood"
    LOW_MOOD_DAYS = "low_mood_days"
    MOOD_CHANGE = "mood_change"
    CONFIDENCE = "confidence"
    REFLECTION_DEPTH = "reflection_depth"
    STUDY_MINUTES = "study_minutes"
    QUESTIONS_ANSWERED = "questions_answered"
    CORRECT_RATE = "correct_rate"
    ABSENT_DAYS = "absent_days"
    LATE_COUNT = "late_count"
    EARLY_LEAVE_COUNT = "early_leave_count"
    ATTENDANCE_RATE = "attendance_rate"
    NURSE_VISITS = "nurse_visits"
    ASSESSMENT_SCORE = "assessment_score"
    OBSERVATIONS = "observations"
    AWAITING_REPLY = "awaiting_reply"
    TALK_REQUESTS = "talk_requests"
    STREAK = "streak"


class Shape(StrEnum):
    """What form the answer takes."""

    VALUE = "value"
    STUDENTS = "students"
    TREND = "trend"
    COMPARE = "compare"
    BREAKDOWN = "breakdown"
    OVERVIEW = "overview"
    TEXTS = "texts"


class Status(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    CLARIFY = "clarify"  # ambiguous: ``options`` lists what to choose from
    REFUSED = "refused"
    EMPTY = "empty"
    NOT_UNDERSTOOD = "not_understood"
    TALK = "talk"  # not a question about data


class Reason(StrEnum):
    """Why there is no figure."""

    NOT_PERMITTED = "not_permitted"
    NO_RECORDS = "no_records"  # nothing in the period
    NOT_COLLECTED = "not_collected"  # this kind of data was never imported
    NOT_ANSWERED = "not_answered"  # asked, but everybody declined or is silent
    SMALL_GROUP = "small_group"
    FUTURE = "future"


class ScopeKind(StrEnum):
    STUDENT = "student"
    CLASS = "class"
    GRADE = "grade"
    SCHOOL = "school"
    DISTRICT = "district"
    LIST = "list"  # of students


class Operator(StrEnum):
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    EQUAL = "="
    MISSING = "missing"


class Order(StrEnum):
    ASCENDING = "asc"
    DESCENDING = "desc"


class GroupBy(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CLASS = "class"
    SCHOOL = "school"
    GRADE = "grade"
    SUBJECT = "subject"
    MOOD = "mood"
    WEEKDAY = "weekday"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whom a question is about."""

    kind: ScopeKind
    ids: tuple[str, ...]  # sourcedIds; of a grade its homeroom classes; empty: nobody the roster knows, always refused
    label: str  # as a reader would name it: 「4年2組」


@dataclass(frozen=True, kw_only=True)
class Period:
    """Days, both ends included."""

    start: date
    end: date
    label: str  # 「先週」


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Which students are listed."""

    op: Operator
    value: float | None = None  # in the metric's unit; None with ``missing``


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question about the learning-data store."""

    metric: Metric | None  # None only with the shapes that show several
    shape: Shape
    phase: Phase | None = None  # the check-in that was named; None: both, or the one whose time it is
    subject: str | None = None  # 「算数」
    scope: Scope
    period: Period
    condition: Condition | None = None
    compare: tuple[Period | Scope, ...] = ()  # the other sides
    group_by: GroupBy | None = None
    order: Order | None = None
    limit: int | None = None  # rows at most
    title: str | None = None  # of assessments: those whose title contains it, 「学力調査」
    has_period: bool = True  # False: no time was named, ``period`` is the one the contract gives then

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Question:
        """The question that ``to_json`` wrote, all but ``has_period``. Raises ``KeyError``, ``TypeError`` or
        ``ValueError`` for anything else."""
        condition = value["condition"]
        return Question(
            metric=Metric(value["metric"]) if value["metric"] else None,
            shape=Shape(value["shape"]),
            phase=Phase(value["phase"]) if value["phase"] else None,
            subject=value["subject"],
            scope=_scope_from(value["scope"]),
            period=_period_from(value["period"]),
            condition=condition and Condition(op=Operator(condition["op"]), value=condition["value"]),
            compare=tuple(
                _period_from(side["period"]) if "period" in side else _scope_from(side["scope"])
                for side in value["compare"] or ()
            ),
            group_by=GroupBy(value["group_by"]) if value["group_by"] else None,
            order=Order(value["order"]) if value["order"] else None,
            limit=value["limit"],
            title=value.get("title"),
        )

    def to_json(self) -> dict[str, Any]:
        """The ``question`` of the JSON of an answer."""
        return _question(self)


@dataclass(frozen=True, kw_only=True)
class AnswerRow:
    """One line of a list, a trend, a comparison or a breakdown."""

    id: str
    label: str
    value: float | str | None
    n: int | None = None  # denominator of ``value``
    reason: Reason | None = None  # why there is no value: ``small_group``
    unit: str | None = None  # where the rows' units differ (overview); else the answer's
    day: date | None = None  # of a text: when it was written
    phase: Phase | None = None  # of a text: in which check-in; None where it is none of a check-in
    name: str | None = None  # of a text: the metric's own words for what it is, where it is no check-in


@dataclass(frozen=True, kw_only=True)
class Option:
    """One thing to choose from when a question was ambiguous."""

    id: str
    label: str


@dataclass(frozen=True, kw_only=True)
class PhaseCount:
    """Answered and expected student-days of one phase."""

    phase: Phase
    answered: int
    expected: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the store says. The last three fields serve the wording and are not part of the JSON."""

    status: Status
    question: Question | None
    value: float | None = None
    unit: str | None = None  # the metric's; of a "missing" list ``days``, as its rows count days
    n: int | None = None  # denominator: student-days, phases, answers, questions
    rows: tuple[AnswerRow, ...] = ()
    difference: float | None = None
    reason: Reason | None = None
    options: tuple[Option, ...] = ()
    definition: str | None = None  # of the metric, in the asker's language
    text: str = ""  # the worded answer; filled by the wording side
    counts: tuple[PhaseCount, ...] = ()  # of the phases the question was about
    students: int | None = None  # how many children the figures are about
    tied: int = 0  # students whom the limit cut off though their figure is that of the last one shown
    left_out: int = 0  # students without enough answers to say (mood_change)

    def to_json(self) -> dict[str, Any]:
        """The JSON object of ``ayumi ask --json``: these keys, in this order."""
        return {
            "status": self.status.value,
            "question": None if self.question is None else _question(self.question),
            "value": self.value,
            "unit": self.unit,
            "n": self.n,
            "rows": [_row(row) for row in self.rows],
            "difference": self.difference,
            "reason": self.reason and self.reason.value,
            "options": [{"id": option.id, "label": option.label} for option in self.options],
            "definition": self.definition,
            "text": self.text,
        }


@dataclass(frozen=True, kw_only=True)
class ClassName:
    """A class as people name it."""

    id: str  # sourcedId
    title: str  # 「4年2組」
    grade: str | None  # P4; None when it has none, or several
    school_id: str
    homeroom: bool  # otherwise a scheduled class


@dataclass(frozen=True, kw_only=True)
class GradeName:
    """One grade of one school."""

    grade: str  # P4
    school_id: str
    class_ids: tuple[str, ...]  # its homeroom classes


@dataclass(frozen=True, kw_only=True)
class PlaceName:
    """A school or a district as people name it."""

    id: str  # sourcedId of the org
    name: str


@dataclass(frozen=True, kw_only=True)
class StudentName:
    """A student as people name them. Each distinct reading of the roster is one; all in the roster's spelling."""

    id: str  # sourcedId
    family_name: str
    given_name: str
    kana_family_name: str | None
    kana_given_name: str | None
    class_id: str | None  # the homeroom class of the asking day
    class_title: str | None
    number: int | None  # attendance number
    mine: bool  # within the asker's scope; the others of the school are known so that they can be refused


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term or semester of the roster's academicSessions."""

    title: str  # 「1学期」, 「前期」
    kind: str  # term, semester
    start: date
    end: date  # included


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What the asker may mean by a name. Naming is not asking: permission is decided where the answer is made."""

    timezone: ZoneInfo  # of the school: where its days begin and end
    default: Scope  # who is meant when nobody is named; without ids: nobody, always refused
    homerooms: tuple[str, ...] = ()  # ids of the asker's own homeroom classes
    classes: tuple[ClassName, ...] = ()  # of the schools the asker belongs to
    grades: tuple[GradeName, ...] = ()
    own_schools: tuple[str, ...] = ()  # ids meant by 学校全体
    schools: tuple[PlaceName, ...] = ()  # own and neighbouring
    districts: tuple[PlaceName, ...] = ()  # meant by 市全体
    students: tuple[StudentName, ...] = ()  # of the asker's schools; empty for boards and families
    terms: tuple[Term, ...] = ()  # in the order of their start
    subjects: tuple[str, ...] = ()  # as the classes, the study log and the tests of the asker's schools write them
    titles: tuple[str, ...] = ()  # of the tests taken there


def _question(question: Question) -> dict[str, Any]:
    condition = question.condition
    shown = {
        "metric": question.metric and question.metric.value,
        "shape": question.shape.value,
        "phase": question.phase and question.phase.value,
        "subject": question.subject,
        "scope": _scope(question.scope),
        "period": _period(question.period),
        "condition": condition and {"op": condition.op.value, "value": condition.value},
        "compare": [_side(side) for side in question.compare] or None,
        "group_by": question.group_by and question.group_by.value,
        "order": question.order and question.order.value,
        "limit": question.limit,
    }
    return shown if question.title is None else {**shown, "title": question.title}


def _row(row: AnswerRow) -> dict[str, Any]:
    shown = {"id": row.id, "label": row.label, "value": row.value, "n": row.n}
    if row.unit is not None:
        shown["unit"] = row.unit
    if row.reason is not None:
        shown["reason"] = row.reason.value
    return shown


def _side(side: Period | Scope) -> dict[str, Any]:
    return {"period": _period(side)} if isinstance(side, Period) else {"scope": _scope(side)}


def _scope(scope: Scope) -> dict[str, Any]:
    return {"kind": scope.kind.value, "ids": list(scope.ids), "label": scope.label}


def _scope_from(value: Mapping[str, Any]) -> Scope:
    return Scope(kind=ScopeKind(value["kind"]), ids=tuple(value["ids"]), label=value["label"])


def _period_from(value: Mapping[str, Any]) -> Period:
    start, end = date.fromisoformat(value["start"]), date.fromisoformat(value["end"])
    return Period(start=start, end=end, label=value["label"])


def _period(period: Period) -> dict[str, Any]:
    return {
        "start": period.start.isoformat(),
        "end": period.end.isoformat(),
        "label": period.label,
    }
