"""The rules behind the kinds of thresholds: pure functions over the days of one child.

A rule looks at the days up to one day, given in order and to the day's end, and finds the figures for which a child is
pointed out, or nothing. What a child keeps to themself is not in these days; that there is an answer is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import mean

from knowledge.care.kinds import Numbers
from knowledge.questions.checkin_facts import LOW_MOODS, MOODS
from knowledge.records.attendance import ABSENT, NOT_EXPECTED

LOW = max(MOODS[mood] for mood in LOW_MOODS)  # a mood as low as that is rainy or thunder
MONTH, FORTNIGHT, WEEK = timedelta(days=30), timedelta(days=14), timedelta(days=7)
FEWEST = 3  # answers that a mean to be compared needs (questions.md, mood_change)
WEEKS_BEFORE = 20  # school days before a silence: four weeks, whatever holidays lie between
FEWEST_BEFORE = 10  # of them that must be known, so that a new child is no regular writer
REFLECTIONS_BEFORE, FEWEST_REFLECTIONS = 10, 6  # with which the last ones are compared
LONG_ENOUGH = 20  # characters on average: who always wrote little did not fall silent
CLOSE = 1e-9  # what counting in binary may be off

Figure = float | str | list[str]


@dataclass(slots=True, kw_only=True)
class Day:
    """What is known of a child and a day."""

    date: date
    is_school: bool = False  # a school day of the child
    mark: str | None = None  # in the register
    visits: int = 0  # to the nurse
    is_touched: bool = False  # a check-in was at least begun
    is_answered: bool = False  # finished or declined
    is_finished: bool = False
    is_declined: bool = False
    moods: list[int] = field(default_factory=list[int])  # 1–4, those that others may see; the same of what follows
    confidences: list[int] = field(default_factory=list[int])
    length: int | None = None  # characters of the reflection; None: none, or some of it is kept to oneself

    @property
    def is_expected(self) -> bool:
        return self.is_school and self.mark not in NOT_EXPECTED


@dataclass(frozen=True, kw_only=True)
class Found:
    """That a child is to be pointed out, and why."""

    amount: float  # the higher, the further; in the unit of the kind
    figures: Mapping[str, Figure]  # for the words of the kind


Days = Sequence[Day]
Rule = Callable[[Days, date, Numbers], Found | None]


def low_mood_days(days: Days, on: date, numbers: Numbers) -> Found | None:
    return _in_a_row(_run(days, lambda day: bool(day.moods) and min(day.moods) <= LOW), numbers)


def declines(days: Days, on: date, numbers: Numbers) -> Found | None:
    return _in_a_row(_run(days, lambda day: day.is_declined and not day.is_finished), numbers)


def low_mood_share(days: Days, on: date, numbers: Numbers) -> Found | None:
    given = [min(day.moods) for day in _since(days, on, MONTH) if day.moods]
    low = sum(mood <= LOW for mood in given)
    if len(given) < numbers["answers"] or low * 100 < numbers["share"] * len(given):
        return None
    share = 100 * low / len(given)
    return Found(amount=share, figures={"answers": len(given), "low": low, "share": _short(share)})


def silence(days: Days, on: date, numbers: Numbers) -> Found | None:
    silent = _run(days, lambda day: not day.is_touched)
    if len(silent) < numbers["days"]:
        return None
    before = [day for day in days if day.is_expected and day.date < silent[0].date][-WEEKS_BEFORE:]
    answered = sum(day.is_answered for day in before)
    if len(before) < FEWEST_BEFORE or answered * 100 < numbers["share"] * len(before):
        return None
    figures: dict[str, Figure] = {"expected": len(before), "answered": answered, **_span(silent)}
    return Found(amount=len(silent), figures=figures)


def mood_fall(days: Days, on: date, numbers: Numbers) -> Found | None:
    return _fall(days, on, WEEK, lambda day: day.moods, numbers)


def confidence_fall(days: Days, on: date, numbers: Numbers) -> Found | None:
    return _fall(days, on, FORTNIGHT, lambda day: day.confidences, numbers)


def nurse_visits(days: Days, on: date, numbers: Numbers) -> Found | None:
    came = [day for day in _since(days, on, FORTNIGHT) if day.visits]
    visits = sum(day.visits for day in came)
    if visits < numbers["visits"]:
        return None
    return Found(amount=visits, figures={"visits": visits, "dates": _dates(came)})


def late_or_absent(days: Days, on: date, numbers: Numbers) -> Found | None:
    marked = [day for day in _since(days, on, FORTNIGHT) if day.mark in ("late", *ABSENT)]
    if len(marked) < numbers["times"]:
        return None
    late = sum(day.mark == "late" for day in marked)
    return Found(amount=len(marked), figures={"late": late, "absent": len(marked) - late, "dates": _dates(marked)})


def short_reflections(days: Days, on: date, numbers: Numbers) -> Found | None:
    written = [(day.date, day.length) for day in days if day.length is not None]
    last, before = int(numbers["reflections"]), REFLECTIONS_BEFORE
    lengths = [length for _, length in written]
    recent, earlier = lengths[-last:], lengths[-last - before : -last]
    if len(earlier) < FEWEST_REFLECTIONS or written[-1][0] <= on - WEEK:
        return None
    now, then = mean(recent), mean(earlier)
    if then < LONG_ENOUGH or now * 100 > numbers["share"] * then:
        return None
    figures: dict[str, Figure] = {"count": len(earlier), "before": round(then), "reflections": last, "now": round(now)}
    return Found(amount=100 - 100 * now / then, figures=figures)


RULES: Mapping[str, Rule] = {
    rule.__name__: rule
    for rule in (
        low_mood_days,
        low_mood_share,
        silence,
        mood_fall,
        confidence_fall,
        nurse_visits,
        late_or_absent,
        short_reflections,
        declines,
    )
}


def _run(days: Days, holds: Callable[[Day], bool]) -> list[Day]:
    """The expected days in a row, up to the last, of which something holds; days on which the child was not expected
    are passed over."""
    run: list[Day] = []
    for day in reversed(days):
        if day.is_expected:
            if not holds(day):
                break
            run.append(day)
    return run[::-1]


def _in_a_row(run: Days, numbers: Numbers) -> Found | None:
    return Found(amount=len(run), figures=_span(run)) if len(run) >= numbers["days"] else None


def _fall(
    days: Days, on: date, span: timedelta, answers: Callable[[Day], Sequence[int]], numbers: Numbers
) -> Found | None:
    """Mean of the answers of a span less that of the equally long one before, as ``mood_change`` of questions.md."""
    now = [answer for day in _since(days, on, span) for answer in answers(day)]
    before = [answer for day in _since(days, on - span, span) if day.date <= on - span for answer in answers(day)]
    if min(len(now), len(before)) < FEWEST:
        return None
    fall = mean(before) - mean(now)
    if fall < numbers["points"] - CLOSE:
        return None
    return Found(amount=fall, figures={"before": f"{mean(before):.1f}", "now": f"{mean(now):.1f}"})


def _since(days: Days, on: date, span: timedelta) -> list[Day]:
    """The days after ``on`` less a span."""
    return [day for day in days if day.date > on - span]


def _span(run: Days) -> dict[str, Figure]:
    return {"days": len(run), "first": run[0].date.isoformat(), "last": run[-1].date.isoformat()}


def _dates(days: Days) -> list[str]:
    return [day.date.isoformat() for day in days]


def _short(share: float) -> str:
    """With one decimal, where it is no whole percent."""
    return f"{share:.1f}".removesuffix(".0")
