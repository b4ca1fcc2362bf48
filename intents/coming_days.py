"""Days to come, as they are named: 明日, 来週の火曜, 5月29日, 月末, 6月.

Days gone by are the matter of ``periods``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from intents.days import month, school_year, school_year_of
from intents.occasion_words import OccasionWords
from knowledge.questions.model import Term

FRIDAY = 4
LONG_GONE = 180  # days: a date without a year that is longer ago is the next year's


@dataclass(frozen=True, kw_only=True)
class ComingDays:
    """A stretch of the text that names days."""

    start: int  # in the text; ``end`` is not included
    end: int
    kind: str  # as in the file of words
    first: date | None  # None: there is no such day, or only the calendar knows it
    last: date | None
    is_range: bool  # several days, of which none alone is meant
    bound: str | None = None  # from, until, by, within

    def stretched(self, start: int, end: int, bound: str) -> ComingDays:
        return replace(self, start=start, end=end, bound=bound)


@dataclass(frozen=True, kw_only=True)
class Days:
    """Reads what the words of one kind mean, for somebody who says them on one day."""

    words: OccasionWords
    terms: tuple[Term, ...]
    today: date
    earliest: date  # today, or tomorrow where the time of day has passed

    def read(self, kind: str, match: re.Match[str], since: date | None = None) -> ComingDays:
        """``since``: the day a range begins on, whose end this is."""
        found = _READ[kind](self, match, since)
        weekday = self.words.value(match, "said_weekday")
        if found is not None and weekday is not None and found[0].weekday() != weekday:
            found = None
        first, last = found if found is not None else (None, None)
        is_range = kind in _RANGES
        return ComingDays(start=match.start(), end=match.end(), kind=kind, first=first, last=last, is_range=is_range)

    def ahead(self, match: re.Match[str], since: date | None) -> _Found:
        return _one(self.today + timedelta(days=self.words.value(match, "ahead")))

    def weekday(self, match: re.Match[str], since: date | None) -> _Found:
        day = self.words.value(match, "weekday")
        day = day if day is not None else self.words.value(match, "kana_weekday")
        if (ahead := self.words.value(match, "week")) is not None:
            return _one(_monday(self.today) + timedelta(days=7 * ahead + day))
        least = since or self.earliest
        if self.words.value(match, "next"):
            least = self.today + timedelta(days=1)
        return _one(least + timedelta(days=(day - least.weekday()) % 7))

    def iso(self, match: re.Match[str], since: date | None) -> _Found:
        said = [self.words.value(match, name) for name in ("year", "slash_month", "slash_day")]
        return _one(_day(*said))

    def date(self, match: re.Match[str], since: date | None) -> _Found:
        year, number, day = (self.words.value(match, name) for name in ("year", "month", "day"))
        return self._of_year(year, number, day)

    def slash(self, match: re.Match[str], since: date | None) -> _Found:
        return self._of_year(None, self.words.value(match, "slash_month"), self.words.value(match, "slash_day"))

    def month_day(self, match: re.Match[str], since: date | None) -> _Found:
        first, _ = month(self.today, -self.words.value(match, "month_ahead"))
        return _one(_day(first.year, first.month, self.words.value(match, "day")))

    def day_alone(self, match: re.Match[str], since: date | None) -> _Found:
        least = since or self.earliest
        for ago in (0, -1, -2):
            first, _ = month(least, ago)
            day = _day(first.year, first.month, self.words.value(match, "day"))
            if day is not None and day >= least:
                return _one(day)
        return None

    def month_end(self, match: re.Match[str], since: date | None) -> _Found:
        _, last = self.month_range(match, since) or (None, None)
        return last and (last, last)

    def month_range(self, match: re.Match[str], since: date | None) -> _Found:
        if (number := self.words.value(match, "month")) is None:
            return month(self.today, -(self.words.value(match, "month_ahead") or 0))
        if not 1 <= number <= 12:
            return None
        year = self.today.year + (number < self.today.month)
        return month(date(year, number, 1))

    def in_days(self, match: re.Match[str], since: date | None) -> _Found:
        number, unit = self.words.value(match, "number"), self.words.value(match, "unit")
        if number is None:
            return None
        if unit == "month":
            first, last = month(self.today, -number)
            return _one(min(last, first + timedelta(days=self.today.day - 1)))
        day = self.today + timedelta(days=number * (7 if unit == "week" else 1))
        if (weekday := self.words.value(match, "weekday")) is not None:
            day = _monday(day) + timedelta(days=weekday)
        return _one(day)

    def week(self, match: re.Match[str], since: date | None) -> _Found:
        """Monday to Friday."""
        monday = _monday(self.today) + timedelta(days=7 * self.words.value(match, "week"))
        return monday, monday + timedelta(days=FRIDAY)

    def season(self, match: re.Match[str], since: date | None) -> _Found:
        """The last day of the term before those holidays; only the imported terms tell."""
        months = self.words.value(match, "season")
        ends = [term.end for term in self.terms if term.end >= self.today and term.end.month in months]
        if not ends and months[0] != 7:  # 2学期 ends in December, 3学期 in March
            ends = [
                term.end for term in self.terms if term.end >= self.today and term.end.month % 12 + 1 == months[0] % 13
            ]
        return _one(min(ends, default=None))

    def term(self, match: re.Match[str], since: date | None) -> _Found:
        held = [term for term in self.terms if term.kind == "term" and term.end >= self.today]
        now = min(held, key=lambda term: term.end, default=None)
        return now and (now.start, now.end)

    def term_end(self, match: re.Match[str], since: date | None) -> _Found:
        _, last = self.term(match, since) or (None, None)
        return _one(last)

    def year_end(self, match: re.Match[str], since: date | None) -> _Found:
        return _one(school_year(school_year_of(self.today))[1])

    def _of_year(self, year: int | None, number: int | None, day: int | None) -> _Found:
        if number is None or day is None:
            return None
        if year is not None:
            return _one(_day(year, number, day))
        found = _day(self.today.year, number, day)
        if found is None or (self.today - found).days > LONG_GONE:
            found = _day(self.today.year + 1, number, day)
        return _one(found)


_Found = tuple[date, date] | None
_RANGES = frozenset({"week", "month_range", "term"})
_READ: Mapping[str, Callable[[Days, re.Match[str], date | None], _Found]] = {
    "ahead": Days.ahead,
    "weekday": Days.weekday,
    "iso": Days.iso,
    "date": Days.date,
    "slash": Days.slash,
    "month_day": Days.month_day,
    "day_alone": Days.day_alone,
    "month_end": Days.month_end,
    "month_range": Days.month_range,
    "in_days": Days.in_days,
    "week": Days.week,
    "season": Days.season,
    "term": Days.term,
    "term_end": Days.term_end,
    "year_end": Days.year_end,
}


def _one(day: date | None) -> _Found:
    return None if day is None else (day, day)


def _day(year: int, number: int, day: int) -> date | None:
    try:
        return date(year, number, day)
    except ValueError:
        return None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
