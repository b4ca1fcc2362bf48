"""One figure, and figures side by side: over time, by groups, of two sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from knowledge.questions.asking import Asking
from knowledge.questions.checkin_facts import MOODS
from knowledge.questions.figures import Figure, Figures, load_figures, why_nothing
from knowledge.questions.members import Key
from knowledge.questions.model import Answer, AnswerRow, GroupBy, Reason
from knowledge.questions.numbers import shown
from knowledge.questions.roll import grade_order, load_class_titles, load_school_names, natural
from knowledge.questions.small_groups import SMALL_GROUP, hide_small
from knowledge.questions.students import chosen

DAYS_BY_DAY, DAYS_BY_WEEK = 14, 120  # the longest period that is shown by day, by week; a longer one is by month
TIMES = (GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SCHOOL_WEEK = 5  # days
KEYS: Mapping[GroupBy, Key] = {
    GroupBy.CLASS: Key.CLASS,
    GroupBy.SCHOOL: Key.SCHOOL,
    GroupBy.GRADE: Key.GRADE,
    GroupBy.SUBJECT: Key.SUBJECT,
    GroupBy.MOOD: Key.MOOD,
    GroupBy.WEEKDAY: Key.DAY,
}


@dataclass(frozen=True, kw_only=True)
class Single:
    """The figure of a whole scope."""

    value: float | None
    n: int | None
    reason: Reason | None  # why there is no value
    figures: Figures
    behind: int  # students it is about; 0 without a value


async def single_figure(asking: Asking) -> Single:
    figures = await load_figures(asking, Key.ALL)
    figure = figures.total()
    value = figures.value(figure)
    return Single(
        value=value,
        n=None if value is None else figures.n(figure),
        reason=await why_nothing(asking, figures) if value is None else None,
        figures=figures,
        behind=0 if value is None else _behind(asking, figure, figures),
    )


async def single_value(asking: Asking) -> Answer:
    """One figure over the whole scope."""
    single = await single_figure(asking)
    if single.reason is not None:
        return asking.empty(single.reason)
    if asking.permit.aggregate_only and single.behind < SMALL_GROUP:
        return asking.empty(Reason.SMALL_GROUP)
    figures = single.figures
    return replace(
        asking.blank,
        value=shown(single.value, asking.entry),
        n=single.n,
        counts=figures.counts,
        students=figures.roll.students,
    )


async def trend(asking: Asking) -> Answer:
    """One row for each day, week or month of the period, those without data too."""
    group = asking.question.group_by or GroupBy.DAY
    buckets: dict[date, list[date]] = {}
    for offset in range((asking.end - asking.start).days + 1):
        day = asking.start + timedelta(days=offset)
        buckets.setdefault(max(_first_day(day, group), asking.start), []).append(day)
    figures = await load_figures(asking, Key.DAY)
    parts = [(first.isoformat(), first.isoformat(), figures.get(*days)) for first, days in buckets.items()]
    return await _side_by_side(asking, figures, parts)


async def breakdown(asking: Asking) -> Answer:
    """One row for each group of the scope, in the groups' own order or in the one asked."""
    group = asking.question.group_by or GroupBy.CLASS
    if group is GroupBy.MOOD:
        return await _mood_counts(asking)
    figures = await load_figures(asking, KEYS[group])
    if group is GroupBy.WEEKDAY:
        parts = _weekdays(asking, figures)
    elif group is GroupBy.SUBJECT:
        parts = [(name, name, figures.get(name)) for name in sorted(name for name in figures.of if name)]
    else:
        labels = await _labels(asking, group, figures)
        parts = [(id, label, figures.get(id)) for id, label in labels]
    given = await _side_by_side(asking, figures, parts)
    return replace(given, rows=chosen(given.rows, asking.question))


async def _side_by_side(asking: Asking, figures: Figures, parts: Iterable[tuple[str, str, Figure]]) -> Answer:
    """An answer with a row for each of (id, label, figure); empty when none has a value."""
    rows: list[AnswerRow] = []
    students: list[int] = []
    for id, label, figure in parts:
        value = figures.value(figure, id)
        uncollected = Reason.NOT_COLLECTED if value is None and figures.is_uncollected(id) else None
        n = figures.n(figure, id)
        rows.append(AnswerRow(id=id, label=label, value=shown(value, asking.entry), n=n, reason=uncollected))
        students.append(0 if value is None else _behind(asking, figure, figures, id))
    if all(row.value is None for row in rows):
        return asking.empty(await why_nothing(asking, figures))
    total = figures.total()
    return replace(
        asking.blank,
        n=figures.n(total) if asking.entry.is_ratio else figures.roll.students,
        rows=tuple(hide_small(rows, students) if asking.permit.aggregate_only else rows),
        counts=figures.counts,
        students=figures.roll.students,
    )


async def _mood_counts(asking: Asking) -> Answer:
    """How many answers each mood has; ``n`` is all of them."""
    figures = await load_figures(asking, Key.MOOD)
    total = figures.total()
    if not total.denominator:
        return asking.empty(await why_nothing(asking, figures))
    if (
        asking.permit.aggregate_only
        and max(_behind(asking, each, figures) for each in figures.of.values()) < SMALL_GROUP
    ):
        return asking.empty(Reason.SMALL_GROUP)
    n = int(total.denominator)
    rows = [AnswerRow(id=mood, label=mood, value=int(figures.get(mood).denominator), n=n) for mood in MOODS]
    return replace(asking.blank, unit="count", n=n, rows=chosen(rows, asking.question), students=figures.roll.students)


def _weekdays(asking: Asking, figures: Figures) -> list[tuple[str, str, Figure]]:
    """Monday to Friday as far as the period has them; Saturday and Sunday where something was recorded."""
    days: dict[int, list[date]] = {}
    for offset in range((asking.end - asking.start).days + 1):
        day = asking.start + timedelta(days=offset)
        days.setdefault(day.weekday(), []).append(day)
    parts = [(weekday, figures.get(*days[weekday])) for weekday in sorted(days)]
    return [
        (WEEKDAYS[weekday], WEEKDAYS[weekday], figure)
        for weekday, figure in parts
        if weekday < SCHOOL_WEEK or figure.numerator or figure.denominator
    ]


async def _labels(asking: Asking, group: GroupBy, figures: Figures) -> list[tuple[str, str]]:
    """(id, label) of the groups that have members, in their own order."""
    roll = figures.roll
    if group is GroupBy.GRADE:
        return [(grade, grade) for grade in sorted({each.grade for each in roll.groups if each.grade}, key=grade_order)]
    schools = await load_school_names(asking.connection, roll.schools)
    if group is GroupBy.SCHOOL:
        return sorted(schools.items(), key=lambda item: natural(item[1]))
    titles = await load_class_titles(asking.connection, {each.key for each in roll.groups})
    place = {each.key: (schools.get(each.school_id, ""), grade_order(each.grade)) for each in roll.groups}
    ordered = sorted(titles, key=lambda id: (*place[id], natural(titles[id])))
    return [(id, f"{place[id][0]} {titles[id]}" if len(schools) > 1 else titles[id]) for id in ordered]


def _behind(asking: Asking, figure: Figure, figures: Figures, key: str = "") -> int:
    """How many students a figure is about, as far as somebody may know: of a hidden part one."""
    question, hidden = asking.question, asking.hidden
    if hidden is not None and (
        hidden.hides(question.scope) or (key and hidden.hides_row(question.scope, question.group_by, key))
    ):
        return 1
    return figure.students if figures.entry.is_ratio or figures.entry.source == "check_ins" else figures.size(key)


def _first_day(day: date, group: GroupBy) -> date:
    match group:
        case GroupBy.MONTH:
            return day.replace(day=1)
        case GroupBy.WEEK:
            return day - timedelta(days=day.weekday())
        case _:
            return day
