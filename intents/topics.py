"""What a text asks for: the figures it names, of which check-in, subject and test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from intents.conditions import amount_of
from intents.lexicon import Lexicon
from intents.spans import Reader
from knowledge.questions.model import Condition, Metric, Operator, Phase, Vocabulary

RATE_OF: Mapping[Phase | None, Metric] = {
    Phase.ANTICIPATION: Metric.ANTICIPATION_RATE,
    Phase.REFLECTION: Metric.REFLECTION_RATE,
    None: Metric.CHECKIN_RATE,
}
CHANGED = 1.0  # points of mood by which it fell or rose, when no figure is given (questions.md)


@dataclass(frozen=True, kw_only=True)
class NamedMetric:
    """A figure that was named."""

    metric: Metric
    end: int
    condition: Condition | None = None  # that lies in the word: 皆勤; of students only: 下がった


def find_metrics(reader: Reader, lexicon: Lexicon) -> list[NamedMetric]:
    """The figures named, but for rates of check-ins and for streaks, their words claimed."""
    found: list[NamedMetric] = []
    for metric, words in lexicon.metrics.items():
        for match in reader.take(words.zero):
            found.append(NamedMetric(metric=metric, end=match.end(), condition=Condition(op=Operator.EQUAL, value=0)))
    for metric, words in lexicon.metrics.items():
        if metric is Metric.STREAK:
            continue
        for op, sign, pattern in ((Operator.AT_MOST, -1, words.falls), (Operator.AT_LEAST, 1, words.rises)):
            for match in reader.take(pattern):
                amount = amount_of(match, lexicon)
                changed = Condition(op=op, value=sign * (CHANGED if amount is None else amount))
                found.append(NamedMetric(metric=metric, end=match.end(), condition=changed))
        for match in reader.take(words.said):
            found.append(NamedMetric(metric=metric, end=match.end()))
        if found and found[-1].metric is metric:
            reader.take(words.besides)
    return found


def find_streak(reader: Reader, lexicon: Lexicon) -> list[NamedMetric]:
    """連続 where no other figure is named; 「3日連続で欠席」 is not one, so the caller asks only then."""
    return [
        NamedMetric(metric=Metric.STREAK, end=match.end()) for match in reader.take(lexicon.metrics[Metric.STREAK].said)
    ]


@dataclass(frozen=True, kw_only=True)
class NamedTitle:
    title: str  # as the school's records write it, or as it was said
    match: re.Match[str]


def find_title(reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary) -> NamedTitle | None:
    """The test that is named, not claimed: by a title the school's tests bear, or by a word like 学力調査."""
    titles = {Reader(title).folded.replace(" ", ""): title for title in vocabulary.titles}
    subjects = {Reader(subject).folded for subject in vocabulary.subjects}
    titles = {
        folded: title
        for folded, title in titles.items()
        if folded not in subjects and not any(pattern.fullmatch(folded) for pattern in lexicon.subjects.values())
    }
    for folded in sorted((folded for folded in titles if len(folded) > 1), key=len, reverse=True):
        if (match := re.search(re.escape(folded), reader.folded)) is not None:
            return NamedTitle(title=titles[folded], match=match)
    if (match := lexicon.titles["always"].search(reader.folded)) is not None:
        return NamedTitle(title=reader.typed[slice(*match.span())], match=match)
    match = lexicon.titles["sometimes"].search(reader.folded)
    if match is not None and any(match[0] in folded for folded in titles):
        return NamedTitle(title=reader.typed[slice(*match.span())], match=match)
    return None


@dataclass(frozen=True, kw_only=True)
class NamedSubject:
    subject: str  # as the school's records write it, where they have it
    match: re.Match[str]


def find_subjects(reader: Reader, lexicon: Lexicon, vocabulary: Vocabulary) -> list[NamedSubject]:
    """The subjects named, in the order of the text, none claimed: not every figure has subjects."""
    written = {Reader(subject).folded: subject for subject in vocabulary.subjects}
    found: list[NamedSubject] = []
    for folded, subject in written.items():
        if len(folded) > 1:
            for match in reader.unclaimed(re.compile(rf"(?<![a-z]){re.escape(folded)}(?![a-z])")):
                found.append(NamedSubject(subject=subject, match=match))
    for official, pattern in lexicon.subjects.items():
        for match in reader.unclaimed(pattern):
            of_school = written.get(match[0]) or written.get(official)
            same = next((subject for folded, subject in written.items() if pattern.fullmatch(folded)), None)
            found.append(NamedSubject(subject=of_school or same or official, match=match))
    found.sort(key=lambda each: (each.match.start(), -each.match.end(), each.subject not in vocabulary.subjects))
    kept: list[NamedSubject] = []
    for each in found:
        if not kept or each.match.start() >= kept[-1].match.end():
            kept.append(each)
    return kept
