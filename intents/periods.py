"""Which days a text is about: every stretch that names some, then those that belong together made one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from intents import days as calendar
from intents.lexicon import NameWords, load_lexicon
from intents.named_days import NamedDays, Pieces, days_label
from intents.period_words import KINDS, PeriodWords, load_period_words
from intents.spans import Reader
from knowledge.questions.model import Period, Vocabulary


@dataclass(frozen=True, kw_only=True)
class FoundPeriods:
    """The days a text names; without ``periods`` and ``impossible`` it names none that are known here."""

    periods: tuple[Period, ...] = ()  # in the order of the text, each ending today at the latest or begun after today
    impossible: str | None = None  # 「2月30日」, as it was written: there is no such day
    future: bool = False  # some period begins after today


def find_periods(reader: Reader, language: str, vocabulary: Vocabulary, today: date) -> FoundPeriods:
    """The periods of the text, their words claimed; nothing is claimed where nothing certain is named.

    Words that narrow or turn a period in a way unknown here (以外, 5月末, 去年の今頃, until Friday) leave it unclaimed.
    """
    finder = _Finder(
        reader=reader,
        words=load_period_words(language),
        vocabulary=vocabulary,
        today=today,
        names=load_lexicon(language).names,
    )
    found: list[Period] = []
    for named in finder.joined():
        reader.explained.update(range(named.begin, named.finish))
        period = named.latest(today)
        if period is None:
            return FoundPeriods(impossible=reader.typed[named.begin : named.finish].strip())
        if period.start <= today:
            period = replace(period, end=min(period.end, today))
        if all((period.start, period.end) != (same.start, same.end) for same in found):  # 今日、今朝
            found.append(period)
    return FoundPeriods(periods=tuple(found), future=any(period.start > today for period in found))


def named_period(name: str, language: str, today: date) -> Period:
    """A period by its name in the lists of words (today, this_week, school_year …), until today at the latest."""
    start, end = calendar.NAMED[name](today)
    label = load_period_words(language).names[name]
    return Period(start=start, end=min(end, today) if start <= today else end, label=label)


@dataclass(frozen=True, kw_only=True)
class _Finder:
    """Finds the days that one text names, for one asker on one day."""

    reader: Reader
    words: PeriodWords
    vocabulary: Vocabulary
    today: date
    names: NameWords

    def joined(self) -> list[NamedDays]:
        """What the text names, ranges and narrowed periods made one."""
        pieces = self._pieces()
        text = self.reader.folded
        kept: list[NamedDays] = []
        finish = -1  # of the stretch before, kept or not
        at = 0
        while at < len(pieces):
            one, used = self._range(pieces, at) or self._since(pieces[at]) or (pieces[at], 1)
            at += used
            tail = self.words.tail.match(text, one.finish)
            lead = self.words.lead.search(text, 0, one.begin)
            one = one.moved(lead.start() if lead else one.begin, tail.end() if tail else one.finish)
            stands_by = finish >= 0 and self.words.narrowed.fullmatch(text, finish, one.begin)
            before = kept.pop() if stands_by and kept and kept[-1].finish == finish else None
            finish = one.finish
            if self.words.spoiled_before.search(text, 0, one.begin) or self.words.spoiled_after.match(text, finish):
                continue
            narrower = self._narrower(before, one) if before else None if stands_by else one
            if narrower:
                kept.append(narrower)
        return kept

    def _pieces(self) -> list[NamedDays]:
        """Stretches that name days by themselves, the longest where they overlap, and none in a student's name."""
        hits = [(kind, match) for kind, pattern in self._patterns() for match in self.reader.unclaimed(pattern)]
        hits.sort(key=lambda hit: (hit[1].start(), -hit[1].end()))
        pieces = Pieces(words=self.words, vocabulary=self.vocabulary, today=self.today)
        found: list[NamedDays] = []
        finish = 0
        for kind, match in hits:
            if match.start() < finish or match.start() == match.end() or self._is_name(match):
                continue
            if (piece := pieces.read(kind, match)) is not None:
                found.append(piece)
                finish = match.end()
        return found

    def _patterns(self) -> Iterator[tuple[str, re.Pattern[str]]]:
        yield from self.words.named.items()
        for kind in KINDS:
            for pattern in self.words.patterns[kind]:
                yield kind, pattern

    def _is_name(self, match: re.Match[str]) -> bool:
        """Whether it lies in a student's name (明日香), or is one with a title behind it: 五月さん."""
        said, text = self.reader.surface[slice(*match.span())], self.reader.surface
        if not said.isalpha():
            return False
        for student in self.vocabulary.students:
            for name in (student.family_name, student.given_name, student.kana_family_name, student.kana_given_name):
                if name and said in (name.lower() if said.isascii() else name):
                    if said == name and not self.names.title.match(text, match.end()):
                        continue
                    within = max(0, match.end() - len(name)), match.start() + len(name)
                    if name.lower() in text[slice(*within)]:
                        return True
        return False

    # two pieces, or one with a word beside it

    def _range(self, pieces: list[NamedDays], at: int) -> tuple[NamedDays, int] | None:
        if at + 1 == len(pieces):
            return None
        one, other = pieces[at], pieces[at + 1]
        text = self.reader.folded
        for join in self.words.ranges:
            before = join.before.search(text, 0, one.begin)
            between = join.between.fullmatch(text, one.finish, other.begin)
            after = join.after.match(text, other.finish)
            if before and between and after:
                return one.being(self._from_to(one, other), before.start(), after.end()), 2
        return None

    def _from_to(self, one: NamedDays, other: NamedDays) -> Period | None:
        """From the first to the second; None when they are the wrong way round."""
        first, last = one.latest(self.today), other.latest(self.today)
        if one.cycle and not other.cycle and last:
            first = one.latest(min(self.today, last.end))
        if first and other.cycle:
            last = other.latest(calendar.before(first.start, -min(other.cycle, one.cycle or other.cycle)))
        if not first or not last:
            return None
        start = one.exact or first.start
        reversed_in_month = (
            one.kind == other.kind == "date" and start.month == last.start.month and last.end.year > start.year
        )
        if last.start < start or last.end < start or reversed_in_month:
            return None
        label = self.words.labels["range"].format(first=first.label, last=last.label)
        if first.start == first.end and last.start == last.end:
            label = days_label(self.words, start, last.end, self.today)
        return Period(start=start, end=last.end, label=label)

    def _since(self, one: NamedDays) -> tuple[NamedDays, int] | None:
        for join in self.words.since:
            before = join.before.search(self.reader.folded, 0, one.begin)
            after = join.after.match(self.reader.folded, one.finish)
            if before and after and (after.end() - after.start() or before.end() - before.start()):
                period = one.latest(self.today)
                if period:
                    start = one.exact or period.start
                    label = self.words.day_label(start, self.today) if one.exact else period.label
                    label = self.words.labels["since"].format(label=label)
                    period = Period(start=start, end=max(self.today, period.end), label=label)
                return one.being(period, before.start(), after.end()), 1
        return None

    def _narrower(self, one: NamedDays, other: NamedDays) -> NamedDays | None:
        """Of two that stand together the one within the other; None where they do not go together.

        A weekday of more than a week would be several days: that is not known here.
        """
        first, second = one.latest(self.today), other.latest(self.today)
        if first is None or second is None:
            return (other if second is None else one).moved(one.begin, other.finish)
        if "weekday" in (one.kind, other.kind) and max((each.end - each.start).days for each in (first, second)) >= 7:
            return None
        if first.start <= second.start and second.end <= first.end:
            return other.moved(one.begin, other.finish)
        if second.start <= first.start and first.end <= second.end:
            return one.moved(one.begin, other.finish)
        return None
