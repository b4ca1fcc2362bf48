"""What a question is about, in words: who, what, when, and under which condition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from assistant.messages import Words
from assistant.wording.figures import CHILDREN, YOUNG, Kind, figure, first_of, say
from assistant.wording.texts import Speaker
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import (
    AnswerRow,
    GroupBy,
    Metric,
    Operator,
    Period,
    Question,
    Scope,
    Shape,
)

LONG_AGO = date(1900, 1, 1)  # where periods without limit begin
TRANSLATED = frozenset({GroupBy.GRADE, GroupBy.MOOD, GroupBy.WEEKDAY})  # groups whose ids are codes of ours
NAMES = frozenset({GroupBy.CLASS, GroupBy.SCHOOL})  # groups with a name of their own
DAYS_BY_DAY, DAYS_BY_WEEK = 14, 120  # questions.md: the longest period shown by day, by week


def about(
    speaker: Speaker, question: Question, unit: str | None = None, *, who: bool = True, when: bool = True
) -> Words:
    """Who, when, what, and what else was asked for, as one line. A child is told about nobody but itself.

    ``unit`` is that of the figures, where there are any: it says their scale, and whether a named test is compared in
    points or in percent.
    """
    comma = separator(speaker, "about_separator")
    scope, period, metric = scope_words(question), period_words(speaker, question), what(speaker, question, unit)
    if speaker.band in CHILDREN:
        first = [say(speaker, "own_about", period=period, metric=metric) if when else metric]
    else:
        first = [scope if who else Words(), period if when else Words(), metric]
    return Words.join([*first, *details(speaker, question, unit)], comma)


def separator(speaker: Speaker, key: str = "separator") -> str:
    """What stands between the entries of a list."""
    return str(say(speaker, key))


def scope_words(question: Question) -> Words:
    """Whom it is about, as they are called."""
    label = question.scope.label
    return Words.own(label) if label else Words()


def period_words(speaker: Speaker, question: Question, period: Period | None = None) -> Words:
    """A period with its dates, 「先週（5/4〜5/10）」; the question's own unless another is given."""
    period = period or question.period
    if period.start <= LONG_AGO:  # without limit: its first day says nothing
        return Words.of(period.label)
    start, end = (day_words(speaker, question, day) for day in (period.start, period.end))
    dates = start if period.start == period.end else say(speaker, "dates", start=start, end=end)
    return say(speaker, "period", label=period.label, dates=dates) if period.label else dates


def day_words(speaker: Speaker, question: Question, day: date) -> Words:
    """A date; with its year where the question spans several."""
    days = [side for each in _periods(question) for side in (each.start, each.end)]
    key = "day" if len({each.year for each in days}) == 1 else "day_with_year"
    return say(speaker, key, year=day.year, month=entry(speaker, "months", day.month - 1), day=day.day)


def entry(speaker: Speaker, key: str, index: int) -> str:
    """One of a list of names: months, weekdays."""
    return str(say(speaker, key)).split()[index]


def metric_name(speaker: Speaker, metric: Metric) -> Words:
    """What the reader calls it; the young have their own words."""
    if speaker.band in YOUNG and (name := first_of(speaker, f"name_{metric}")):
        return name
    return Words.of(catalogue()[metric].name[speaker.language])


def what(speaker: Speaker, question: Question, unit: str | None = None) -> Words:
    """The metric as it was asked for: of a subject, of a test, as what is missing; with its scale when figures in
    ``unit`` follow."""
    metric, condition = question.metric, question.condition
    if condition is not None and condition.op is Operator.MISSING:
        return first_of(speaker, f"missing_{metric}", "missing_any")
    if metric is None or (question.shape is Shape.TEXTS and catalogue()[metric].phases):
        phases = catalogue()[metric].phases if metric is not None else ()
        phase = phases[0] if len(phases) == 1 else question.phase
        named = f"phase_{phase}" if phase is not None else f"shape_{question.shape}"
        name = say(speaker, named)
    else:
        name = metric_name(speaker, metric)
    if question.title:
        name = say(speaker, "of_title", metric=name, title=question.title)
    if question.subject:
        name = say(speaker, "of_subject", metric=name, subject=question.subject)
    if unit is not None and speaker.band not in CHILDREN:
        name = first_of(speaker, f"scale_{unit}", metric=name) or name
    return name


def details(speaker: Speaker, question: Question, unit: str | None = None) -> list[Words]:
    """Condition, order and limit, as far as there are any."""
    condition, metric = question.condition, question.metric
    if unit is None and metric is not None:
        unit = "points" if question.title else catalogue()[metric].unit
    found: list[Words] = []
    if condition is not None and condition.value is not None:
        shown = figure(speaker, condition.value, unit, metric, kind=Kind.BARE)
        found.append(say(speaker, f"condition_{condition.op}", value=shown))
    if question.order is not None:
        by_day = question.shape is Shape.TEXTS
        names = (f"order_{question.order}_texts",) if by_day else (f"order_{question.order}_{unit}",)
        found.append(first_of(speaker, *names, f"order_{question.order}"))
    if question.limit is not None:
        key = "limit_students" if question.shape is Shape.STUDENTS else "limit_rows"
        found.append(say(speaker, key, question.limit, limit=question.limit))
    return found


def row_label(speaker: Speaker, question: Question, row: AnswerRow, index: int) -> Words:
    """What one row is about, as it reads in a table. ``index`` is its place among all rows."""
    match question.shape:
        case Shape.TREND:
            return bucket_words(speaker, question, date.fromisoformat(row.id))
        case Shape.COMPARE if index <= len(question.compare):
            return _side(speaker, question, index)
        case Shape.OVERVIEW if row.id in set(Metric):
            return metric_name(speaker, Metric(row.id))
        case Shape.BREAKDOWN if question.group_by in TRANSLATED:
            return first_of(speaker, f"{question.group_by}_{row.id}") or Words.of(row.label)
        case Shape.BREAKDOWN if question.group_by not in NAMES:
            return Words.of(row.label)  # a subject
        case _:
            return Words.own(row.label)


def bucket_words(speaker: Speaker, question: Question, day: date) -> Words:
    """A day, week or month of a trend, by its first day."""
    days = (question.period.end - question.period.start).days + 1
    derived = GroupBy.DAY if days <= DAYS_BY_DAY else GroupBy.WEEK if days <= DAYS_BY_WEEK else GroupBy.MONTH
    group = question.group_by or derived
    one_year = question.period.start.year == question.period.end.year
    return say(
        speaker,
        f"bucket_{group}" if one_year or group is not GroupBy.MONTH else "bucket_month_with_year",
        day=day_words(speaker, question, day),
        weekday=entry(speaker, "weekdays_short", day.weekday()),
        month=entry(speaker, "month_names", day.month - 1),
        year=day.year,
    )


def _side(speaker: Speaker, question: Question, index: int) -> Words:
    side = question.compare[index - 1] if index else None
    parts: list[Words] = []
    if any(isinstance(other, Scope) for other in question.compare):
        parts.append(Words.own(side.label if isinstance(side, Scope) else question.scope.label))
    if any(isinstance(other, Period) for other in question.compare):
        parts.append(period_words(speaker, question, side if isinstance(side, Period) else None))
    return Words.join(parts, " ")


def _periods(question: Question) -> Sequence[Period]:
    return [question.period, *(side for side in question.compare if isinstance(side, Period))]
