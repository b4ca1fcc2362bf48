"""Rates of answered check-ins, and the students whose check-ins are missing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import aliased

from knowledge.questions.asking import Asking
from knowledge.questions.model import (
    Answer,
    AnswerRow,
    Operator,
    Order,
    Phase,
    PhaseCount,
    Question,
    Reason,
)
from knowledge.records.checkins import CheckIn
from knowledge.records.checkins import Status as CheckInStatus
from knowledge.records.roster import User

SMALL_GROUP = 5  # children: smaller groups are not shown where only aggregates may be seen
REFLECTION_FROM = time(12)  # from then on an unphased "not yet" of the day is about the reflection
COMPARISONS: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.EQUAL: operator.eq,
}

answered = {phase: aliased(CheckIn, name=phase.value) for phase in Phase}


async def rate(asking: Asking) -> Answer:
    """One figure over all expected days of the scope; ``no_records`` when there is none."""
    expected = await asking.expected()
    if expected is None:
        return asking.empty(Reason.NO_RECORDS)
    columns: list[Any] = [
        func.count(),
        func.count(expected.c.student_id.distinct()),
        *(func.count(answered[phase].id) for phase in asking.entry.phases),
    ]
    days, students, *given = [*(await asking.connection.execute(_joined(asking, expected, columns))).one()]
    if not days:
        return asking.empty(Reason.NO_RECORDS)
    if asking.permit.aggregate_only and students < SMALL_GROUP:
        return asking.empty(Reason.SMALL_GROUP)
    n = days * len(given)
    return replace(
        asking.blank,
        value=_percent(sum(given), n),
        n=n,
        counts=_counts(asking.entry.phases, given, days),
        students=students,
    )


async def student_list(asking: Asking) -> Answer:
    """The students in the order asked, each with their rate, or with the number of days on which one is missing."""
    expected = await asking.expected()
    if expected is None:
        return asking.empty(Reason.NO_RECORDS)
    columns: list[Any] = [
        expected.c.student_id,
        User.family_name,
        User.given_name,
        func.min(expected.c.class_title).label("class_title"),
        func.min(expected.c.number).label("number"),
        func.coalesce(func.min(User.kana_family_name), "").label("kana_family_name"),
        func.coalesce(func.min(User.kana_given_name), "").label("kana_given_name"),
        func.count().label("days"),
        func.sum(case((_missing(asking, expected), 1), else_=0)).label("missing"),
        *(func.count(answered[phase].id).label(phase.value) for phase in asking.entry.phases),
    ]
    statement = (
        _joined(asking, expected, columns)
        .join(User, User.sourced_id == expected.c.student_id)
        .group_by(expected.c.student_id, User.family_name, User.given_name)
    )
    found = sorted((await asking.connection.execute(statement)).all(), key=_place_in_class)
    if not found:
        return asking.empty(Reason.NO_RECORDS)
    question, phases = asking.question, asking.entry.phases
    if question.condition is not None and question.condition.op is Operator.MISSING:
        rows = [_row(each, phases, each.missing) for each in found if each.missing]
        unit = "days"
    else:
        rows = [_row(each, phases, _percent(_given(each, phases), each.days * len(phases))) for each in found]
        rows = [row for row in rows if _meets(row, question)]
        unit = asking.blank.unit
    if question.order is not None:  # sorting is stable: equal figures keep the order of the register
        rows.sort(
            key=lambda row: float(row.value or 0),
            reverse=question.order is Order.DESCENDING,
        )
    days = sum(each.days for each in found)
    return replace(
        asking.blank,
        unit=unit,
        n=days * len(phases),
        rows=tuple(rows[: question.limit]),
        counts=_counts(
            asked := _asked(asking),
            [sum(getattr(each, phase.value) for each in found) for phase in asked],
            days,
        ),
        students=len(found),
    )


def _joined(asking: Asking, expected: CTE, columns: Sequence[Any]) -> Select[*tuple[Any, ...]]:
    """A select of ``columns`` over the expected days, each with the answered check-ins of that day, if any."""
    statement = select(*columns).select_from(expected)
    for phase in Phase:
        checkin = answered[phase]
        statement = statement.outerjoin(
            checkin,
            and_(
                checkin.student_id == expected.c.student_id,
                checkin.date == expected.c.day,
                checkin.phase == phase.value,
                checkin.status.in_([CheckInStatus.FINISHED, CheckInStatus.DECLINED]),
                # an imported answer may come without its time: it counts from its day on
                or_(checkin.answered_at.is_(None), checkin.answered_at <= asking.at),
            ),
        )
    return statement


def _missing(asking: Asking, expected: CTE) -> ColumnElement[bool]:
    """That an expected day lacks an answer. With no phase named: today the phase whose time it is, before either."""
    lacking = {phase: answered[phase].id.is_(None) for phase in Phase}
    if len(asking.entry.phases) == 1:
        return lacking[asking.entry.phases[0]]
    return case((expected.c.day == asking.today, lacking[_phase_of_the_hour(asking)]), else_=or_(*lacking.values()))


def _asked(asking: Asking) -> Sequence[Phase]:
    """The phases that the question was about: of who is missing today, the one whose time it is."""
    question, phases = asking.question, asking.entry.phases
    is_missing = question.condition is not None and question.condition.op is Operator.MISSING
    if is_missing and len(phases) > 1 and question.period.start == asking.today:
        return [_phase_of_the_hour(asking)]
    return phases


def _phase_of_the_hour(asking: Asking) -> Phase:
    is_morning = asking.at.astimezone(asking.timezone).time() < REFLECTION_FROM
    return Phase.ANTICIPATION if is_morning else Phase.REFLECTION


def _meets(row: AnswerRow, question: Question) -> bool:
    condition = question.condition
    if condition is None or condition.value is None:
        return True
    return COMPARISONS[condition.op](float(row.value or 0), condition.value)


def _row(each: Any, phases: Sequence[Phase], value: float) -> AnswerRow:
    return AnswerRow(
        id=each.student_id,
        label=f"{each.family_name} {each.given_name}",
        value=value,
        n=each.days * len(phases),
    )


def _place_in_class(each: Any) -> tuple[Any, ...]:
    number = float("inf") if each.number is None else each.number
    names = (
        each.kana_family_name,
        each.kana_given_name,
        each.family_name,
        each.given_name,
    )
    return each.class_title, number, *names, each.student_id


def _given(each: Any, phases: Sequence[Phase]) -> int:
    return sum(getattr(each, phase.value) for phase in phases)


def _counts(phases: Sequence[Phase], given: Sequence[int], days: int) -> tuple[PhaseCount, ...]:
    return tuple(
        PhaseCount(phase=phase, answered=count, expected=days) for phase, count in zip(phases, given, strict=True)
    )


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2)
