"""When something is to happen, part by part: what repeats → how long → which day → what time of day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from intents.coming_days import ComingDays, Days
from intents.occasion_words import BOUNDS, OccasionWords, load_occasion_words
from intents.recurrence import WEEKDAYS, filled, first_due, until
from intents.spans import Reader
from knowledge.questions.model import Vocabulary
from knowledge.reminding import Anchor

DAILY = "FREQ=DAILY"
NOON = 12
EVENING = 5  # o'clock: 夜 begins
TAKEN = "\0"  # stands for a letter that is explained already
ON_OR_BEFORE = -366  # days: an event's 「まで」 begins when it is said


class Problem(StrEnum):
    """Why nothing can be saved as it was said. The caller asks back."""

    DAY = "day"  # no day and no rule: 毎週に送って
    DATE = "date"  # a day that does not exist: 13月, 2月30日
    TIME = "time"  # a time that does not exist: 25時
    NO_TIME = "no_time"  # neither a time nor a part of the day
    PAST = "past"
    CLASS = "class"  # no such class
    PERSON = "person"  # nobody by that name
    TEXT = "text"  # nothing to send
    EVENT = "event"  # no such event in the calendar: found by whoever resolves the anchor
    NEVER = "never"  # a rule that never occurs


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """When, as far as it was said."""

    rrule: str | None = None
    at: time | None = None
    start: date | None = None
    anchor: Anchor | None = None
    problem: Problem | None = None
    said: str = ""  # the words the problem is about
    doubtful: tuple[str, ...] = ()  # words that may mean something else: 3時
    loose: tuple[tuple[int, int], ...] = ()  # days that seem to belong to what is said: 明日は体操服です
    closes: ComingDays | None = None  # 「金曜までに」, not claimed
    is_timed: bool = False  # a rule or a time of day was said
    at_once: bool = False  # いますぐ: ``start`` and ``at`` are the minute in which it was said
    explained: frozenset[int] = frozenset()  # the letters that say it


@dataclass
class _Clock:
    start: int
    end: int
    at: time | None  # None: no such time
    is_doubtful: bool = False
    score: int = 0


@dataclass
class _Finding:
    """What was found so far, of one text."""

    reader: Reader
    words: OccasionWords
    vocabulary: Vocabulary
    now: datetime  # school local
    rule: str | None = None
    rule_span: tuple[int, int] | None = None
    part: str | None = None  # of the day, said by the rule: 毎朝
    unsure: str | None = None  # days that may come back or not: 火曜と木曜
    at: time | None = None
    start: date | None = None
    anchor: Anchor | None = None
    problem: Problem | None = None
    said: str = ""
    doubtful: list[str] = field(default_factory=list[str])
    loose: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    closes: ComingDays | None = None
    is_timed: bool = False
    at_once: bool = False
    has_clock: bool = False

    def text(self, start: int, end: int) -> str:
        return self.reader.typed[start:end]

    def unclaimed(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Occurrences in what is left, as if nothing else stood there: behind 毎朝 that is 8時, not 朝8時."""
        explained = self.reader.explained
        left = "".join(TAKEN if at in explained else letter for at, letter in enumerate(self.reader.folded))
        return pattern.finditer(left)

    def trouble(self, problem: Problem, start: int, end: int) -> None:
        """The first that is found is the one that is told."""
        if self.problem is None:
            self.problem, self.said = problem, self.text(start, end)

    def claim(self, start: int, end: int) -> None:
        self.reader.explained.update(range(start, end))


def find_occasion(reader: Reader, vocabulary: Vocabulary, now: datetime) -> Occasion:
    """When the text says, its words claimed; of a text that says nothing about it everything is empty."""
    found = _Finding(
        reader=reader,
        words=load_occasion_words(reader.language),
        vocabulary=vocabulary,
        now=now.astimezone(vocabulary.timezone),
    )
    before = frozenset(reader.explained)
    soon = _find_soon(found)
    if not soon:
        _find_anchor(found)
        _find_rule(found)
        _find_clock(found)
        _find_days(found)
        _settle(found)
    return Occasion(
        rrule=found.rule,
        at=found.at,
        start=found.start,
        anchor=found.anchor,
        problem=found.problem,
        said=found.said,
        doubtful=tuple(found.doubtful),
        loose=tuple(found.loose),
        closes=found.closes,
        is_timed=found.is_timed,
        at_once=found.at_once,
        explained=frozenset(reader.explained) - before,
    )


def _find_soon(found: _Finding) -> bool:
    """30分後: a moment counted from now, to the minute."""
    words = found.words
    for match in found.reader.unclaimed(words.singles["at_once"]):
        found.reader.claim(match)
        found.at_once = True
        _at_moment(found, found.now)
        return True
    for match in found.reader.unclaimed(words.singles["soon"]):
        hours, minutes = words.value(match, "hours"), words.value(match, "minutes")
        if hours is None and minutes is None and match["half_hour"] is None:
            continue
        counted = timedelta(hours=hours or 0, minutes=minutes or 0)
        if match["half_hour"] or match["half"]:
            counted += timedelta(minutes=30)
        found.reader.claim(match)
        _at_moment(found, found.now + counted)
        return True
    return False


def _at_moment(found: _Finding, moment: datetime) -> None:
    found.at, found.start, found.is_timed = moment.time().replace(second=0, microsecond=0), moment.date(), True


def _find_anchor(found: _Finding) -> None:
    """遠足の前日, テストの1週間前から, 運動会まで毎日."""
    words, reader = found.words, found.reader
    text = "".join(TAKEN if at in reader.explained else letter for at, letter in enumerate(reader.surface))
    for pattern in words.anchors:
        for match in pattern.finditer(text):
            start, end = match.span()
            if (number := words.value(match, "number")) is not None:
                unit = words.said(match, "event_unit") or ""
                days = -number * (30 if "月" in unit or "month" in unit else 7 if "週" in unit or "week" in unit else 1)
            elif (days := words.value(match, "relative")) is None:
                continue
            first = last = days
            before = words.singles["from_before"].search(text[:start])
            since = words.singles["anchor_from"].match(reader.folded, end)
            if before is not None or since is not None:
                start = before.start() if before is not None else start
                end = since.end() if since is not None else end
                last = 0 if since is not None and since["last"] == "当日" else -1
                found.rule = DAILY
            found.anchor = Anchor(title=match["event"], first=first, last=max(first, last))
            found.claim(start, end)
            return
    for match in words.singles["until_event"].finditer(text):
        if match["event"] in words.tables["season"] and _has_term(found, match["event"]):
            continue
        found.anchor = Anchor(title=match["event"], first=ON_OR_BEFORE, last=-1 if "休み" in match["event"] else 0)
        found.rule = DAILY
        found.claim(*match.span())
        return


def _has_term(found: _Finding, season: str) -> bool:
    """Whether the terms tell when those holidays begin."""
    days = _days_of(found, found.now.date())
    pattern = dict(found.words.days)["season"]
    match = pattern.search(season)
    return match is not None and days.read("season", match).first is not None


def _find_rule(found: _Finding) -> None:
    """毎週金曜; of several the first in the file that fits."""
    words, reader = found.words, found.reader
    for template, pattern in words.rules:
        match = next(reader.unclaimed(pattern), None)
        if match is None:
            continue
        found.reader.claim(match)
        found.rule_span, found.is_timed = match.span(), True
        named = match.groupdict()
        said = (named.get("part_of_rule") or named.get("part_of_rule2") or match[0]).strip()
        found.part = words.parts_of_rules.get(said)
        if template.startswith("?"):
            found.rule = template
            return
        if template.startswith("~"):
            found.unsure = found.text(*match.span())
        rule = filled(template.removeprefix("~"), match, words)
        if rule is None:
            found.trouble(Problem.DATE, *match.span())
        found.rule = rule
        return


def _find_clock(found: _Finding) -> None:
    """午後3時半; without a time of day what the part of the day stands for."""
    clocks = [
        clock
        for pattern in found.words.clock
        for match in found.unclaimed(pattern)
        if (clock := _clock(found, match)) is not None
    ]
    if clocks:
        best = max(clocks, key=lambda clock: (clock.score, -clock.start))
        found.claim(best.start, best.end)
        found.is_timed = found.has_clock = True
        found.at = best.at
        if best.at is None:
            found.trouble(Problem.TIME, best.start, best.end)
        if best.is_doubtful:
            found.doubtful.append(found.text(best.start, best.end))
        return
    if found.part is not None:
        found.at = found.words.parts[found.part]
        return
    for match in found.unclaimed(found.words.singles["part_alone"]):
        found.reader.claim(match)
        found.at = found.words.parts.get(match["part"])
        found.has_clock = True
        if found.at is None:  # 午前中
            found.doubtful.append(found.text(*match.span()))
        else:
            found.is_timed = True
        return


def _clock(found: _Finding, match: re.Match[str]) -> _Clock | None:
    words = found.words
    named = match.groupdict()
    start, end = match.span()
    if named.get("noon"):
        return _Clock(start=start, end=end, at=time(NOON), score=_score(found, start, end))
    hour = words.value(match, "hour")
    if hour is None:
        return None
    minute = 30 if named.get("half") or named.get("half_past") else words.value(match, "minute") or 0
    part = words.value(match, "part")
    if part is None and found.part is not None:
        default = words.parts[found.part]
        part = None if default is None else "am" if default.hour < NOON else "pm"
    first, last = words.afternoon_hours
    is_midnight = part == "night" and (hour == NOON or hour < EVENING)  # of which day?
    is_doubtful = part is None and first <= hour <= last and not (words.said(match, "hour") or "").startswith("0")
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        return _Clock(start=start, end=end, at=None, score=_score(found, start, end))
    if is_doubtful or (part in ("pm", "night") and hour < NOON) or (part == "noon" and hour < 6):
        hour += NOON
    elif hour == NOON and part in ("am", "night"):
        hour = 0
    at = None if hour > 23 else time(hour, minute)
    return _Clock(start=start, end=end, at=at, is_doubtful=is_doubtful or is_midnight, score=_score(found, start, end))


def _score(found: _Finding, start: int, end: int) -> int:
    """How much stands for these words saying when, and not something in the words to be sent."""
    text, score = found.reader.folded, 0
    before = text[:start].rstrip("のにはで、, ")
    if not before or len(before) - 1 in found.reader.explained:
        score += 1
    if any(match.end() in (len(before), start) for _, pattern in found.words.days for match in pattern.finditer(text)):
        score += 1
    after = text[end : end + 1]
    if not after or after in "に、, " or end in found.reader.explained:
        score += 1
    return score


def _days_of(found: _Finding, earliest: date) -> Days:
    return Days(words=found.words, terms=found.vocabulary.terms, today=found.now.date(), earliest=earliest)


def _find_days(found: _Finding) -> None:
    """The days that are named and what they bound; those that were used are claimed."""
    today = found.now.date()
    has_passed = found.at is not None and found.at <= found.now.time().replace(tzinfo=None)
    days = _days_of(found, today + timedelta(days=1) if has_passed else today)
    named = _bounded(found, _named(found, days), days)
    closing = next((each for each in named if each.bound == "by"), None)
    found.closes = closing
    spans = [each for each in named if each.bound in ("from", "until", "within")]
    length = _length(found)
    if found.anchor is not None:
        found.rule = _completed(found, [], found.rule)
        return
    alone = [each for each in named if each.bound is None and not each.is_range]
    if found.rule is not None and found.rule.startswith("?"):
        found.rule = _completed(found, alone, found.rule)
    if found.unsure is not None and not spans:
        found.doubtful.append(found.unsure)
    if spans or length is not None:
        _bind(found, spans, alone, length, days)
    elif found.rule is not None and found.problem is None:
        found.start = days.earliest
    elif found.rule is None:
        _choose(found, alone, days)


def _named(found: _Finding, days: Days) -> list[tuple[ComingDays, re.Match[str]]]:
    taken = set(found.reader.explained)
    named: list[tuple[ComingDays, re.Match[str]]] = []
    for kind, pattern in found.words.days:
        for match in pattern.finditer(found.reader.folded):
            if match[0] and taken.isdisjoint(range(*match.span())):
                taken.update(range(*match.span()))
                named.append((days.read(kind, match), match))
    return sorted(named, key=lambda each: each[0].start)


def _bounded(found: _Finding, named: Sequence[tuple[ComingDays, re.Match[str]]], days: Days) -> list[ComingDays]:
    """Each with what stands about it; the second of two joined days is counted from the first."""
    text, words = found.reader.folded, found.words
    bounded: list[ComingDays] = []
    since: ComingDays | None = None
    for place, (each, match) in enumerate(named):
        following = named[place + 1][0] if place + 1 < len(named) else None
        if since is not None and since.first is not None:
            each = days.read(each.kind, match, since.first)
        joins = following is not None and words.singles["joined"].fullmatch(text[each.end : following.start])
        bound = "until" if since is not None else "from" if joins else None
        if joins and following is not None and not _says_week(words, match, named[place + 1][1]):
            found.doubtful.append(found.text(each.start, following.end))  # 月曜から金曜: of one week or of every one?
        start, end = each.start, each.end
        for name in BOUNDS if bound is None else (bound,):
            before, after = words.bounds[name].before.search(text[:start]), words.bounds[name].after.match(text, end)
            if before is not None and after is not None and (before[0] or after[0]):
                bound, start, end = name, before.start(), after.end()
                break
        if joins and following is not None:
            end = following.start
        if bound == "within" and not each.is_range:
            bound = "until" if each.kind == "month_end" else None
        if bound is None:
            bounded.append(each)
        else:
            bounded.append(each.stretched(start, end, bound))
        since = each if joins else None
    return bounded


def _says_week(words: OccasionWords, *matches: re.Match[str]) -> bool:
    """Whether it is said of which week the days are; so it is of any but weekdays."""
    return not all(words.said(match, "weekday") or words.said(match, "kana_weekday") for match in matches) or any(
        words.said(match, name) is not None for match in matches for name in ("week", "next", "unit")
    )


def _length(found: _Finding) -> int | None:
    """How many days: 3日間, for two weeks."""
    for match in found.reader.unclaimed(found.words.singles["for"]):
        number = found.words.value(match, "number")
        if number is None:
            continue
        found.reader.claim(match)
        unit = match.groupdict().get("for_unit") or ""
        return number * (30 if match.groupdict().get("for_month") else 7 if unit.startswith(("週", "week")) else 1)
    return None


def _completed(found: _Finding, alone: list[ComingDays], rule: str | None) -> str | None:
    """毎週 … 金曜: how often and which day, said apart."""
    if rule is None or not rule.startswith("?"):
        return rule
    for each in alone:
        if each.first is None:
            continue
        match each.kind:
            case "weekday":
                part = f"BYDAY={WEEKDAYS[each.first.weekday()]}"
            case "day_alone":
                part = f"BYMONTHDAY={each.first.day}"
            case "month_end":
                part = "BYMONTHDAY=-1"
            case "date":
                part = f"BYMONTH={each.first.month};BYMONTHDAY={each.first.day}"
            case _:
                continue
        if {"weekday": "WEEKLY", "date": "YEARLY"}.get(each.kind, "MONTHLY") not in rule:
            continue
        found.claim(each.start, each.end)
        alone.remove(each)
        return f"FREQ={rule[1:]};{part}"
    span = found.rule_span or (0, 0)
    found.trouble(Problem.DAY, *span)
    return None


def _bind(
    found: _Finding, spans: Sequence[ComingDays], alone: Sequence[ComingDays], length: int | None, days: Days
) -> None:
    """A rule with a beginning, an end or both; without one it is every day."""
    first, last = days.earliest, None
    for each in spans:
        found.claim(each.start, each.end)
        if each.first is None or each.last is None:
            found.trouble(
                Problem.EVENT if each.kind in ("season", "term", "term_end") else Problem.DATE, each.start, each.end
            )
            return
        match each.bound:
            case "from":
                first = max(first, each.first)
            case "until":
                last = each.last
            case _:
                first, last = max(first, each.first), each.last
    if length is not None:
        begins = next((each for each in alone if each.first is not None), None)
        if begins is not None and begins.first is not None and not any(each.bound == "from" for each in spans):
            found.claim(begins.start, begins.end)
            first = max(first, begins.first)
        last = first + timedelta(days=length - 1)
    if found.problem is not None:
        return
    if found.rule is None and last is None:
        found.doubtful.extend(found.text(each.start, each.end) for each in spans)
    rule = found.rule or DAILY
    found.start = first
    found.rule = until(rule, last) if last is not None else rule
    if last is not None and last < first:
        found.trouble(Problem.PAST, *(spans[0].start, spans[-1].end) if spans else (0, 0))


def _choose(found: _Finding, alone: Sequence[ComingDays], days: Days) -> None:
    """The one day: the one that stands with its time, else the first that does not belong to the words to be sent."""
    tight = [each for each in alone if _is_tight(found, each)]
    loose = [each for each in alone if each not in tight]
    chosen = next(iter(tight), None)
    if chosen is None:
        inside = [each for each in loose if found.words.singles["loose"].match(found.reader.folded, each.end)]
        found.loose = [(each.start, each.end) for each in inside]
        chosen = next((each for each in loose if each not in inside), None)
        if chosen is not None:
            found.loose.append((chosen.start, chosen.end))
    if chosen is None:
        return
    found.claim(chosen.start, chosen.end)
    found.start = chosen.first
    if chosen.first is None:
        found.trouble(
            Problem.EVENT if chosen.kind in ("season", "term_end") else Problem.DATE, chosen.start, chosen.end
        )
    elif chosen.first < days.today or (
        chosen.first == days.today and found.at is not None and days.earliest > days.today
    ):
        found.trouble(Problem.PAST, chosen.start, chosen.end)


def _is_tight(found: _Finding, each: ComingDays) -> bool:
    text = found.reader.folded
    particles = found.words.singles["tight"].match(text, each.end)
    end = particles.end() if particles is not None else each.end
    while end < len(text) and text[end] == " ":
        end += 1
    before = len(text[: each.start].rstrip()) - 1
    return (
        end >= len(text)
        or end in found.reader.explained
        or (found.reader.language != "ja" and (before < 0 or before in found.reader.explained))
    )


def _settle(found: _Finding) -> None:
    """What follows once everything is known: the first day that the rule names, today for a time without a day."""
    if found.anchor is not None or found.problem is not None:
        return
    if found.rule is not None and found.start is not None:
        start = first_due(found.rule, found.start)
        if start is None:
            found.trouble(Problem.NEVER, *(found.rule_span or (0, 0)))
        else:
            found.start = start
    elif found.start is None and found.at is not None and found.has_clock:
        found.start = found.now.date()
        if found.at <= found.now.time().replace(tzinfo=None):
            found.problem = Problem.PAST
            found.said = f"{found.at:%H:%M}"
