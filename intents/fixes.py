"""Tap-to-fix: the questions that differ in one part from what was understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from intents.periods import named_period
from knowledge.questions.model import Metric, Operator, Question, Scope, ScopeKind, Vocabulary

PERIODS = ("today", "this_week", "last_week", "this_month")  # those offered
CLASSES = 3  # of the asker's own that are offered
METRICS: Mapping[Metric, tuple[Metric, ...]] = {
    Metric.ANTICIPATION_RATE: (Metric.REFLECTION_RATE, Metric.CHECKIN_RATE),
    Metric.REFLECTION_RATE: (Metric.ANTICIPATION_RATE, Metric.CHECKIN_RATE),
    Metric.CHECKIN_RATE: (Metric.ANTICIPATION_RATE, Metric.REFLECTION_RATE),
    Metric.MOOD: (Metric.LOW_MOOD_DAYS,),
    Metric.ABSENT_DAYS: (Metric.LATE_COUNT, Metric.EARLY_LEAVE_COUNT),
    Metric.STUDY_MINUTES: (Metric.QUESTIONS_ANSWERED,),
    Metric.CORRECT_RATE: (Metric.ASSESSMENT_SCORE,),
    Metric.ASSESSMENT_SCORE: (Metric.CORRECT_RATE,),
}  # what is said in like words


def alternatives(question: Question, vocabulary: Vocabulary, language: str, today: date) -> tuple[Question, ...]:
    """Questions to tap instead of ``question``: another of the asker's classes, another time, another figure."""
    return tuple(each for each in _all(question, vocabulary, language, today) if each != question)


def _all(question: Question, vocabulary: Vocabulary, language: str, today: date) -> Iterator[Question]:
    if question.scope.kind is ScopeKind.CLASS:
        own = [each for each in vocabulary.classes if each.id in vocabulary.default.ids]
        for each in own[:CLASSES] if len(own) > 1 or (own and own[0].id not in question.scope.ids) else ():
            yield replace(question, scope=Scope(kind=ScopeKind.CLASS, ids=(each.id,), label=each.title))
    for name in PERIODS:
        period = named_period(name, language, today)
        if (period.start, period.end) != (question.period.start, question.period.end):
            yield replace(question, period=period, has_period=True)
    is_missing = question.condition is not None and question.condition.op is Operator.MISSING
    if question.metric is not None and (question.condition is None or is_missing):
        for metric in METRICS.get(question.metric, ()):  # a threshold means nothing of another figure
            yield replace(question, metric=metric, phase=None)
