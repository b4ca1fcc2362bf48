"""A permitted question on its way to an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import CTE
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.expected import expected_days
from knowledge.questions.metrics import MetricEntry
from knowledge.questions.model import Answer, Question, Reason, Status
from knowledge.records.scope import Permit


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What a handler needs to answer with."""

    connection: AsyncConnection
    permit: Permit
    question: Question
    entry: MetricEntry
    at: datetime  # records made later do not exist
    timezone: ZoneInfo  # whose days are meant
    blank: Answer  # what every answer to this question says: question, unit, definition

    @property
    def today(self) -> date:
        return self.at.astimezone(self.timezone).date()

    async def expected(self) -> CTE | None:
        """The expected student-days of the period, which ends today at the latest; None when there are none."""
        period = self.question.period
        return await expected_days(self.connection, self.permit, period.start, min(period.end, self.today))

    def empty(self, reason: Reason) -> Answer:
        return replace(self.blank, status=Status.EMPTY, reason=reason)
