"""Check-in prompts: on every school day, at the school's times, to linked students who have not begun."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from knowledge.questions.model import Phase
from scheduler.checkin_planner import CheckInPlanner, Span, key_of_child
from scheduler.outbox import Outbox
from scheduler.schools import Times


class Prompts(CheckInPlanner):
    """Plans the prompts that are due. One that was missed is still sent until its window closes."""

    kind = "prompt"

    def span(self, times: Times, phase: Phase, day: date, *, short: bool) -> Span:
        start, until = times.window(phase, day, self._zone, short=short)
        return Span(start=start, until=until)

    def wanted(self) -> Iterable[ColumnElement[bool]]:
        later = aliased(Outbox)
        return [~exists().where(later.key == key_of_child("later"))]  # the child named a time of its own
