"""From a typed question to a typed answer: permission first, then the figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import KnowledgeError
from knowledge.questions import checkin_rates
from knowledge.questions.asking import Asking
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import Answer, Metric, Question, Reason, Shape, Status
from knowledge.records.scope import Viewer, permit_for

HANDLERS: Mapping[tuple[Metric, Shape], Callable[[Asking], Awaitable[Answer]]] = {
    (metric, shape): handler
    for metric in (
        Metric.ANTICIPATION_RATE,
        Metric.REFLECTION_RATE,
        Metric.CHECKIN_RATE,
    )
    for shape, handler in (
        (Shape.VALUE, checkin_rates.rate),
        (Shape.STUDENTS, checkin_rates.student_list),
    )
}


class UnsupportedQuestionError(KnowledgeError):
    """The question was understood and permitted, but this version has no figures for it."""

    def __init__(self, question: Question) -> None:
        super().__init__(f"no figures yet for {question.metric} as {question.shape}")
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
    """The answer to ``question`` as of ``at``, its ``text`` left empty; ``language`` is that of the definition.

    ``at`` is aware; the viewer was loaded for its day in ``timezone``. What the viewer may not ask about is
    ``refused``, whether or not there are records. Raises ``UnsupportedQuestionError`` for a permitted question
    that cannot be answered, never a figure of something else.
    """
    permit = await permit_for(connection, viewer, question)
    if permit is None:
        return Answer(status=Status.REFUSED, reason=Reason.NOT_PERMITTED, question=question)
    entry = catalogue().get(question.metric) if question.metric else None
    handler = HANDLERS.get((question.metric, question.shape)) if question.metric else None
    more = question.subject or question.compare or question.group_by
    if entry is None or handler is None or more or (question.condition and question.shape is Shape.VALUE):
        raise UnsupportedQuestionError(question)
    blank = Answer(
        status=Status.ANSWERED,
        question=question,
        unit=entry.unit,
        definition=entry.definition[language],
    )
    return await handler(
        Asking(
            connection=connection,
            permit=permit,
            question=question,
            entry=entry,
            at=at,
            timezone=timezone,
            blank=blank,
        )
    )
