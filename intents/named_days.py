"""One stretch of text that names days, and what it means on the asking day."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

from intents import days as calendar
from intents.period_words import PeriodWords, load_period_words
from intents.spans import Reader
from knowledge.questions.model import Period, Vocabulary

YEAR = 364  # days: within so many after one day, no other of that name follows
SHORTEST_MONTH = 27  # days, likewise
THIRD = 10  # days of 上旬 and 中旬; 下旬 is the rest

# groups of the patterns that say one thing
MONTHS = ("from_month", "month", "slash_month", "number_month", "kana_month")
DAYS = ("day", "slash_day", "number_day")


@dataclass(frozen=True, kw_only=True)
class NamedDays:
    """A stretch of the text that names days."""

    begin: int  # in the text; ``finish`` is not included
    finish: int
    kind: str  # as in the lists of words, or the name of the period
    latest: Callable[[date], Period | None]  # the latest one that has begun by a day; None: there is no such day
    cycle: int = 0  # days after which one of that name may follow; 0: the words name one alone, whatever the day
    exact: date | None = None  # the day meant by 2週間前から

    def moved(self, begin: int, finish: int) -> NamedDays:
        return replace(self, begin=begin, finish=finish)

    def being(self, period: Period | None, begin: int, finish: int) -> NamedDays:
        """A longer stretch that means this period whatever the day; None: there is no such day."""
        return NamedDays(begin=begin, finish=finish, kind=self.kind, latest=lambda _: period)


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """What each kind of words means, for one asker on one day."""

    words: PeriodWords
    vocabulary: Vocabulary
    today: date

    def read(self, kind: str, match: re.Match[str]) -> NamedDays | None:
        """What the words mean, by their kind or the name of their period; None when they name nothing."""
        if kind in READ:
            return READ[kind](self, match)
        start, end = calendar.NAMED[kind](self.today)
        period = Period(start=start, end=end, label=self.words.names[kind])
        return _named(match, kind, lambda _: period)

    def year(self, match: re.Match[str]) -> tuple[int, bool, str | None] | None:
        """The year that was said, whether a school year, and how to name it if it was said as a number."""
        words = self.words
        is_school = bool(match.groupdict().get("school"))
        if (era := words.value(match, "era")) is not None:
            if (number := words.value(match, "era_year")) is None:
                return None
            label = words.labels["era_year"].format(era=words.labels["eras"][era], number=number)
            return era + number, is_school, label
        if (year := words.value(match, "year")) is not None:
            return year, is_school, words.labels["year"].format(year=year)
        if (back := words.value(match, "school_back")) is not None:
            return calendar.school_year_of(self.today) - back, True, None
        if (back := words.value(match, "back")) is not None:
            return self.today.year - back, False, None
        return None

    def months(self, match: re.Match[str], by: date) -> tuple[Sequence[tuple[int, int]], str | None]:
        """Year and month that may be meant, the latest first, and how the year was said."""
        words, this = self.words, (self.today.year, self.today.month)
        if (back := words.value(match, "month_back")) is not None:
            return [_year_and_month(self.today, back)], None
        if (month := words.value(match, *MONTHS)) is None:  # 上旬, 10日から20日まで
            return [_year_and_month(by, ago) for ago in range(2)], None
        if (said := self.year(match)) is not None:
            year, is_school, label = said
            return [(year + (is_school and month < calendar.APRIL), month)], None if is_school else label
        gone = words.value(match, "gone")
        if gone is not None and gone < 1:
            return [(self.today.year - gone, month)], None
        # 29 February may be eight years back, over 2100
        return [(year, month) for year in range(by.year, by.year - 9, -1) if not gone or (year, month) < this], None

    def date(self, match: re.Match[str]) -> NamedDays | None:
        day, last = self.words.value(match, *DAYS), self.words.value(match, "last")
        weekday = self.words.value(match, "weekday")
        is_fixed = self._is_fixed(match)
        if day is None or not self._knows_month(match):
            return None

        def latest(by: date) -> Period | None:
            pairs, said = self.months(match, by)
            for year, month in pairs:
                start, end = _day(year, month, day), _day(year, month, last or day)
                if start is None or end is None or (start > by and not is_fixed):
                    continue
                if end < start or (weekday is not None and start.weekday() != weekday):
                    return None
                label = self.words.day_label(start, self.today, said)
                return Period(
                    start=start, end=end, label=days_label(self.words, start, end, self.today) if last else label
                )
            return None

        return _named(match, "date", latest, cycle=0 if is_fixed else YEAR)

    def month(self, match: re.Match[str]) -> NamedDays | None:
        third = self.words.value(match, "third")
        to = self.words.value(match, "month") if "from_month" in match.groupdict() else None
        is_fixed = self._is_fixed(match)
        if not self._knows_month(match):
            return None

        def latest(by: date) -> Period | None:
            pairs, said = self.months(match, by)
            for year, month in pairs:
                if (first := _day(year, month, 1)) is None:
                    return None
                period = self._of_month(first, third, said)
                if period.start <= by or is_fixed:
                    return self._until(period, to) if to else period
            return None

        is_month = self.words.value(match, *MONTHS) is not None
        return _named(match, "month", latest, cycle=0 if is_fixed else YEAR if is_month else SHORTEST_MONTH)

    def _is_fixed(self, match: re.Match[str]) -> bool:
        """Whether the words say the year themselves, or which month counted from today."""
        return self.year(match) is not None or self.words.value(match, "month_back", "gone") is not None

    def _knows_month(self, match: re.Match[str]) -> bool:
        """False where a month was said that is no number."""
        return self.words.value(match, *MONTHS) is not None or not any(map(match.groupdict().get, MONTHS))

    def _of_month(self, first: date, third: int | None, said: str | None = None) -> Period:
        """The month that begins on ``first``, or a third of it."""
        start, end = calendar.month(first)
        if third is not None:
            start = calendar.before(start, -THIRD * third)
            end = calendar.before(start, 1 - THIRD) if third < 2 else end
        return Period(start=start, end=end, label=self.words.month_label(first, self.today, said, third))

    def _until(self, period: Period, month: int) -> Period | None:
        """From a month to the next one of that number: 4〜6月."""
        if not 1 <= month <= 12:
            return None
        year = period.start.year + (month < period.start.month)
        last = self._of_month(date(year, month, 1), None)
        label = self.words.labels["range"].format(first=period.label, last=last.label)
        return Period(start=period.start, end=last.end, label=label)

    def weekday(self, match: re.Match[str]) -> NamedDays:
        weekday, ago = self.words.value(match, "weekday", "kana_weekday"), self.words.value(match, "week")

        def latest(by: date) -> Period:
            day = calendar.before(by, (by.weekday() - weekday) % 7)
            if ago is not None:
                day = calendar.before(calendar.week(self.today, ago)[0], -weekday)
            return Period(start=day, end=day, label=self.words.weekday_label(day, self.today))

        return _named(match, "weekday", latest, cycle=6 if ago is None else 0)

    def span(self, match: re.Match[str]) -> NamedDays | None:
        words = self.words
        number = words.value(match, "number", "days") if {"number", "days"} & match.groupdict().keys() else 1
        if not number:
            return None
        unit = words.value(match, "unit") or "day"
        start, end = calendar.recent(number, unit, self.today)
        label = words.labels["span"][unit][number > 1].format(number=number)
        period = Period(start=start, end=end, label=label)
        return _named(match, "span", lambda _: period)

    def ago(self, match: re.Match[str]) -> NamedDays | None:
        """That day; of weeks and months, the whole one so long ago. A year ago says too little."""
        number, unit = self.words.value(match, "number", "days"), self.words.value(match, "unit") or "day"
        if not number or unit == "year":
            return None
        day = (
            calendar.same_day(self.today, number)
            if unit == "month"
            else calendar.before(self.today, number * (7 if unit == "week" else 1))
        )
        start, end = {"day": (day, day), "week": calendar.week(day), "month": calendar.month(day)}[unit]
        label = (
            self.words.month_label(day, self.today)
            if unit == "month"
            else days_label(self.words, start, end, self.today)
        )
        period = Period(start=start, end=end, label=label)
        return _named(match, "ago", lambda _: period, exact=day)

    def whole_year(self, match: re.Match[str]) -> NamedDays | None:
        if (said := self.year(match)) is None:
            return None
        year, is_school, label = said
        days = calendar.school_year(year) if is_school else (date(year, 1, 1), date(year, 12, 31))
        if is_school:
            label = self.words.labels["school_year"].format(year=year)
        period = Period(start=days[0], end=days[1], label=label or "")
        return _named(match, "year", lambda _: period)

    def term(self, match: re.Match[str]) -> NamedDays | None:
        words = self.words
        known = [each for term in self.vocabulary.terms if (each := _term_days(term.title, term.start, term.end))]
        if (back := words.value(match, "term_back")) is not None:
            kinds = {each.kind for each in known}
            terms = calendar.terms_about(self.today, "semester" if kinds == {"semester"} else "term", known)
            current = max(at for at, each in enumerate(terms) if each.days[0] <= self.today)
            period = self._term_period(terms[current - int(back)])
            return _named(match, "term", lambda _: period)
        kind = "semester" if "semester" in match.groupdict() else "term"
        if not (number := words.value(match, kind)):
            return None
        said = self.year(match)

        def latest(by: date) -> Period:
            about = calendar.terms_about(date(said[0], calendar.APRIL, 1) if said else by, kind, known)
            fits = [each for each in about if each.number == number]
            return self._term_period(
                [each for each in fits if (each.year == said[0] if said else each.days[0] <= by)][-1]
            )

        return _named(match, "term", latest, cycle=0 if said else YEAR)

    def _term_period(self, term: calendar.TermDays) -> Period:
        words = self.words
        usual = words.labels["term"].format(number=term.number)
        label = words.labels["semester"][term.number - 1] if term.kind == "semester" else usual
        label = words.of_year("term_of", label, term.year, calendar.school_year_of(self.today))
        return Period(start=term.days[0], end=term.days[1], label=label)


def days_label(words: PeriodWords, start: date, end: date, today: date) -> str:
    """「5月10日〜5月20日」, cut at today as the period is."""
    if start <= today:
        end = min(end, today)
    if start == end:
        return words.day_label(start, today)
    in_month = (start.year, start.month) == (end.year, end.month) == (today.year, end.month)
    first, last = words.day_label(start, today), words.day_label(end, today)
    return words.labels["range_in_month" if in_month else "range"].format(first=first, last=last, day=end.day)


READ: Mapping[str, Callable[[Pieces, re.Match[str]], NamedDays | None]] = {
    "date": Pieces.date,
    "month": Pieces.month,
    "weekday": Pieces.weekday,
    "span": Pieces.span,
    "ago": Pieces.ago,
    "year": Pieces.whole_year,
    "term": Pieces.term,
}


def _named(
    match: re.Match[str], kind: str, latest: Callable[[date], Period | None], cycle: int = 0, exact: date | None = None
) -> NamedDays:
    return NamedDays(begin=match.start(), finish=match.end(), kind=kind, latest=latest, cycle=cycle, exact=exact)


def _year_and_month(day: date, ago: int) -> tuple[int, int]:
    first, _ = calendar.month(day, ago)
    return first.year, first.month


def _day(year: int, month: int, day: int) -> date | None:
    """That day, or None when there is none."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _term_days(title: str, start: date, end: date) -> calendar.TermDays | None:
    """A term of the roster with its place in its school year; None when its title tells none."""
    if (place := _place(title)) is None:
        return None
    return calendar.TermDays(kind=place[0], number=place[1], year=calendar.school_year_of(start), days=(start, end))


@cache
def _place(title: str) -> tuple[str, int] | None:
    """「第1学期」 and Term 1 are ("term", 1), 「前期」 is ("semester", 1), in whichever language the roster says it."""
    folded = Reader(title).folded
    for language in ("ja", "en"):
        words = load_period_words(language)
        for pattern in words.patterns["term"]:
            match = pattern.search(folded)
            for kind in ("term", "semester"):
                if match and (number := words.value(match, kind)):
                    return kind, number
    return None
