"""Answers as tables to take along: CSV that explains itself, one line per row, for a spreadsheet."""

from __future__ import annotations

from assistant.messages import Words
from assistant.wording.about import details, metric_name, row_label, separator, what
from assistant.wording.figures import first_of, say
from assistant.wording.texts import Speaker
from knowledge.exports.table import Cell, csv_file
from knowledge.questions.model import Answer, AnswerRow, GroupBy, Metric, Period, Question, Shape, Status


def csv_of(answer: Answer, speaker: Speaker) -> bytes:
    """The rows of an answered question as UTF-8 with BOM, headings in the reader's language; figures are bare numbers
    as the store has them. Each line says its metric, unit, scope and days. Without an answer, the headings alone."""
    question = answer.question
    lines: list[list[Cell]] = []
    if question is not None and answer.status is Status.ANSWERED:
        lines = [_line(answer, question, speaker, row, index) for index, row in enumerate(answer.rows)]
        total = AnswerRow(id="", label=_text(speaker, "total"), value=answer.value, n=answer.n)
        if answer.value is not None or question.shape is Shape.VALUE:
            lines.append(_line(answer, question, speaker, total, None))
        if answer.difference is not None:
            unit = str(first_of(speaker, f"csv_unit_diff_{answer.unit}")) or _unit(
                speaker, answer.unit, question.metric
            )
            row = AnswerRow(id="", label=_text(speaker, "difference"), value=answer.difference)
            lines.append(
                [
                    unit if heading == "unit" else cell
                    for heading, cell in zip(
                        _headings(question), _line(answer, question, speaker, row, None), strict=True
                    )
                ]
            )
    headings = [_text(speaker, heading) for heading in (_headings(question) if question is not None else ("label",))]
    return csv_file([headings, *lines])


def csv_name(answer: Answer) -> str:
    """A file name of what was asked and when, without anybody's name."""
    question = answer.question
    if question is None:
        return "ayumi.csv"
    period = question.period
    return f"ayumi_{question.metric or question.shape}_{question.shape}_{period.start}_{period.end}.csv"


def _headings(question: Question) -> tuple[str, ...]:
    if question.shape is Shape.TEXTS:
        return "student", "date", "phase", "text", "metric", "scope", "period", "start", "end"
    first = {Shape.STUDENTS: "student", Shape.TREND: "date"}.get(question.shape, "label")
    return first, "value", "unit", "n", "note", "metric", "scope", "period", "start", "end"


def _line(answer: Answer, question: Question, speaker: Speaker, row: AnswerRow, index: int | None) -> list[Cell]:
    """One row; without ``index`` one about all of them."""
    scope, period = question.scope, question.period
    if question.shape is Shape.COMPARE and index and index <= len(question.compare):
        side = question.compare[index - 1]
        scope, period = (scope, side) if isinstance(side, Period) else (side, period)
    metric = Metric(row.id) if question.shape is Shape.OVERVIEW and row.id in set(Metric) else question.metric
    asked = what(speaker, question) if metric is question.metric or metric is None else metric_name(speaker, metric)
    asked = Words.join([asked, *details(speaker, question, answer.unit)], separator(speaker, "about_separator"))
    if index is None:
        label = row.label
    elif question.shape is Shape.TREND:  # the first day of each stretch, as a spreadsheet can sort it
        label = row.id
    else:
        label = str(row_label(speaker, question, row, index))
    about: list[Cell] = [str(asked), scope.label, period.label, period.start.isoformat(), period.end.isoformat()]
    if question.shape is Shape.TEXTS:
        phase = str(say(speaker, f"phase_{row.phase}")) if row.phase is not None else row.name or ""
        return [row.label, row.day.isoformat() if row.day is not None else "", phase, row.value or "", *about]
    unit = _unit(speaker, "count" if question.group_by is GroupBy.MOOD else row.unit or answer.unit, metric)
    note = str(first_of(speaker, f"none_{row.reason}")) if row.reason is not None else ""
    value = "" if row.value is None else row.value
    return [label, value, unit, "" if row.n is None else row.n, note, *about]


def _unit(speaker: Speaker, unit: str | None, metric: Metric | None) -> str:
    return str(first_of(speaker, f"csv_unit_{unit}_{metric}", f"csv_unit_{unit}"))


def _text(speaker: Speaker, heading: str) -> str:
    return str(say(speaker, f"csv_{heading}"))
