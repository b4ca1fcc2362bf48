"""Several metrics of one student or one class."""

from __future__ import annotations

from dataclasses import replace

from knowledge.questions.asking import NAMING, Asking
from knowledge.questions.figures import load_figures
from knowledge.questions.members import Key
from knowledge.questions.metrics import Kind, catalogue
from knowledge.questions.model import Answer, AnswerRow, GroupBy, Reason
from knowledge.questions.numbers import shown


async def overview(asking: Asking) -> Answer:
    """One row per metric that the viewer may see and that has a figure, in the order of the catalogue. With a subject,
    those that records have by subject. Empty when there is none."""
    question, rows = asking.question, list[AnswerRow]()
    roll = await asking.roll(Key.ALL)
    if not roll.groups:
        return asking.empty(Reason.NO_RECORDS)
    for metric, entry in catalogue().items():
        if not entry.in_overview or metric not in asking.permit.metrics:
            continue
        if question.subject is not None and GroupBy.SUBJECT not in entry.by:
            continue
        if entry.kind is Kind.STREAK and question.scope.kind not in NAMING:
            continue
        figures = await load_figures(asking.about(metric), Key.ALL)
        figure = figures.total()
        value = shown(figures.value(figure), entry)
        if value is not None:
            name = entry.name[asking.language]
            rows.append(AnswerRow(id=metric, label=name, value=value, n=figures.n(figure), unit=entry.unit))
    if not rows:
        return asking.empty(Reason.NO_RECORDS)
    return replace(asking.blank, rows=tuple(rows), students=roll.students)
