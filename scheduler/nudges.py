"""The second and last word about a check-in: at the school's time, to those who were asked and have not begun."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.orm import aliased

from knowledge.questions.model import Phase
from scheduler.checkin_planner import RESTED, CheckInPlanner, Span, key_of_child
from scheduler.outbox import Outbox, State
from scheduler.schools import Times


class Nudges(CheckInPlanner):
    """Plans the nudges that are due. One that was missed for longer than the school's ``late`` is not sent."""

    kind = "nudge"

    def span(self, times: Times, phase: Phase, day: date, *, short: bool) -> Span | None:
        at = times.nudge(phase)
        if at is None:
            return None
        start = datetime.combine(day, at, self._zone)
        _, closes = times.window(phase, day, self._zone, short=short)
        return Span(start=start, until=min(start + timedelta(minutes=times.late), closes))

    def wanted(self) -> Iterable[ColumnElement[bool]]:
        prompt, later = aliased(Outbox), aliased(Outbox)
        return [
            exists().where(prompt.key == key_of_child("prompt"), prompt.state == State.SENT, prompt.done_at <= RESTED),
            # Put off to a time still to come, called just now, or not to be called at all.
            ~exists().where(later.key == key_of_child("later"), or_(later.state != State.SENT, later.done_at > RESTED)),
        ]
