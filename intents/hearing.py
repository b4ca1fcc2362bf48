"""What a text is about, part by part: names → groups → figures → thresholds → time. The form is ``forms``'s matter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from intents.conditions import Threshold, find_thresholds
from intents.lexicon import Lexicon
from intents.names import find_students
from intents.periods import FoundPeriods, find_periods
from intents.scopes import Side, find_sides
from intents.spans import Reader
from intents.topics import NamedMetric, NamedSubject, NamedTitle, find_metrics, find_streak, find_subjects, find_title
from knowledge.questions.model import GroupBy, Metric, Phase, Scope, ScopeKind, Vocabulary

OF_CHECK_INS = ("rate", "submission", "done")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The parts of one text. Their words are claimed, but for those that only some readings have a place for."""

    reader: Reader
    lexicon: Lexicon
    is_child: bool  # a student or a family asks
    of_board: bool  # one asks who may know of groups alone
    asks: bool  # a word or a sign asks
    connector: bool  # it begins with じゃあ and the like
    said: frozenset[str]  # names of lists of words that occur: listing, missing, rate …
    sides: tuple[Side, ...]
    metrics: tuple[NamedMetric, ...]
    phases: Mapping[Phase, tuple[re.Match[str], ...]]  # not claimed
    checkins: tuple[re.Match[str], ...]  # not claimed
    title: str | None
    subjects: tuple[NamedSubject, ...]  # not claimed
    thresholds: tuple[Threshold, ...]  # not claimed
    periods: FoundPeriods
    time_spans: tuple[tuple[int, int], ...]  # where the periods stand
    group: GroupBy | None  # 学年別
    which: bool  # どのクラスが
    bucket: GroupBy | None  # 週ごと

    @property
    def is_named(self) -> bool:
        """Whether a time or somebody was named."""
        return bool(self.sides or self.periods.periods)


def hear(reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary, today: date, before: Scope | None = None) -> Heard:
    """All parts of the text; what no part explains is left unclaimed. ``before`` is whom was asked about before."""
    words = lexicon.words
    is_child = vocabulary.default.kind is ScopeKind.STUDENT
    asks = bool(words["asks"].search(reader.folded))
    said = {name for name in ("missing_alone", "reflection_alone") if words[name].search(reader.folded)}
    connector = bool(reader.take(words["connector"]))
    title = find_title(reader, lexicon, vocabulary)
    students = find_students(reader, lexicon, vocabulary)
    which = _group(reader, lexicon.which)
    group, bucket = which or _group(reader, lexicon.groups), _group(reader, lexicon.buckets)
    said |= {name for name in ("same_class", "same_period") if reader.take(words[name])}
    sides = find_sides(reader, lexicon, vocabulary, students, before)
    if is_child:
        reader.take(words["own_children"])
    metrics = find_metrics(reader, lexicon)
    if reader.take(words["those"]):
        said.add("those")
    phases = {phase: tuple(reader.unclaimed(pattern)) for phase, pattern in lexicon.phases.items()}
    phases = {phase: matches for phase, matches in phases.items() if matches}
    checkins = tuple(reader.unclaimed(words["checkin"]))
    if title is not None and _is_of_test(title, reader, metrics, vocabulary, today, others=bool(phases or checkins)):
        reader.claim(title.match)
        metrics = metrics or [NamedMetric(metric=Metric.ASSESSMENT_SCORE, end=len(reader.folded))]
    else:
        title = None
    subjects = find_subjects(reader, lexicon, vocabulary)
    thresholds = find_thresholds(reader, lexicon)
    periods, time_spans = _periods(reader, vocabulary, today, thresholds)
    if not metrics:
        said |= {name for name in ("never", "missing") if reader.has(words[name])}
        metrics = [] if "missing" in said else find_streak(reader, lexicon)
        if metrics:
            for name in OF_CHECK_INS:
                reader.take(words[name])
    said |= {name for name in ("each", "count", "listing", "state") if reader.take(words[name])}
    if not metrics:
        for matches in phases.values():
            for match in matches:
                reader.claim(match)
        for match in checkins:
            reader.claim(match)
        said |= {name for name in OF_CHECK_INS if reader.has(words[name])}
    return Heard(
        reader=reader,
        lexicon=lexicon,
        is_child=is_child,
        of_board=vocabulary.default.kind is ScopeKind.DISTRICT,
        asks=asks,
        connector=connector,
        said=frozenset(said),
        sides=tuple(sides),
        metrics=tuple(metrics),
        phases=phases,
        checkins=checkins,
        title=title and title.title,
        subjects=tuple(subjects),
        thresholds=tuple(thresholds),
        periods=periods,
        time_spans=time_spans,
        group=group,
        which=which is not None,
        bucket=bucket,
    )


def _group(reader: Reader, groups: Mapping[GroupBy, re.Pattern[str]]) -> GroupBy | None:
    """The first kind of group that is named; a second one stays unexplained."""
    for group, pattern in groups.items():
        if reader.take(pattern):
            return group
    return None


def _is_of_test(
    title: NamedTitle,
    reader: Reader,
    metrics: list[NamedMetric],
    vocabulary: Vocabulary,
    today: date,
    *,
    others: bool,
) -> bool:
    """Whether a title names a test here: with a word for tests it does; where no figure is named, unless it may be a
    time (a test called 1学期) or stands with words for check-ins (one called ふりかえり)."""
    if metrics:
        return any(named.metric is Metric.ASSESSMENT_SCORE for named in metrics)
    alone = Reader(title.match[0])
    find_periods(alone, reader.language, vocabulary, today)
    return not others and not alone.explained


def _periods(
    reader: Reader, vocabulary: Vocabulary, today: date, thresholds: list[Threshold]
) -> tuple[FoundPeriods, tuple[tuple[int, int], ...]]:
    """The times named, and where; none lies in a threshold (「3日以上」)."""
    kept = set(reader.explained)
    for threshold in thresholds:
        reader.claim(threshold.match)
    masked = set(reader.explained)
    found = find_periods(reader, reader.language, vocabulary, today)
    of_time = sorted(reader.explained - masked)
    reader.explained = kept | set(of_time)
    spans: list[tuple[int, int]] = []
    for at in of_time:
        if spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return found, tuple(spans)
