"""From a typed question to a typed answer: permission first, then the figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import KnowledgeError
from knowledge.questions.asking import NAMING, Asking
from knowledge.questions.compare import compare, sides_of
from knowledge.questions.groups import DAYS_BY_DAY, DAYS_BY_WEEK, TIMES, breakdown, single_value, trend
from knowledge.questions.metrics import Kind, catalogue
from knowledge.questions.model import (
    Answer,
    GroupBy,
    Metric,
    Operator,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)
from knowledge.questions.overview import overview
from knowledge.questions.points import names_one_test
from knowledge.questions.small_groups import load_hidden
from knowledge.questions.students import student_list
from knowledge.questions.texts import texts
from knowledge.records.scope import Viewer, permit_for

SHAPES: Mapping[Shape, Callable[[Asking], Awaitable[Answer]]] = {
    Shape.VALUE: single_value,
    Shape.STUDENTS: student_list,
    Shape.TREND: trend,
    Shape.BREAKDOWN: breakdown,
    Shape.OVERVIEW: overview,
    Shape.TEXTS: texts,
}
GROUP_OF_SCOPE: Mapping[ScopeKind, GroupBy] = {
    ScopeKind.DISTRICT: GroupBy.SCHOOL,
    ScopeKind.SCHOOL: GroupBy.GRADE,
    ScopeKind.GRADE: GroupBy.CLASS,
}
WIDE = (ScopeKind.GRADE, ScopeKind.SCHOOL, ScopeKind.DISTRICT)
# PostgreSQL would in time plan for days and ids it does not know, which is wrong by far for a city, and would sort on
# disk what it could hash in memory. Of one transaction.
PLAN_FOR_MANY = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('work_mem', '64MB', true),"
    " set_config('jit', 'off', true)"
)
TITLED = (Metric.ASSESSMENT_SCORE,)
WITH_TEXT = (Metric.AWAITING_REPLY, Metric.OBSERVATIONS)


class UnsupportedQuestionError(KnowledgeError):
    """The question was understood and permitted, but its parts have no meaning together (``_has_meaning``)."""

    def __init__(self, question: Question) -> None:
        super().__init__(f"no meaning in {question.metric} as {question.shape}")
        self.question = question


async def answer(
    connection: AsyncConnection,
    viewer: Viewer,
    question: Question,
    *,
    at: datetime,
    timezone: ZoneInfo,
    language: str = "ja",
) -> Answer:
    """The answer to ``question`` as of ``at``, its ``text`` left empty; ``language`` is that of names and definition.

    ``at`` is aware; the viewer was loaded for its day in ``timezone``. What the viewer may not ask about, on any side
    of a comparison, is ``refused``, whether or not there are records. The answer's question says what was answered:
    with the groups of a trend or a breakdown that was asked without them, and of a streak of many the list it is.
    Raises ``UnsupportedQuestionError`` for a permitted question without a meaning, never a figure of something else.
    """
    question = _completed(question, viewer, at.astimezone(timezone))
    sides: list[Asking] = []
    for side in sides_of(question):
        permit = await permit_for(connection, viewer, side)
        if permit is None:
            return Answer(status=Status.REFUSED, reason=Reason.NOT_PERMITTED, question=question)
        entry = catalogue().get(question.metric) if question.metric is not None else None
        hidden = None
        if permit.aggregate_only:
            hidden = await load_hidden(connection, viewer.districts, viewer.on)
            if hidden.splits_a_grade(side.scope):
                return Answer(status=Status.REFUSED, reason=Reason.NOT_PERMITTED, question=question)
        sides.append(
            Asking(
                connection=connection,
                permit=permit,
                question=side,
                metric=question.metric or Metric.CHECKIN_RATE,
                at=at,
                timezone=timezone,
                language=language,
                hidden=hidden,
                blank=Answer(
                    status=Status.ANSWERED,
                    question=question,
                    unit=entry and entry.unit,
                    definition=entry and entry.definition[language],
                ),
            )
        )
    if not _has_meaning(question):
        raise UnsupportedQuestionError(question)
    if connection.dialect.name == "postgresql" and any(side.question.scope.kind in WIDE for side in sides):
        await connection.execute(PLAN_FOR_MANY)
    if question.title is not None and await names_one_test(sides):
        sides = [replace(side, points=True, blank=replace(side.blank, unit="points")) for side in sides]
    if question.shape is Shape.COMPARE:
        return await compare(sides)
    return await SHAPES[question.shape](sides[0])


def _completed(question: Question, viewer: Viewer, now: datetime) -> Question:
    """The question with what goes without saying."""
    entry = catalogue().get(question.metric) if question.metric is not None else None
    shape, group = question.shape, question.group_by
    if shape is Shape.BREAKDOWN and group in TIMES:
        shape = Shape.TREND
    if shape is Shape.TREND and group is None:
        days = (min(question.period.end, now.date()) - question.period.start).days + 1
        group = GroupBy.DAY if days <= DAYS_BY_DAY else GroupBy.WEEK if days <= DAYS_BY_WEEK else GroupBy.MONTH
    if shape is Shape.BREAKDOWN and group is None and entry is not None:
        for_board = bool(viewer.districts) and question.scope.kind is ScopeKind.GRADE  # its classes are not shown
        by_records = next((each for each in (GroupBy.SUBJECT, GroupBy.MOOD) if each in entry.by), GroupBy.WEEKDAY)
        group = GroupBy.SCHOOL if for_board else GROUP_OF_SCOPE.get(question.scope.kind, by_records)
    if entry is not None and entry.kind is Kind.STREAK and shape is Shape.VALUE and not _names_one(question.scope):
        shape = Shape.STUDENTS
    return replace(question, shape=shape, group_by=group)


def _has_meaning(question: Question) -> bool:
    """Whether the parts of a question go together. They do not: a subject or a mood where the records have none, a
    title of anything but tests, "missing" of anything but check-ins, a condition on anything but a list or a breakdown,
    a group elsewhere than in a trend or a breakdown, a comparison without a second side, a change or a streak over
    time, a streak of many as one figure, and texts of what has none."""
    shape, condition = question.shape, question.condition
    if (shape is Shape.COMPARE) != bool(question.compare) or (question.title and question.metric not in TITLED):
        return False
    if question.metric is None or shape is Shape.OVERVIEW:
        return condition is None and shape in (Shape.OVERVIEW, Shape.TEXTS)
    entry = catalogue()[question.metric]
    if question.group_by is not None and shape not in (Shape.TREND, Shape.BREAKDOWN):
        return False
    if question.group_by in (GroupBy.SUBJECT, GroupBy.MOOD) and question.group_by not in entry.by:
        return False
    if shape is Shape.TREND and question.group_by not in TIMES:
        return False
    if shape is Shape.TEXTS:
        return condition is None and (entry.source in ("expected", "check_ins") or question.metric in WITH_TEXT)
    if question.subject is not None and GroupBy.SUBJECT not in entry.by:
        return False
    if condition is not None and condition.op is Operator.MISSING:
        return shape is Shape.STUDENTS and entry.kind is Kind.RATE and bool(entry.phases)
    if condition is not None and shape not in (Shape.STUDENTS, Shape.BREAKDOWN):
        return False
    if entry.kind is Kind.CHANGE:
        return shape is not Shape.TREND and question.group_by is not GroupBy.WEEKDAY
    if entry.kind is Kind.STREAK:
        sides = [side.scope for side in sides_of(question)]
        return shape is Shape.STUDENTS or (shape in (Shape.VALUE, Shape.COMPARE) and all(map(_names_one, sides)))
    return True


def _names_one(scope: Scope) -> bool:
    return scope.kind in NAMING and len(scope.ids) == 1
