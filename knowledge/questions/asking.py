"""A permitted question on its way to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.facts import Frame, Narrow
from knowledge.questions.members import Key
from knowledge.questions.metrics import MetricEntry, catalogue
from knowledge.questions.model import Answer, Metric, Period, Question, Reason, ScopeKind, Status
from knowledge.questions.record_facts import ESCAPE
from knowledge.questions.roll import ClosedClasses, Roll, SchoolDays, load_collected, load_days, load_roll
from knowledge.questions.small_groups import Hidden
from knowledge.records.scope import METRICS_OF_SUBJECTS, Permit

NAMING = (ScopeKind.STUDENT, ScopeKind.LIST)


@dataclass(kw_only=True)
class Read:
    """What was read about a scope and a period so far: an overview asks for it again and again."""

    rolls: dict[Key, Roll] = field(default_factory=dict[Key, Roll])
    days: SchoolDays | None = None
    closed: ClosedClasses = ()  # read with ``days``
    collected: frozenset[tuple[str, str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What an answer is made with."""

    connection: AsyncConnection
    permit: Permit
    question: Question
    metric: Metric
    at: datetime  # records made later do not exist
    timezone: ZoneInfo  # whose days are meant
    language: str  # of names and definitions
    blank: Answer  # what every answer to this question says: question, unit, definition
    hidden: Hidden | None = None  # from those who may see aggregates only
    points: bool = False  # scores as they are, not in percent
    read: Read = field(default_factory=Read)

    @property
    def entry(self) -> MetricEntry:
        return catalogue()[self.metric]

    @property
    def today(self) -> date:
        return self.at.astimezone(self.timezone).date()

    @property
    def start(self) -> date:
        return self.question.period.start

    @property
    def end(self) -> date:
        """The period's last day: the asking day at the latest."""
        return min(self.question.period.end, self.today)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The values of every parameter that a statement may have."""
        question = self.question
        title = question.title or ""
        for special in (ESCAPE, "%", "_"):
            title = title.replace(special, ESCAPE + special)
        return {
            "ids": [*question.scope.ids],
            "start": self.start,
            "end": self.end,
            "at": self.at,
            "whole_grade": self.permit.whole_schools,
            "subject": question.subject,
            "subjects": sorted(self.permit.subjects or ()),
            "phase": question.phase,
            "title": title,
        }

    def frame(self, key: Key) -> Frame:
        """Whose facts are looked at. What a child keeps to themself is in no figure about one child, unless the child
        asks; what a subject teacher sees is of their own subjects."""
        question, permit = self.question, self.permit
        return Frame(
            kind=question.scope.kind,
            key=key,
            narrow=Narrow(
                subject=question.subject is not None,
                subjects=permit.subjects is not None and self.metric in METRICS_OF_SUBJECTS,
                phase=question.phase is not None,
                title=question.title is not None,
                points=self.points,
                without_self=not permit.own and (key is Key.STUDENT or question.scope.kind in NAMING),
            ),
        )

    async def roll(self, key: Key) -> Roll:
        """The members of the scope by ``key``, read once."""
        key = key if key.of_members else Key.ALL
        if key not in self.read.rolls:
            self.read.rolls[key] = await load_roll(self.connection, self.question.scope.kind, key, self.parameters)
        return self.read.rolls[key]

    async def school_days(self, roll: Roll) -> SchoolDays:
        """The school days of the period, for every school and grade of the scope, whatever the roll is grouped by."""
        if self.read.days is None:
            self.read.days, self.read.closed = await load_days(self.connection, roll, self.start, self.end)
        return self.read.days

    async def collected(self, roll: Roll) -> frozenset[tuple[str, str]]:
        """(school, kind of records) of what the schools of the scope ever sent."""
        if self.read.collected is None:
            self.read.collected = await load_collected(self.connection, roll)
        return self.read.collected

    def during(self, period: Period) -> Asking:
        """The same about another period."""
        return replace(self, question=replace(self.question, period=period), read=Read())

    def about(self, metric: Metric) -> Asking:
        """The same about another metric; the members are read once for all."""
        return replace(self, metric=metric)

    def empty(self, reason: Reason) -> Answer:
        return replace(self.blank, status=Status.EMPTY, reason=reason)
