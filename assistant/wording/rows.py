"""The rows of an answer in words: a table with a line each, names alone, or texts; and how they are cut into pages."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.messages import Words
from assistant.wording.about import day_words, entry, row_label, separator
from assistant.wording.figures import CHILDREN, YOUNG, cell, how_many, say
from assistant.wording.texts import Speaker
from knowledge.questions.model import Answer, AnswerRow, GroupBy, Metric, Operator, Question, ScopeKind, Shape

ROWS = 20  # lines of a table on one page
NAMES = 40  # names on one page where nothing stands beside them: a whole class
PAGE = 3500  # UTF-16 units of the rows of a page; with what stands around them it stays under LINE's 5,000
AROUND = 40  # units that wording adds to a row


def rows_words(answer: Answer, question: Question, speaker: Speaker, shown: range) -> Words:
    """Those of one page."""
    if question.shape is Shape.TEXTS:
        texts = [_text(answer.rows[index], question, speaker) for index in shown]
        return Words.join([Words(), *texts], "\n\n")
    if _is_names(question):
        return Words.join([Words.own(answer.rows[index].label) for index in shown], separator(speaker))
    return Words.join([row_words(answer, question, speaker, index) for index in shown], "\n")


def row_words(answer: Answer, question: Question, speaker: Speaker, index: int) -> Words:
    """One line: whom or when it is about, the value with its unit, and of how many where that helps."""
    row = answer.rows[index]
    label = row_label(speaker, question, row, index)
    metric = Metric(row.id) if question.shape is Shape.OVERVIEW and row.id in set(Metric) else question.metric
    unit = row.unit or answer.unit
    value = cell(speaker, row, unit, metric, bound_of(question))
    one = question.shape is Shape.STUDENTS or is_one(question)
    n = Words()
    if row.value is not None and speaker.band not in YOUNG and not counts_moods(question) and not is_missing(question):
        n = how_many(speaker, row.n, unit, metric, one=one)
    return say(speaker, "row_n" if n else "row", label=label, value=value, n=n)


def _text(row: AnswerRow, question: Question, speaker: Speaker) -> Words:
    """One text under its name and date; a child knows its own name."""
    day = Words()
    if row.day is not None:
        date = day_words(speaker, question, row.day)
        weekday = entry(speaker, "weekdays_short", row.day.weekday())
        day = say(speaker, "bucket_day", day=date, weekday=weekday, month="", year="")
    phase = say(speaker, f"phase_{row.phase}") if row.phase is not None else Words.of(row.name or "")
    name = Words() if speaker.band in CHILDREN else Words.own(row.label)
    text = Words.own(row.value) if isinstance(row.value, str) else say(speaker, "none")
    return Words.join([Words.join([name, day, phase], " "), text], "\n")


def pages_of(answer: Answer) -> Sequence[range]:
    """The rows of each page: as many as fit, at least one. The same for every reader."""
    question = answer.question
    most = NAMES if question is not None and _is_names(question) else ROWS
    cuts: list[range] = []
    start = size = 0
    for index, row in enumerate(answer.rows):
        length = AROUND + len(f"{row.label}{row.value}".encode("utf-16-le")) // 2
        if index > start and (index - start >= most or size + length > PAGE):
            cuts.append(range(start, index))
            start, size = index, 0
        size += length
    return [*cuts, range(start, len(answer.rows))]


def _is_names(question: Question) -> bool:
    """Whether a list is of names alone: who is missing on one day, where each row would say one day."""
    return is_missing(question) and question.period.start == question.period.end


def is_missing(question: Question) -> bool:
    """Whether it asked who has not answered."""
    return question.condition is not None and question.condition.op is Operator.MISSING


def counts_moods(question: Question) -> bool:
    """Whether the rows are answers of each mood, not its mean."""
    return question.group_by is GroupBy.MOOD


def is_one(question: Question) -> bool:
    """Whether it is about one student, whose ``n`` is days and not student-days."""
    return question.scope.kind is ScopeKind.STUDENT and len(question.scope.ids) == 1


def bound_of(question: Question) -> float | None:
    """The figure of the condition, which no value may seem to reach by rounding."""
    return question.condition.value if question.condition is not None else None
