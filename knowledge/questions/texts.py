"""What was written: check-ins, reflections that wait for a reply, notes by staff."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Select, select

from knowledge.questions.asking import Asking
from knowledge.questions.checkin_facts import finished, waiting
from knowledge.questions.expected import load_expected
from knowledge.questions.facts import SUBJECT, Frame, known
from knowledge.questions.figures import phases_of
from knowledge.questions.members import Key, belongs
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import Answer, AnswerRow, Metric, Order, Phase, Reason
from knowledge.records.checkins import CheckIn, shown
from knowledge.records.observations import Observation
from knowledge.records.roster import User

FIELDS = (CheckIn.goal, CheckIn.plan, CheckIn.went_well, CheckIn.difficult, CheckIn.next_step)  # in the order asked


@dataclass(frozen=True, kw_only=True)
class Written:
    """One text."""

    student_id: str
    name: str
    day: date
    phase: Phase | None
    text: str


async def texts(asking: Asking) -> Answer:
    """One row per check-in or note, its fields joined by newlines: by day, then as the register goes. What a child
    keeps to themself is read by nobody else, their family included."""
    if asking.question.metric is Metric.OBSERVATIONS:
        found = await _notes(asking)
    else:
        found = await _checkins(asking)
    if not found:
        return asking.empty(await _why_none(asking))
    roll = await asking.roll(Key.STUDENT)
    place = {person.id: number for number, person in enumerate(roll.people)}
    found.sort(key=lambda each: (each.day, place.get(each.student_id, len(place)), each.student_id))
    if asking.question.order is Order.DESCENDING:
        found.reverse()
    rows = [
        AnswerRow(id=each.student_id, label=each.name, value=each.text, day=each.day, phase=each.phase)
        for each in found
    ]
    return replace(
        asking.blank,
        unit=None,
        n=len(rows),
        rows=tuple(rows[: asking.question.limit]),
        students=len({each.student_id for each in found}),
    )


async def _checkins(asking: Asking) -> list[Written]:
    wanted = phases_of(asking) if asking.question.metric is not None else ()
    awaits = asking.question.metric is Metric.AWAITING_REPLY
    phase = wanted[0] if len(wanted) == 1 else asking.question.phase
    frame = _private(asking)
    statement = _statement(frame, phase is not None, awaits)
    parameters = {**asking.parameters, "phase": phase}
    found: list[Written] = []
    for id, family, given, day, of_phase, private, extra, *fields in await asking.connection.execute(
        statement, parameters
    ):
        kept = set[str]() if asking.permit.own else {*(private or "").split()}
        own = [value for name, value in extra.items() if name not in kept]  # of questions of the school's own
        answers: list[Any] = [*fields, *own]
        if text := "\n".join(answer for answer in answers if answer and isinstance(answer, str)):
            found.append(Written(student_id=id, name=f"{family} {given}", day=day, phase=Phase(of_phase), text=text))
    return found


async def _notes(asking: Asking) -> list[Written]:
    frame = _private(asking)
    return [
        Written(student_id=id, name=f"{family} {given}", day=day, phase=None, text=text)
        for id, family, given, day, text in await asking.connection.execute(_notes_of(frame), asking.parameters)
    ]


def _private(asking: Asking) -> Frame:
    frame = asking.frame(Key.STUDENT)
    return replace(frame, narrow=replace(frame.narrow, without_self=not asking.permit.own))


@cache
def _statement(frame: Frame, one_phase: bool, awaits: bool) -> Select[*tuple[Any, ...]]:
    frame = replace(frame, narrow=replace(frame.narrow, phase=one_phase))
    who, conditions = frame.who, finished(frame, *(["subject"] if frame.narrow.subject else []))
    if frame.narrow.subject:
        conditions.append(CheckIn.subject == SUBJECT)
    if awaits:
        conditions.append(waiting())
    who_and_when = (User.sourced_id, User.family_name, User.given_name, CheckIn.date, CheckIn.phase)
    fields = [shown(field) for field in FIELDS] if frame.narrow.without_self else FIELDS
    return (
        select(*who_and_when, CheckIn.private, CheckIn.extra, *fields)
        .select_from(who)
        .join(CheckIn, belongs(who, CheckIn.student_id, CheckIn.date))
        .join(User, User.sourced_id == CheckIn.student_id)
        .where(*conditions)
        .order_by(CheckIn.date, CheckIn.phase)
    )


@cache
def _notes_of(frame: Frame) -> Select[*tuple[Any, ...]]:
    who, conditions = frame.who, [known(Observation.recorded_at)]
    if frame.narrow.subject:
        conditions.append(Observation.subject == SUBJECT)
    return (
        select(User.sourced_id, User.family_name, User.given_name, Observation.date, Observation.text)
        .select_from(who)
        .join(Observation, belongs(who, Observation.student_id, Observation.date))
        .join(User, User.sourced_id == Observation.student_id)
        .where(*conditions)
        .order_by(Observation.recorded_at, Observation.id)
    )


async def _why_none(asking: Asking) -> Reason:
    """Nobody wrote though it was expected, there was nothing to write about, or notes never came."""
    roll = await asking.roll(Key.ALL)
    if asking.question.metric is Metric.OBSERVATIONS:
        kind = catalogue()[Metric.OBSERVATIONS].collected_as
        sent = await asking.collected(roll)
        never = roll.schools and not any((school, kind) in sent for school in roll.schools)
        return Reason.NOT_COLLECTED if never else Reason.NO_RECORDS
    if asking.question.metric is Metric.AWAITING_REPLY:
        return Reason.NO_RECORDS
    expected = await load_expected(asking, Key.ALL)
    return Reason.NOT_ANSWERED if sum(expected.days.values()) else Reason.NO_RECORDS
