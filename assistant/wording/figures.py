"""Figures in words: values with their units, how many they are about, differences.

What a unit, a metric or a reason is called is data: the first text there is of ``<kind>_<unit>_<metric>``,
``<kind>_<unit>``, ``unit_<unit>_<metric>``, ``unit_<unit>`` in ``assistant/texts/<language>/answers.yaml``. A text in
two halves, ``{value} day|{value} days``, is for one and for other numbers.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import lru_cache

from assistant.messages import Words
from assistant.wording.texts import Speaker, fill, keys, template
from knowledge.questions.model import AnswerRow, Metric

YOUNG = ("lower", "upper")  # readers who have not learnt percent, nor what an average is
CHILDREN = (*YOUNG, "secondary")
SUMS = ("count", "days", "min")  # units of what is added up: their ``n`` is students
SHARED_UP_TO = 10_000  # n below which a percentage with two decimals tells its numerator without doubt
ROUNDED = 0.006  # percent: what two decimals may be off by
HOUR = 60  # minutes
TENTH, HUNDREDTH = Decimal("0.1"), Decimal("0.01")


class Kind(StrEnum):
    """Where a figure stands."""

    UNIT = "unit"  # alone, with all there is to say about it
    CELL = "cell"  # in a table, where it is short
    BARE = "bare"  # in a condition: nothing but number and unit
    DIFF = "diff"  # between two figures, without a sign


def say(speaker: Speaker, key: str, count: float | None = None, /, **args: object) -> Words:
    """The text of ``answers.<key>`` for ``count`` of something. Raises ``KeyError`` as ``Speaker.say`` does."""
    one, _, others = template(speaker.language, f"answers.{key}", speaker.band).partition("|")
    return fill(others if others and count != 1 else one, args)


def first_of(speaker: Speaker, *names: str, count: float | None = None, **args: object) -> Words:
    """The first of the texts that there is; nothing where there is none."""
    name = _first(speaker.language, names)
    return say(speaker, name, count, **args) if name else Words()


def figure(
    speaker: Speaker,
    value: float | str | None,
    unit: str | None,
    metric: Metric | None = None,
    *,
    kind: Kind = Kind.UNIT,
    bound: float | None = None,
) -> Words:
    """A value with its unit; a dash for None. ``bound`` is a figure that it must not seem to reach by rounding."""
    if value is None:
        return say(speaker, "none")
    if isinstance(value, str):
        return Words.own(value)
    if unit == "min":
        names = _minutes(value, kind)
    else:
        names = (f"{kind}_{unit}_{metric}", f"{kind}_{unit}", f"unit_{unit}_{metric}", f"unit_{unit}")
    shown = number(value, unit, bound)
    if kind is Kind.BARE or speaker.band in YOUNG:  # as it was said: 60%
        shown = shown.removesuffix(".0")
    hours, minutes = divmod(_whole(value), HOUR)
    args = {
        "value": shown,
        "signed": shown if value <= 0 else f"+{shown}",
        "whole": shown if value == round(value) else say(speaker, "roughly", value=f"{_whole(value):,}"),
        "change": say(speaker, "change_up" if value > 0 else "change_down" if value < 0 else "change_none"),
        "weather": weather(speaker, value) if unit == "1-4" else "",
        "hours": hours,
        "minutes": minutes,
    }
    return first_of(speaker, *names, count=value if unit in SUMS else None, **args) or Words.of(shown)


def number(value: float, unit: str | None, bound: float | None = None) -> str:
    """The digits of a value: counts whole, minutes as they are, all else with one decimal, and with two where one
    would make it seem to be 0, 100 or ``bound`` (99.96 is not 100.0). Halves are rounded up, as schools do."""
    exact = Decimal(str(value))
    if unit in SUMS and exact == exact.to_integral_value():
        return f"{int(value):,}"
    short = exact.quantize(TENTH, ROUND_HALF_UP)
    if short != exact and short in {Decimal(0), Decimal(100), Decimal(str(bound or 0))}:
        short = exact.quantize(HUNDREDTH, ROUND_HALF_UP)
    return f"{short if short else abs(short):,}"  # never -0.0


def weather(speaker: Speaker, value: float) -> Words:
    """A mean mood as marks: the one it is, or the two it lies between."""
    marks = str(say(speaker, "weather")).split()
    short = min(max(Decimal(str(value)).quantize(TENTH, ROUND_HALF_UP), Decimal(1)), Decimal(len(marks)))
    low = int(short)
    if short == low:
        return Words.of(marks[low - 1])
    return say(speaker, "weather_between", high=marks[low], low=marks[low - 1])


def share(speaker: Speaker, value: float, unit: str | None, n: int | None, metric: Metric | None) -> Words:
    """For the young, a rate of their own as so many of so many; nothing where it is no such rate."""
    if speaker.band not in YOUNG or unit != "%" or not n or n >= SHARED_UP_TO:
        return Words()
    part = round(value * n / 100)
    if abs(100 * part / n - value) > ROUNDED:  # a mean of percentages, which is no share
        return Words()
    return first_of(speaker, f"share_{metric}", n=n, part=part)


def how_many(speaker: Speaker, n: int | None, unit: str | None, metric: Metric | None, *, one: bool) -> Words:
    """``n`` in words that fit the metric; of one student nothing where it would be the student."""
    if n is None:
        return Words()
    names = (f"one_{metric}",) if one else ()
    if not one or unit not in SUMS:
        names += (f"n_{metric}", f"n_{unit}")
    return first_of(speaker, *names, count=n, n=f"{n:,}")


def cell(speaker: Speaker, row: AnswerRow, unit: str | None, metric: Metric | None, bound: float | None) -> Words:
    """The value of one line of a table, or why there is none."""
    if row.value is None:
        return first_of(speaker, f"none_{row.reason}") or say(speaker, "none")
    if not isinstance(row.value, str) and (told := share(speaker, row.value, unit, row.n, metric)):
        return told
    return figure(speaker, row.value, unit, metric, kind=Kind.CELL, bound=bound)


def _whole(value: float) -> int:
    return int(Decimal(str(value)).quantize(Decimal(1), ROUND_HALF_UP))


def _minutes(value: float, kind: Kind) -> tuple[str, ...]:
    if kind is Kind.BARE or kind is Kind.CELL or value < HOUR:
        return (f"{kind}_min", "unit_min")
    return ("unit_min_hours",) if _whole(value) % HOUR == 0 else ("unit_min_long",)


@lru_cache(maxsize=4096)
def _first(language: str, names: tuple[str, ...]) -> str | None:
    known = keys(language)
    return next((name for name in names if f"answers.{name}" in known), None)
