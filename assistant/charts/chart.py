"""What a picture shows, before anything is drawn: title, marks, scale. Pure, and without matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from assistant.charts.scale import Scale, scale_of
from assistant.messages import Words
from assistant.wording.texts import Speaker
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import (
    Answer,
    AnswerRow,
    GroupBy,
    Metric,
    Operator,
    Period,
    Question,
    Reason,
    Scope,
    Shape,
    Status,
)  # fmt: skip

MOST_STUDENTS = 20  # bars; more names than that are read as a list
MOST_BARS = 40  # of classes, schools …
MOST_WEEKDAYS = 14  # days of a trend up to which each carries its weekday
LARGEST = 1e9  # more no school counts, and it could not be written beside a bar
WRITTEN = 8  # points of a line up to which each carries its figure; beyond, the highest, the lowest and the last
MOODS = ("thunder", "rainy", "cloudy", "sunny")  # 1 to 4
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MISSING = (Metric.ANTICIPATION_RATE, Metric.REFLECTION_RATE, Metric.CHECKIN_RATE)
UNITS = {"%": "percent", "days": "days", "min": "min"}  # those written behind each figure


class Colour(StrEnum):
    """What the colour of a mark says."""

    MAIN = "main"
    OTHER = "other"  # beside the one that was named first
    SUNNY = "sunny"
    CLOUDY = "cloudy"
    RAINY = "rainy"
    THUNDER = "thunder"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point or a bar."""

    label: Words  # whom or when
    value: float | None  # None: a gap, which is not zero
    text: Words  # the figure as it is written beside, or why there is none
    under: Words  # a second line under the label: the weekday, or nothing
    colour: Colour


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One picture."""

    is_line: bool  # a line through time; otherwise horizontal bars
    title: Words
    about: Sequence[Words]  # lines under the title: difference, period with dates and n
    marks: Sequence[Mark]
    written: Sequence[int]  # the marks that carry their figure: all bars, some points
    scale: Scale
    ticks: Sequence[tuple[float, Words]]  # of a line's scale
    note: Words  # small, at the foot


def chart_of(answer: Answer, speaker: Speaker) -> Chart | None:
    """The picture of an answer; None where it would tell no more than the words: one figure, texts, fewer than two
    figures, or the same one again and again. Students beside each other are for staff alone: children are not ranked.
    """
    question = answer.question
    if answer.status is not Status.ANSWERED or question is None or question.shape in (Shape.VALUE, Shape.TEXTS):
        return None
    shape, rows = question.shape, _rows(answer, question)
    figures = [value for row in rows if (value := _figure(row)) is not None]
    if len(figures) < 2 or max(map(abs, figures)) > LARGEST:
        return None
    if shape is Shape.STUDENTS and (speaker.band != "staff" or len(set(figures)) == 1):
        return None
    percent = answer.unit == "%" or shape is Shape.OVERVIEW
    counts_moods = question.group_by is GroupBy.MOOD
    scale = scale_of(None if counts_moods else question.metric, percent, figures, from_zero=shape is not Shape.TREND)
    most = {Shape.TREND: len(rows), Shape.STUDENTS: MOST_STUDENTS}.get(shape, MOST_BARS)
    marks = [_mark(answer, question, index, row, speaker) for index, row in enumerate(rows[:most])]
    is_gappy = any(mark.value is None for mark in marks)
    return Chart(
        is_line=shape is Shape.TREND,
        title=_title(question, speaker),
        about=_about(answer, question, len(marks), len(rows), speaker),
        marks=marks,
        written=_written(marks) if shape is Shape.TREND else range(len(marks)),
        scale=scale,
        ticks=[(at, _tick(at, question, percent, speaker)) for at in scale.ticks],
        note=speaker.say("charts.gaps") if is_gappy and shape is Shape.TREND else Words(),
    )


def alt_of(chart: Chart, speaker: Speaker) -> Words:
    """The picture in words: of many points, the figures of those that carry them."""
    comma, full_stop = ("、", "。") if speaker.language == "ja" else (", ", ". ")
    told = chart.marks if len(chart.marks) <= MOST_BARS else [chart.marks[index] for index in chart.written]
    marks = [speaker.say("charts.alt_mark", label=mark.label, value=mark.text) for mark in told]
    return speaker.say(
        "charts.alt", title=chart.title, about=Words.join(chart.about, full_stop), marks=Words.join(marks, comma)
    )


def _written(marks: Sequence[Mark]) -> Sequence[int]:
    known = [(mark.value, index) for index, mark in enumerate(marks) if mark.value is not None]
    if len(known) <= WRITTEN:
        return [index for _, index in known]
    return sorted({max(known)[1], min(known)[1], known[-1][1]})


def _rows(answer: Answer, question: Question) -> Sequence[AnswerRow]:
    """The rows that can stand on one scale: of an overview, the rates."""
    if question.shape is not Shape.OVERVIEW:
        return answer.rows
    return [row for row in answer.rows if (row.unit or answer.unit) == "%"]


def _figure(row: AnswerRow) -> float | None:
    return float(row.value) if isinstance(row.value, int | float) and math.isfinite(row.value) else None


# --- words


def _title(question: Question, speaker: Speaker) -> Words:
    condition = question.condition
    if question.metric is None:
        metric = speaker.say("charts.overview")
    elif condition is not None and condition.op is Operator.MISSING and question.metric in MISSING:
        metric = speaker.say(f"charts.missing_{question.metric}")  # what is counted there are days without an answer
    else:
        metric = _metric_name(question.metric, speaker)
    subject = question.title or question.subject
    if subject:
        metric = speaker.say("charts.of_subject", subject=Words.own(subject), metric=metric)
    scopes = [question.scope, *(side for side in question.compare if isinstance(side, Scope))]
    scope = Words.join([Words.own(each.label) for each in scopes], "・" if speaker.language == "ja" else ", ")
    return speaker.say("charts.title", scope=scope, metric=metric)


def _about(answer: Answer, question: Question, shown: int, rows: int, speaker: Speaker) -> list[Words]:
    lines: list[Words] = []
    if question.shape is Shape.COMPARE and answer.difference is not None and len(answer.rows) == 2:
        first, second = (Words.own(row.label) for row in answer.rows)
        difference = _difference(answer.difference, answer.unit, speaker)
        lines.append(speaker.say("charts.difference", first=first, second=second, difference=difference))
    periods = [question.period, *(side for side in question.compare if isinstance(side, Period))]
    lines += [
        speaker.say("charts.period", period=period.label, dates=_dates(period.start, period.end, speaker))
        for period in periods
    ]
    condition = question.condition
    if condition is not None and condition.value is not None and condition.op is not Operator.MISSING:
        value = _with_unit(_number(condition.value), answer.unit, speaker)
        lines.append(speaker.say(f"charts.is_{condition.op.name.lower()}", value=value))
    more = [speaker.say("charts.n", n=answer.n)] if answer.n is not None and speaker.band == "staff" else []
    if shown < rows:
        more.append(speaker.say("charts.first_of", shown=shown, all=rows))
    return [*lines, *([Words.join(more, "　")] if more else [])]


def _mark(answer: Answer, question: Question, index: int, row: AnswerRow, speaker: Speaker) -> Mark:
    value = _figure(row)
    colour = Colour.OTHER if question.shape is Shape.COMPARE and index > 0 else Colour.MAIN
    if question.group_by is GroupBy.MOOD and row.id in MOODS:
        colour = Colour(row.id)
    return Mark(
        label=_label(question, row, speaker),
        under=_weekday(question, row, len(answer.rows), speaker),
        value=value,
        text=_text(answer, question, row, value, speaker),
        colour=colour,
    )


def _label(question: Question, row: AnswerRow, speaker: Speaker) -> Words:
    own = Words.own(row.label or row.id)
    match question.shape, question.group_by:
        case Shape.TREND, by:
            return _bucket(row.id, by, speaker) or own
        case Shape.BREAKDOWN, GroupBy.MOOD if row.id in MOODS:
            return speaker.say(f"charts.mood_{row.id}")
        case Shape.BREAKDOWN, GroupBy.WEEKDAY if row.id in WEEKDAYS:
            return Words.of(_listed("charts.weekdays", WEEKDAYS.index(row.id), speaker))
        case Shape.OVERVIEW, _ if row.id in list(Metric):
            return _metric_name(Metric(row.id), speaker)
        case _:
            return own


def _bucket(first_day: str, by: GroupBy | None, speaker: Speaker) -> Words | None:
    """A day, week or month under a line; None where the id is no day."""
    day = _day_of(first_day)
    if day is None:
        return None
    if by is GroupBy.MONTH:
        return Words.of(_listed("charts.months", day.month - 1, speaker))
    key = "charts.tick_week" if by is GroupBy.WEEK else "charts.tick"
    return speaker.say(key, month=_listed("charts.tick_months", day.month - 1, speaker), day=day.day)


def _weekday(question: Question, row: AnswerRow, rows: int, speaker: Speaker) -> Words:
    """Of a day in a line that is short enough."""
    day = _day_of(row.id)
    if day is None or question.shape is not Shape.TREND or question.group_by is not GroupBy.DAY or rows > MOST_WEEKDAYS:
        return Words()
    return Words.of(_listed("charts.weekdays", day.weekday(), speaker))


def _day_of(first_day: str) -> date | None:
    try:
        return date.fromisoformat(first_day)
    except ValueError:
        return None


def _text(answer: Answer, question: Question, row: AnswerRow, value: float | None, speaker: Speaker) -> Words:
    if value is None:
        return speaker.say("charts.small_group" if row.reason is Reason.SMALL_GROUP else "charts.none")
    if question.group_by is GroupBy.MOOD and row.n:
        return speaker.say("charts.share", value=_number(value), percent=round(100 * value / row.n))
    if question.metric is Metric.MOOD and question.group_by is not GroupBy.MOOD and value in (1, 2, 3, 4):
        return speaker.say(f"charts.mood_{MOODS[int(value) - 1]}")
    sign = "+" if question.metric is Metric.MOOD_CHANGE and value > 0 else ""
    return _with_unit(sign + _number(value), row.unit or answer.unit, speaker)


def _tick(at: float, question: Question, percent: bool, speaker: Speaker) -> Words:
    if question.metric is Metric.MOOD and at in (1, 2, 3, 4):
        return speaker.say(f"charts.mood_{MOODS[int(at) - 1]}")
    return _with_unit(_number(at), "%" if percent else None, speaker)


def _difference(difference: float, unit: str | None, speaker: Speaker) -> Words:
    number = _number(abs(difference))
    if unit == "%":  # the difference of two percentages is told in points
        return speaker.say("charts.unit_points", value=number)
    return _with_unit(number, unit, speaker)


def _with_unit(number: str, unit: str | None, speaker: Speaker) -> Words:
    return speaker.say(f"charts.unit_{UNITS[unit]}", value=number) if unit in UNITS else Words.of(number)


def _number(value: float) -> str:
    """At most one decimal, thousands apart, and no minus before zero."""
    return f"{round(value, 1) + 0.0:,.1f}".removesuffix(".0")


def _metric_name(metric: Metric, speaker: Speaker) -> Words:
    entry = catalogue().get(metric)
    return Words.of(entry.name[speaker.language] if entry else metric.value)


def _dates(start: date, end: date, speaker: Speaker) -> Words:
    first, last = _day(start, speaker), _day(end, speaker)
    if start == end:
        return speaker.say("charts.one_day", year=start.year, day=first)
    if start.year == end.year:
        return speaker.say("charts.dates", year=start.year, start=first, end=last)
    years = {"start_year": start.year, "end_year": end.year}
    return speaker.say("charts.dates_two_years", start=first, end=last, **years)


def _day(day: date, speaker: Speaker) -> Words:
    return speaker.say("charts.day", month=_listed("charts.months", day.month - 1, speaker), day=day.day)


def _listed(key: str, index: int, speaker: Speaker) -> str:
    """One word of a text that is a list of words."""
    return str(speaker.say(key)).split()[index]
