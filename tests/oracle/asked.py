"""The questions put to a generated district: every metric in every shape it has, over several scopes and periods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from knowledge.questions.model import (
    Condition,
    GroupBy,
    Metric,
    Operator,
    Order,
    Period,
    Phase,
    Question,
    Scope,
    ScopeKind,
    Shape,
)
from knowledge.records.scope import SUBJECT_METRICS
from tests.oracle.reference import RATES
from tests.oracle.world import moment

MOMENTS = (moment(date(2026, 5, 15), 10), moment(date(2026, 5, 26), 16, 30))  # a Friday before noon, a Tuesday after
PERIODS = tuple(
    Period(start=start, end=end, label=label)
    for start, end, label in (
        (date(2026, 5, 11), date(2026, 5, 15), "a week, not over on the first of the moments"),
        (date(2026, 4, 27), date(2026, 5, 8), "Golden Week"),
        (date(2026, 4, 1), date(2026, 5, 31), "the year so far"),
        (date(2026, 5, 2), date(2026, 5, 5), "days off"),
    )
)


def scope(kind: ScopeKind, *ids: str) -> Scope:
    return Scope(kind=kind, ids=ids, label="・".join(ids))


CLASS_42, CLASS_41 = scope(ScopeKind.CLASS, "c42"), scope(ScopeKind.CLASS, "c41")
GRADE_4, EAST = scope(ScopeKind.GRADE, "c41", "c42"), scope(ScopeKind.SCHOOL, "east")
SUBJECT_CLASS = scope(ScopeKind.CLASS, "m4")
GROUPS = (
    CLASS_42,
    CLASS_41,
    GRADE_4,
    EAST,
    scope(ScopeKind.CLASS, "c31"),
    scope(ScopeKind.CLASS, "c56"),
    scope(ScopeKind.CLASS, "sn"),
    SUBJECT_CLASS,
    scope(ScopeKind.CLASS, "c41", "sn"),
)
CHILDREN = tuple(scope(ScopeKind.STUDENT, id) for id in ("d1", "b4", "mover", "back", "twice", "e3"))
SOME = scope(ScopeKind.LIST, "d1", "b3", "a2", "mover")
WEST, CITY = scope(ScopeKind.SCHOOL, "west"), scope(ScopeKind.DISTRICT, "city")
WEST_GROUPS = (scope(ScopeKind.CLASS, "w41"), WEST)
BOARD_GROUPS = (CITY, EAST, WEST, GRADE_4, scope(ScopeKind.GRADE, "w41"), scope(ScopeKind.GRADE, "c31"))
BY_SUBJECT = frozenset(
    {Metric.GOAL_ACHIEVEMENT, Metric.CONFIDENCE, Metric.REFLECTION_DEPTH, Metric.STUDY_MINUTES, Metric.OBSERVATIONS}
) | {Metric.QUESTIONS_ANSWERED, Metric.CORRECT_RATE, Metric.ASSESSMENT_SCORE, Metric.AWAITING_REPLY}
OPERATORS = (Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST, Operator.EQUAL)


def questions(metric: Metric) -> Iterator[tuple[str, Question]]:
    """(asker, question) for one metric; conditions still want their figure."""
    for period in PERIODS:
        for asker, about in (
            *(("head", each) for each in (*GROUPS, *CHILDREN, SOME)),
            *(("westhead", each) for each in WEST_GROUPS),
            *(("board", each) for each in BOARD_GROUPS if metric is not Metric.STREAK),
            ("tanaka", CLASS_42),
            ("tanaka", CHILDREN[0]),
            ("d1", CHILDREN[0]),
            # a child's wish to talk is kept from guardians
            *((("mother", CHILDREN[0]),) if metric is not Metric.TALK_REQUESTS else ()),
        ):
            for asked in _about(metric, about, period):
                if asker != "board" or asked.group_by is not GroupBy.CLASS:
                    yield asker, asked
        for about in (*GROUPS, SOME):
            for asked in _lists(metric, about, period):
                yield "head", asked
        if metric in SUBJECT_METRICS:
            for asked in (*_about(metric, SUBJECT_CLASS, period), *_lists(metric, SUBJECT_CLASS, period)):
                if asked.subject in (None, "算数"):  # others are not theirs to ask about
                    yield "maths", asked
    for asked in _compared(metric):
        yield "head", asked
        if metric is not Metric.STREAK:
            yield "board", replace(asked, scope=CITY, compare=(PERIODS[1],))
            yield "board", replace(asked, scope=EAST, compare=(WEST,))


def overviews_and_texts() -> Iterator[tuple[str, Question]]:
    """(asker, question) of the shapes that are of no single metric."""
    askers = (("head", CLASS_42), ("head", CHILDREN[2]), ("tanaka", CLASS_42), ("head", scope(ScopeKind.CLASS, "sn")))
    for period in PERIODS:
        for asker, about in (*askers, ("d1", CHILDREN[0]), ("mother", CHILDREN[0]), ("westhead", WEST_GROUPS[0])):
            for shape in (Shape.OVERVIEW, Shape.TEXTS):
                yield asker, Question(metric=None, shape=shape, scope=about, period=period)
            for phase in Phase:
                yield asker, Question(metric=None, shape=Shape.TEXTS, phase=phase, scope=about, period=period)
            if asker not in ("d1", "mother"):  # the words of staff are for staff
                yield asker, Question(metric=Metric.OBSERVATIONS, shape=Shape.TEXTS, scope=about, period=period)


def _about(metric: Metric, about: Scope, period: Period) -> Iterator[Question]:
    """Value, trend and breakdown."""
    value = Question(metric=metric, shape=Shape.VALUE, scope=about, period=period)
    yield value
    if metric in BY_SUBJECT:
        yield replace(value, subject="算数")
        yield replace(value, shape=Shape.BREAKDOWN, group_by=GroupBy.SUBJECT)
    if metric is Metric.ASSESSMENT_SCORE:
        yield replace(value, title="中間")
        yield replace(value, title="中間テスト", subject="国語")
        yield replace(value, title="学力調査")
    if metric in (Metric.TALK_REQUESTS, Metric.AWAITING_REPLY) and period is PERIODS[2]:
        yield replace(value, has_period=False)
    if metric is Metric.STREAK:
        return
    if metric is Metric.MOOD_CHANGE:  # is a comparison of two spans itself
        return
    for by in (None, GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH):
        yield replace(value, shape=Shape.TREND, group_by=by)
    by_kind = {
        ScopeKind.DISTRICT: (GroupBy.SCHOOL, GroupBy.GRADE),
        ScopeKind.SCHOOL: (GroupBy.CLASS, GroupBy.GRADE),
        ScopeKind.GRADE: (GroupBy.CLASS,),
    }
    for by in (*by_kind.get(about.kind, ()), GroupBy.WEEKDAY):
        yield replace(value, shape=Shape.BREAKDOWN, group_by=by)
    if metric is Metric.MOOD:
        yield replace(value, shape=Shape.BREAKDOWN, group_by=GroupBy.MOOD)


def _lists(metric: Metric, about: Scope, period: Period) -> Iterator[Question]:
    """Lists of children: all, in order, by every operator, and those who are missing."""
    every = Question(metric=metric, shape=Shape.STUDENTS, scope=about, period=period)
    yield every
    for order in Order:
        yield replace(every, order=order)
        yield replace(every, order=order, limit=3)
    if metric in RATES:
        yield replace(every, condition=Condition(op=Operator.MISSING))
    for operator in OPERATORS:
        yield replace(every, condition=Condition(op=operator))
    yield replace(every, condition=Condition(op=Operator.AT_LEAST), order=Order.DESCENDING, limit=2)


def _compared(metric: Metric) -> Iterator[Question]:
    """Two periods, two classes, three classes, two children."""
    week = Question(metric=metric, shape=Shape.COMPARE, scope=CLASS_42, period=PERIODS[0], compare=(PERIODS[1],))
    child = replace(week, scope=CHILDREN[2])
    yield child
    yield replace(child, compare=(CHILDREN[1],))
    if metric is Metric.STREAK:  # of a class it is a list
        return
    yield week
    yield replace(week, period=PERIODS[2], compare=(PERIODS[3],))
    for others in ((CLASS_41,), (CLASS_41, scope(ScopeKind.CLASS, "sn"))):
        yield replace(week, compare=others)
        yield replace(week, period=PERIODS[2], compare=others)
