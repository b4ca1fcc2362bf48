"""Closing school and opening it again: 「5年生は明日から金曜まで学年閉鎖（インフルエンザ）」 → whom, which days, why.

A text is about this only where its words are explained to the last: whom it names, its days (looking forward), the
closing itself and a reason. The words are data per language (``intents/data/<language>/closing.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, cast

from intents.lexicon import DATA, load_lexicon
from intents.scopes import Side, find_sides
from intents.spans import Reader
from knowledge.questions.model import ScopeKind, Vocabulary
from knowledge.yaml_data import load_yaml

LONGEST = 120  # characters; what is longer is a story
HALF_A_YEAR = timedelta(days=183)  # a date that lies further back means the one of next year
FRIDAY = 4


class Act(StrEnum):
    """What is said about a closure."""

    DECLARE = "declare"
    END = "end"
    ASK = "ask"  # whether there is school
    SAFETY = "safety"  # how the safety check stands
    WAITING = "waiting"  # who has not answered yet, whatever it was that asked
    ACTIVITY = "activity"  # what each child did
    MENU = "menu"  # the day's learning menu, of a child at home


class Trouble(StrEnum):
    """Why it cannot be taken as it was said."""

    DATE = "date"  # there is no such day
    PAST = "past"
    ORDER = "order"  # it ends before it begins
    WHOM = "whom"  # no such class or grade


@dataclass(frozen=True, kw_only=True)
class ClosingReading:
    """What a text says about a closure."""

    act: Act
    class_ids: tuple[str, ...] = ()  # of the classes named; of a grade all of them
    label: str = ""  # whom it names; "": nobody in particular
    whole_grade: bool = False  # grades are named, not classes
    school_ids: tuple[str, ...] = ()  # of the schools named
    needs: str | None = None  # class, grade: 学級閉鎖 without saying whose
    first: date | None = None  # None: no day was named
    last: date | None = None  # None: no end was named
    reason: str = ""  # as it was written
    is_remote: bool = False  # says that learning goes on at home
    is_emergency: bool = False  # 緊急モード, 安否確認 along with it: a safety check is wanted
    trouble: Trouble | None = None
    said: str = ""  # the words the trouble is about


def understand_closing(text: str, vocabulary: Vocabulary, now: datetime) -> ClosingReading | None:
    """What ``text`` says about a closure at the aware moment ``now``; None for a text about anything else."""
    if not text.strip() or len(text) > LONGEST or "\n" in text.strip():
        return None
    reader = Reader(text)
    words = _words(reader.language)
    today = now.astimezone(vocabulary.timezone).date()
    for act, pattern in words.whole.items():
        if pattern.fullmatch(reader.folded):
            return ClosingReading(act=act)
    if (found := words.activity.search(reader.folded)) is not None:
        reader.claim(found)
        sides = _sides(reader, vocabulary)
        return _named(ClosingReading(act=Act.ACTIVITY), sides) if _is_explained(reader, words) else None
    of_class, of_grade = (words.of[name].search(reader.folded) is not None for name in ("class", "grade"))
    said = {name for name in ("closing", "remote", "emergency") if reader.take(words.of[name])}
    asks = bool(reader.take(words.of["asks"]))
    if asks and reader.take(words.of["school"]):
        said.add("asked")
    ends = (bool(said) and bool(reader.take(words.of["end"]))) or bool(reader.take(words.of["reopen"]))
    if not said and not ends:
        return None
    days = _Days(reader=reader, words=words, today=today)
    first, last = days.find()
    sides = _sides(reader, vocabulary)
    reason = _reason(reader, words)
    if not _is_explained(reader, words) or ("closing" not in said and said == {"remote"} and asks):
        return None
    act = Act.ASK if asks else Act.END if ends else Act.DECLARE
    if act is Act.END and days.has_end and last is not None:  # 「明日で終わる」: the day after is the first of school
        first, last = last + timedelta(days=1), None
    needs = None if sides else "class" if of_class else "grade" if of_grade else None
    reading = ClosingReading(
        act=act,
        needs=needs,
        first=first,
        last=last,
        reason=reason,
        is_remote=bool(said & {"remote", "emergency"}),
        is_emergency="emergency" in said,
        trouble=days.trouble,
        said=days.said,
    )
    return _named(reading, sides)


def may_be_about(text: str) -> bool:
    """Whether words of closures are in the text: only then it is worth looking up the names in it."""
    if len(text) > LONGEST:
        return False
    reader = Reader(text)
    words = _words(reader.language)
    if any(pattern.fullmatch(reader.folded) for pattern in words.whole.values()):
        return True
    asks = words.of["asks"].search(reader.folded) and words.of["school"].search(reader.folded)
    said = (words.activity, *(words.of[name] for name in ("closing", "remote", "emergency", "reopen")))
    return bool(asks) or any(pattern.search(reader.folded) for pattern in said)


def understand_days(text: str, today: date) -> tuple[date, date | None] | None:
    """The days that a text names and nothing else: the first and, where it is said, the last; None for other texts."""
    reader = Reader(text)
    words = _words(reader.language)
    days = _Days(reader=reader, words=words, today=today)
    first, last = days.find()
    reader.take(words.of["school"])
    if first is None or days.trouble is not None or not _is_explained(reader, words):
        return None
    return first, last


def asks_for_menu(text: str) -> bool:
    """Whether the text asks for the day's learning menu, and nothing else."""
    reader = Reader(text)
    return _words(reader.language).whole[Act.MENU].fullmatch(reader.folded) is not None


def days_named(reader: Reader, today: date) -> date | None:
    """The day that a text names, looking forward, its words claimed; None where it names none that there is."""
    days = _Days(reader=reader, words=_words(reader.language), today=today)
    first, _ = days.find()
    return first if days.trouble is None else None


def _sides(reader: Reader, vocabulary: Vocabulary) -> list[Side]:
    return find_sides(reader, load_lexicon(reader.language), vocabulary, ())


def _named(reading: ClosingReading, sides: list[Side]) -> ClosingReading:
    """The reading with whom it names; the whole school where nobody is named, or the school is."""
    for side in sides:
        if side.outside is not None or len(side.scopes) != 1:
            return replace(reading, trouble=Trouble.WHOM, said=side.outside or side.scopes[0].label)
    schools = [side.scopes[0] for side in sides if side.scopes[0].kind is ScopeKind.SCHOOL]
    reading = replace(reading, school_ids=tuple(dict.fromkeys(id for scope in schools for id in scope.ids)))
    scopes = [side.scopes[0] for side in sides if side.scopes[0].kind in (ScopeKind.CLASS, ScopeKind.GRADE)]
    if not scopes or len({scope.kind for scope in scopes}) > 1:
        return reading
    return replace(
        reading,
        class_ids=tuple(dict.fromkeys(id for scope in scopes for id in scope.ids)),
        label="・".join(dict.fromkeys(scope.label for scope in scopes)),
        whole_grade=scopes[0].kind is ScopeKind.GRADE,
    )


@dataclass(frozen=True, kw_only=True)
class _Words:
    """One language's words."""

    of: Mapping[str, re.Pattern[str]]  # closing, remote, emergency, class, grade, asks, school, end, reopen
    whole: Mapping[Act, re.Pattern[str]]  # texts that are nothing else
    activity: re.Pattern[str]
    days: tuple[re.Pattern[str], ...]
    ago: Mapping[str, int]  # 明日 → 1
    weeks: Mapping[str, int]  # 来週 → 1
    weekdays: Mapping[str, int]
    months: Mapping[str, int]
    numerals: Mapping[str, int]
    begins: tuple[re.Pattern[str], re.Pattern[str]]  # before and behind a day: it is the first
    ends: tuple[re.Pattern[str], re.Pattern[str]]
    open: re.Pattern[str]  # without an end
    reason: re.Pattern[str]
    light: re.Pattern[str]  # says nothing by itself


@cache
def _words(language: str) -> _Words:
    data = cast("dict[str, Any]", load_yaml((DATA / language / "closing.yaml").read_text("utf-8")))
    return _Words(
        of={name: re.compile(data[name]) for name in OF},
        whole={Act(name): re.compile(pattern) for name, pattern in data["whole"].items()},
        activity=re.compile(data["activity"]),
        days=tuple(re.compile(pattern) for pattern in data["days"]),
        ago=data["ago"],
        weeks=data["weeks"],
        weekdays=data["weekdays"],
        months=data["months"],
        numerals=data["numerals"],
        begins=(re.compile(data["begins"]["before"] + r"\Z"), re.compile(data["begins"]["after"])),
        ends=(re.compile(data["ends"]["before"] + r"\Z"), re.compile(data["ends"]["after"])),
        open=re.compile(data["open"]),
        reason=re.compile(data["reason"]),
        light=re.compile(data["light"]),
    )


OF = ("closing", "remote", "emergency", "class", "grade", "asks", "school", "end", "reopen")


@dataclass(kw_only=True)
class _Days:
    """The days a text names, looking forward from today."""

    reader: Reader
    words: _Words
    today: date
    trouble: Trouble | None = None
    said: str = ""
    has_end: bool = False  # a day is named as the last one

    def find(self) -> tuple[date | None, date | None]:
        """First and last day; (None, None) where no day is named, no last where it is open."""
        first: date | None = None
        last: date | None = None
        single: date | None = None
        length: int | None = None
        is_open = bool(self.reader.take(self.words.open))
        for match in self._matches():
            if (count := self._count(match)) is not None:
                length = count
                self.reader.claim(match)
                continue
            days = self._read(match, first or self.today)
            if days is None:
                self.trouble, self.said = Trouble.DATE, self.reader.typed[slice(*match.span())]
                self.reader.claim(match)
                continue
            start, end = days
            if self._stands(match, self.words.ends):
                last, self.has_end = end, True
            elif self._stands(match, self.words.begins):
                first, is_open = start, is_open or last is None
            else:
                single = single or start
                first, last = first or start, end if end != start else last
            self.reader.claim(match)
        if first is None and (last is not None or length is not None):
            first = self.today
        if first is not None and length is not None:
            last = first + timedelta(days=length - 1)
        if last is None and single is not None and first == single and not is_open:
            last = first
        if self.trouble is None and first is not None:
            if first < self.today:
                self.trouble = Trouble.PAST
            elif last is not None and last < first:
                self.trouble = Trouble.ORDER
        return first, last

    def _matches(self) -> Iterator[re.Match[str]]:
        """In the order of the text, the longest where they overlap."""
        found = [match for pattern in self.words.days for match in self.reader.unclaimed(pattern) if match[0]]
        found.sort(key=lambda match: (match.start(), -match.end()))
        finish = 0
        for match in found:
            if match.start() >= finish:
                finish = match.end()
                yield match

    def _stands(self, match: re.Match[str], beside: tuple[re.Pattern[str], re.Pattern[str]]) -> bool:
        """Whether the words before or behind the day are these; they are claimed."""
        before = beside[0].search(self.reader.folded, 0, match.start())
        after = beside[1].match(self.reader.folded, match.end())
        stands = False
        for each in (before, after):
            if each is not None and each[0]:
                self.reader.claim(each)
                stands = True
        return stands

    def _count(self, match: re.Match[str]) -> int | None:
        """How many days 3日間 and 2週間 are."""
        said = match.groupdict()
        number = self._number(said.get("count"))
        return None if number is None else number * (7 if said.get("weeks") else 1)

    def _read(self, match: re.Match[str], base: date) -> tuple[date, date] | None:
        """The first and last day that the words name, from ``base`` on; None: there is no such day."""
        said, words = match.groupdict(), self.words
        if (word := said.get("ago")) is not None:
            day = self.today + timedelta(days=words.ago[word])
            return day, day
        monday = self.today - timedelta(days=self.today.weekday())
        week = said.get("week")
        if (weekday := said.get("weekday")) is not None:
            number = words.weekdays[weekday]
            if week is not None:
                day = monday + timedelta(days=7 * words.weeks[week] + number)
            else:
                day = base + timedelta(days=(number - base.weekday()) % 7)
            return day, day
        if week is not None:
            start = monday + timedelta(days=7 * words.weeks[week])
            return max(start, self.today) if words.weeks[week] == 0 else start, start + timedelta(days=FRIDAY)
        day = self._date(said)
        return None if day is None else (day, day)

    def _date(self, said: Mapping[str, str | None]) -> date | None:
        number = self._number(said.get("day"))
        if number is None:
            return None
        month_said = said.get("month")
        month = self._number(month_said) or self.words.months.get(month_said or "")
        try:
            if month is None:
                day = self.today.replace(day=number)
                return day if day >= self.today else (day.replace(day=1) + timedelta(days=32)).replace(day=number)
            day = date(self.today.year, month, number)
            return date(self.today.year + 1, month, number) if self.today - day > HALF_A_YEAR else day
        except ValueError:
            return None

    def _number(self, said: str | None) -> int | None:
        if said is None:
            return None
        return int(said) if said.isdecimal() else self.words.numerals.get(said)


def _reason(reader: Reader, words: _Words) -> str:
    """The reason that is given in brackets or by 〜のため, claimed; "" for none."""
    for start, end in _stretches(reader):
        for match in words.reason.finditer(reader.folded, start, end):
            reader.claim(match)
            found = next(name for name, value in match.groupdict().items() if value is not None)
            return reader.typed[slice(*match.span(found))].strip()
    return ""


def _is_explained(reader: Reader, words: _Words) -> bool:
    """Whether nothing is left but words that say nothing by themselves."""
    return all(not words.light.sub("", reader.folded[start:end]).strip() for start, end in _stretches(reader))


def _stretches(reader: Reader) -> list[tuple[int, int]]:
    """The stretches of the text that nothing has explained yet."""
    found: list[tuple[int, int]] = []
    for place in range(len(reader.folded)):
        if place in reader.explained:
            continue
        if found and found[-1][1] == place:
            found[-1] = found[-1][0], place + 1
        else:
            found.append((place, place + 1))
    return found
