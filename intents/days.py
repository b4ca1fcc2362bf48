"""First and last days of weeks, months, terms and school years; both are included. Nothing here reads a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

Days = tuple[date, date]

APRIL = 4  # the month in which a school year begins
RECENT = 14  # days of 最近
SEASONS: Mapping[
    str, Sequence[tuple[int, int, int, int]]
] = {  # month and day of begin and end, where none was imported
    "term": ((4, 1, 8, 31), (9, 1, 12, 31), (1, 1, 3, 31)),
    "semester": ((4, 1, 9, 30), (10, 1, 3, 31)),
}


def before(day: date, days: int) -> date:
    return day - timedelta(days=days)


def week(day: date, ago: int = 0) -> Days:
    """Monday to Sunday of the week ``ago`` weeks before that of ``day``."""
    monday = before(day, day.weekday() + 7 * ago)
    return monday, before(monday, -6)


def month(day: date, ago: int = 0) -> Days:
    """The whole month ``ago`` months before that of ``day``."""
    year, index = divmod(day.year * 12 + day.month - 1 - ago, 12)
    return date(year, index + 1, 1), last_of(year, index + 1)


def last_of(year: int, number: int) -> date:
    """The last day of a month; raises ``ValueError`` when there is no such month."""
    first = date(year, number, 1)
    return before((first.replace(day=28) + timedelta(days=4)).replace(day=1), 1)


def same_day(day: date, months_ago: int) -> date:
    """That day of an earlier month, or its last day where it is shorter."""
    first, last = month(day, months_ago)
    return min(last, first + timedelta(days=day.day - 1))


def school_year_of(day: date) -> int:
    return day.year if day.month >= APRIL else day.year - 1


def school_year(year: int) -> Days:
    return date(year, APRIL, 1), date(year + 1, APRIL - 1, 31)


# by the name of the period in the lists of words
NAMED: Mapping[str, Callable[[date], Days]] = {
    "today": lambda today: (today, today),
    "yesterday": lambda today: (before(today, 1), before(today, 1)),
    "day_before_yesterday": lambda today: (before(today, 2), before(today, 2)),
    "tomorrow": lambda today: (before(today, -1), before(today, -1)),
    "day_after_tomorrow": lambda today: (before(today, -2), before(today, -2)),
    "this_week": week,
    "last_week": lambda today: week(today, 1),
    "week_before_last": lambda today: week(today, 2),
    "next_week": lambda today: week(today, -1),
    "week_after_next": lambda today: week(today, -2),
    "this_month": month,
    "last_month": lambda today: month(today, 1),
    "month_before_last": lambda today: month(today, 2),
    "next_month": lambda today: month(today, -1),
    "month_after_next": lambda today: month(today, -2),
    "recently": lambda today: (before(today, RECENT - 1), today),
    "school_year": lambda today: school_year(school_year_of(today)),
    "last_school_year": lambda today: school_year(school_year_of(today) - 1),
    "school_year_before_last": lambda today: school_year(school_year_of(today) - 2),
    "next_school_year": lambda today: school_year(school_year_of(today) + 1),
    "always": lambda today: (date(1900, 1, 1), today),
}


def recent(number: int, unit: str, today: date) -> Days:
    """``number`` days, weeks, months or years that end today."""
    if unit in ("day", "week"):
        return before(today, number * (7 if unit == "week" else 1) - 1), today
    return before(same_day(today, number * (12 if unit == "year" else 1)), -1), today


@dataclass(frozen=True, kw_only=True)
class TermDays:
    """One term or semester."""

    kind: str  # term, semester
    number: int  # 1 for the first of its school year
    year: int  # of the April in which its school year began
    days: Days


def terms_about(today: date, kind: str, known: Sequence[TermDays]) -> list[TermDays]:
    """All terms of that kind from two school years before today's to the next one, in order.

    Those of the roster where it has them, else the usual ones of Japanese schools.
    """
    kept = {(term.kind, term.year, term.number): term for term in reversed(known)}
    year = school_year_of(today)
    return [
        kept.get((kind, each, number), usual_term(kind, each, number))
        for each in range(year - 2, year + 2)
        for number in range(1, len(SEASONS[kind]) + 1)
    ]


def usual_term(kind: str, year: int, number: int) -> TermDays:
    """A term where the roster has none; raises ``IndexError`` when a year has fewer."""
    first_month, first_day, last_month, last_day = SEASONS[kind][number - 1]
    start = date(year if first_month >= APRIL else year + 1, first_month, first_day)
    end = date(year if last_month >= APRIL else year + 1, last_month, last_day)
    return TermDays(kind=kind, number=number, year=year, days=(start, end))
