"""Lists of students: those who meet a condition, or all with their figure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time

from knowledge.questions.asking import Asking
from knowledge.questions.expected import SingleDays, load_single_days
from knowledge.questions.figures import Figures, load_figures, phases_of, why_nothing
from knowledge.questions.members import Key
from knowledge.questions.metrics import Kind
from knowledge.questions.model import (
    Answer,
    AnswerRow,
    Condition,
    Operator,
    Order,
    Phase,
    PhaseCount,
    Question,
    Reason,
)
from knowledge.questions.numbers import shown

REFLECTION_FROM = time(12)  # from then on an unphased "not yet" of the day is about the reflection
COMPARISONS: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.EQUAL: operator.eq,
}


async def student_list(asking: Asking) -> Answer:
    """The students with a figure that meets the condition, in the order asked, else in that of the register."""
    condition = asking.question.condition
    if condition is not None and condition.op is Operator.MISSING:
        return await _missing(asking)
    figures = await load_figures(asking, Key.STUDENT)
    rows = _rows(asking, figures)
    if not rows:
        return replace(asking.empty(await why_nothing(asking, figures)), left_out=_left_out(figures, rows))
    entry, total = asking.entry, figures.total()
    return replace(
        asking.blank,
        n=int(total.denominator) if entry.is_ratio else figures.roll.students,
        rows=chosen(rows, asking.question),
        tied=tied(rows, asking.question),
        counts=figures.counts,
        students=figures.roll.students,
        left_out=_left_out(figures, rows),
    )


def chosen(rows: Sequence[AnswerRow], question: Question) -> tuple[AnswerRow, ...]:
    """The rows that meet the condition, in the order asked, as many as asked; rows without a value come last."""
    return tuple(_ordered(rows, question)[: question.limit])


def tied(rows: Sequence[AnswerRow], question: Question) -> int:
    """How many rows that the limit cuts off have the figure of the last one that it leaves."""
    kept, limit = _ordered(rows, question), question.limit
    if not limit or len(kept) <= limit or question.order is None:
        return 0
    return sum(row.value == kept[limit - 1].value for row in kept[limit:])


def _ordered(rows: Sequence[AnswerRow], question: Question) -> list[AnswerRow]:
    kept = [row for row in rows if question.condition is None or _meets(row, question.condition)]
    if question.order is not None:  # sorting is stable: equal figures keep the order they came in
        valued = [row for row in kept if row.value is not None]
        valued.sort(key=lambda row: float(row.value or 0), reverse=question.order is Order.DESCENDING)
        kept = valued + [row for row in kept if row.value is None]
    return kept


def _rows(asking: Asking, figures: Figures) -> list[AnswerRow]:
    entry = asking.entry
    rows: list[AnswerRow] = []
    for person in figures.roll.people:
        figure = figures.get(person.id)
        value = figures.value(figure, person.id)
        if value is None or (entry.source == "queue" and not value and asking.question.condition is None):
            continue
        rows.append(
            AnswerRow(id=person.id, label=person.name, value=shown(value, entry), n=figures.n(figure, person.id))
        )
    return rows


def _left_out(figures: Figures, rows: Sequence[AnswerRow]) -> int:
    return figures.roll.students - len(rows) if figures.entry.kind is Kind.CHANGE else 0


async def _missing(asking: Asking) -> Answer:
    """Expected students with at least one expected day without an answer; the value is the number of such days."""
    phases = phases_of(asking)
    found = await load_single_days(asking, phases)
    days = sum(len(of_student) for of_student in found.days.values())
    if not days:
        return asking.empty(Reason.NO_RECORDS)
    roll = await asking.roll(Key.STUDENT)
    rows: list[AnswerRow] = []
    for person in roll.people:
        expected = found.days.get(person.id, ())
        if missed := sum(not _answered(asking, found, person.id, day, phases) for day in expected):
            rows.append(AnswerRow(id=person.id, label=person.name, value=missed, n=len(expected) * len(phases)))
    return replace(
        asking.blank,
        unit="days",
        n=days * len(phases),
        rows=chosen(rows, replace(asking.question, condition=None)),
        counts=tuple(
            PhaseCount(phase=phase, answered=sum(what == phase for _, _, what in found.answered), expected=days)
            for phase in _asked(asking, phases)
        ),
        students=sum(bool(of_student) for of_student in found.days.values()),
    )


def _answered(asking: Asking, found: SingleDays, student: str, day: object, phases: Sequence[Phase]) -> bool:
    """Whether nothing is missing on a day. With no phase named: today the phase whose time it is, before both."""
    if len(phases) > 1 and day == asking.today:
        phases = [_phase_of_the_hour(asking)]
    return all((student, day, phase.value) in found.answered for phase in phases)


def _asked(asking: Asking, phases: Sequence[Phase]) -> Sequence[Phase]:
    """The phases that the question was about: of who is missing today, the one whose time it is."""
    if len(phases) > 1 and asking.start == asking.today:
        return [_phase_of_the_hour(asking)]
    return phases


def _phase_of_the_hour(asking: Asking) -> Phase:
    is_morning = asking.at.astimezone(asking.timezone).time() < REFLECTION_FROM
    return Phase.ANTICIPATION if is_morning else Phase.REFLECTION


def _meets(row: AnswerRow, condition: Condition) -> bool:
    if row.value is None or condition.value is None:
        return False
    return COMPARISONS[condition.op](float(row.value), condition.value)
