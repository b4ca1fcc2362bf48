"""Periods, classes or schools side by side, with the difference of the first two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from knowledge.questions.asking import Asking
from knowledge.questions.groups import single_figure
from knowledge.questions.model import Answer, AnswerRow, Period, Question, Reason, Scope, Status
from knowledge.questions.numbers import shown
from knowledge.questions.small_groups import hide_small


def sides_of(question: Question) -> list[Question]:
    """The questions that a comparison asks, its own first."""
    return [question, *(_other(question, side) for side in question.compare)]


async def compare(sides: Sequence[Asking]) -> Answer:
    """One row per side in the order asked; ``difference`` where the first two have a value. Empty when none has one."""
    asking = sides[0]
    found = [await single_figure(side) for side in sides]
    rows = [
        _row(asking.question, side.question, shown(each.value, asking.entry), each.n, each.reason)
        for side, each in zip(sides, found, strict=True)
    ]
    if all(row.value is None for row in rows):
        return asking.empty(rows[0].reason or Reason.NO_RECORDS)
    if asking.permit.aggregate_only:
        rows = hide_small(rows, [each.behind for each in found])
    first, second = found[0].value, found[1].value
    is_shown = all(row.value is not None for row in rows[:2])
    return replace(
        asking.blank,
        status=Status.ANSWERED,
        n=None,
        rows=tuple(rows),
        difference=shown(first - second, asking.entry)
        if first is not None and second is not None and is_shown
        else None,
    )


def _other(question: Question, side: Period | Scope) -> Question:
    return replace(question, period=side) if isinstance(side, Period) else replace(question, scope=side)


def _row(asked: Question, side: Question, value: float | None, n: int | None, reason: Reason | None) -> AnswerRow:
    """A row named by what tells the sides apart: whom, when, or both."""
    ids: list[str] = []
    labels: list[str] = []
    if any(isinstance(other, Scope) for other in asked.compare):
        ids.append(",".join(side.scope.ids))
        labels.append(side.scope.label)
    if any(isinstance(other, Period) for other in asked.compare):
        ids.append(f"{side.period.start.isoformat()}/{side.period.end.isoformat()}")  # an interval of ISO 8601
        labels.append(side.period.label)
    return AnswerRow(id=" ".join(ids), label=" ".join(labels), value=value, n=n, reason=reason)
