"""What was recorded about children: register, study log, tests, visits to the nurse, notes, requests to talk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Select, func, literal, or_

from knowledge.questions.facts import AT, TITLE, Facts, Frame, known
from knowledge.questions.model import Metric
from knowledge.records.assessments import Assessment
from knowledge.records.attendance import ABSENT, AttendanceEntry
from knowledge.records.nurse_visits import NurseVisit
from knowledge.records.observations import Observation
from knowledge.records.study_log import StudyEntry
from knowledge.records.talk_requests import TalkRequest

SECONDS = 60.0  # of a minute
ESCAPE = "/"  # before a % or _ of a title that is looked for


def _marked(*statuses: str) -> Callable[[Frame], Select[*tuple[Any, ...]]]:
    """The register's entries with one of these marks."""

    def facts(frame: Frame) -> Select[*tuple[Any, ...]]:
        return frame.facts(
            AttendanceEntry.student_id,
            AttendanceEntry.date,
            literal(1),
            None,
            AttendanceEntry.status.in_(statuses),
        )

    return facts


def _studied(
    frame: Frame,
    numerator: Any,
    denominator: Any = None,
    *conditions: Any,
) -> Select[*tuple[Any, ...]]:
    return frame.facts(
        StudyEntry.student_id,
        StudyEntry.date,
        numerator,
        denominator,
        known(StudyEntry.started_at),
        *conditions,
        subject=StudyEntry.subject,
    )


def study_minutes(frame: Frame) -> Select[*tuple[Any, ...]]:
    return _studied(frame, func.coalesce(StudyEntry.duration_seconds, 0) / SECONDS)


def questions_answered(frame: Frame) -> Select[*tuple[Any, ...]]:
    return _studied(frame, func.coalesce(StudyEntry.answered, 0))


def correct_rate(frame: Frame) -> Select[*tuple[Any, ...]]:
    both = (StudyEntry.answered.is_not(None), StudyEntry.correct.is_not(None))
    return _studied(frame, StudyEntry.correct.expression, StudyEntry.answered.expression, *both)


def assessment_score(frame: Frame) -> Select[*tuple[Any, ...]]:
    """One row per test taken, in percent or as it is."""
    percent = 100 * Assessment.score / Assessment.max_score
    titled = [Assessment.title.icontains(TITLE, escape=ESCAPE)] if frame.narrow.title else []
    return frame.facts(
        Assessment.student_id,
        Assessment.date,
        Assessment.score.expression if frame.narrow.points else percent,
        None,
        Assessment.max_score > 0,
        *titled,
        subject=func.nullif(Assessment.subject, ""),
    )


def nurse_visits(frame: Frame) -> Select[*tuple[Any, ...]]:
    return frame.facts(NurseVisit.student_id, NurseVisit.date, literal(1), None, known(NurseVisit.visited_at))


def observations(frame: Frame) -> Select[*tuple[Any, ...]]:
    return frame.facts(
        Observation.student_id,
        Observation.date,
        literal(1),
        None,
        known(Observation.recorded_at),
        subject=Observation.subject,
    )


def talk_requests(frame: Frame) -> Select[*tuple[Any, ...]]:
    return frame.facts(
        TalkRequest.student_id,
        TalkRequest.date,
        literal(1),
        None,
        known(TalkRequest.requested_at),
        or_(TalkRequest.closed_at.is_(None), TalkRequest.closed_at > AT),
    )


FACTS: Mapping[Metric, Facts] = {
    Metric.ABSENT_DAYS: _marked(*ABSENT),
    Metric.LATE_COUNT: _marked("late"),
    Metric.EARLY_LEAVE_COUNT: _marked("early_leave"),
    Metric.STUDY_MINUTES: study_minutes,
    Metric.QUESTIONS_ANSWERED: questions_answered,
    Metric.CORRECT_RATE: correct_rate,
    Metric.ASSESSMENT_SCORE: assessment_score,
    Metric.NURSE_VISITS: nurse_visits,
    Metric.OBSERVATIONS: observations,
    Metric.TALK_REQUESTS: talk_requests,
}
