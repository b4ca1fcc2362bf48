"""What an answer showed to whom, for the audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from knowledge.questions.asking import NAMING
from knowledge.questions.compare import sides_of
from knowledge.questions.model import Answer, Metric, Question, Scope, Shape, Status
from knowledge.records.audit import Act, Entry, Kind
from knowledge.records.scope import FAMILY, Viewer

# Everything else is out of check-ins.
KINDS: Mapping[Metric, Kind] = {
    Metric.STUDY_MINUTES: Kind.STUDY,
    Metric.QUESTIONS_ANSWERED: Kind.STUDY,
    Metric.CORRECT_RATE: Kind.STUDY,
    Metric.ABSENT_DAYS: Kind.ATTENDANCE,
    Metric.LATE_COUNT: Kind.ATTENDANCE,
    Metric.EARLY_LEAVE_COUNT: Kind.ATTENDANCE,
    Metric.ATTENDANCE_RATE: Kind.ATTENDANCE,
    Metric.NURSE_VISITS: Kind.NURSE_VISITS,
    Metric.ASSESSMENT_SCORE: Kind.ASSESSMENTS,
    Metric.OBSERVATIONS: Kind.OBSERVATIONS,
    Metric.TALK_REQUESTS: Kind.TALK_REQUESTS,
}
LISTING = (Shape.STUDENTS, Shape.TEXTS)  # shapes whose rows are students
SEEN = (Status.ANSWERED, Status.EMPTY)  # that there is nothing is something to know, too


def looked(answer: Answer, viewer: Viewer, at: datetime) -> Entry | None:
    """What the audit keeps of an answer, its channel to be filled in: what staff were shown, and what anybody was
    refused. None for what children and families see of themselves, and where nothing was looked at."""
    question = answer.question
    if question is None or (answer.status in SEEN and viewer.roles <= FAMILY):
        return None
    if answer.status is not Status.REFUSED and answer.status not in SEEN:
        return None
    return Entry(
        actor_id=viewer.person_id,
        act=Act.REFUSED if answer.status is Status.REFUSED else Act.READ,
        kind=_kind(question),
        subject_ids=_children(question, answer),
        channel="",
        at=at,
        detail=_detail(question),
    )


def refused(person_id: str, at: datetime) -> Entry:
    """Somebody asked about what their roles show them nothing of, in words that name nobody they may name."""
    return Entry(actor_id=person_id, act=Act.REFUSED, kind=Kind.PERSON, channel="", at=at)


def _kind(question: Question) -> Kind:
    if question.shape is Shape.OVERVIEW:
        return Kind.PERSON
    return KINDS.get(question.metric, Kind.CHECKINS) if question.metric is not None else Kind.CHECKINS


def _children(question: Question, answer: Answer) -> list[str]:
    """Those whom the question named, and those whom the answer names."""
    ids = [id for side in sides_of(question) if side.scope.kind in NAMING for id in side.scope.ids]
    if question.shape in LISTING:
        ids += [row.id for row in answer.rows]
    return [*dict.fromkeys(ids)]


def _detail(question: Question) -> str:
    """What was asked: of classes and schools which, of children only how many, for who they are may be erased."""
    period = f"{question.period.start}/{question.period.end}"
    scopes = [_scope(side.scope) for side in sides_of(question)]
    return " ".join([question.metric or "all", question.shape, *dict.fromkeys(scopes), period])


def _scope(scope: Scope) -> str:
    return f"{scope.kind}:{len(scope.ids) if scope.kind in NAMING else '+'.join(scope.ids)}"
