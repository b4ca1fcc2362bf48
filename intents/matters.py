"""What a text asks about: figures, what was written, or how somebody is doing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from intents.hearing import Heard
from intents.topics import RATE_OF, NamedMetric
from knowledge.questions.model import Condition, Metric, Operator, Phase, ScopeKind, Shape, Vocabulary

# figures of check-ins of which a phase says nothing new: the reflection of 「返信していないふりかえり」
OF_REFLECTIONS = frozenset({Metric.AWAITING_REPLY, Metric.GOAL_ACHIEVEMENT, Metric.REFLECTION_DEPTH, Metric.STREAK})
WITH_TEXTS = frozenset({Metric.OBSERVATIONS, Metric.AWAITING_REPLY})
LONGEST_WORD = 3  # characters of 欠席, テスト
MISSING = Condition(op=Operator.MISSING)


@dataclass(frozen=True, kw_only=True)
class Matter:
    """One thing that is asked about."""

    named: NamedMetric | None  # None: several figures, or texts
    phase: Phase | None = None
    shape: Shape | None = None  # where the words leave no choice
    condition: Condition | None = None  # with ``shape`` STUDENTS
    strong: bool  # said plainly enough to be shown for confirmation although words are left over
    lists_children: bool = False
    single_day: bool = False  # clear only of one day: 「ふりかえりを出した子」


def find_matters(heard: Heard, vocabulary: Vocabulary) -> tuple[Matter, ...]:
    """What is asked about; several when several figures are named, empty when nothing is."""
    if not heard.asks and heard.lexicon.words["statements"].search(heard.reader.folded):
        return ()
    if heard.metrics:
        return _of_metrics(heard)
    matter = _texts(heard) or _rates(heard)
    if matter is None and not heard.phases and not heard.checkins:
        matter = _overview(heard, vocabulary)
    if matter is None:
        return ()
    if len(heard.phases) > 1 and matter.named is not None:
        return tuple(
            replace(matter, named=replace(matter.named, metric=RATE_OF[phase]), phase=phase) for phase in heard.phases
        )
    return (matter,)


def _of_metrics(heard: Heard) -> tuple[Matter, ...]:
    said = heard.said
    unique = {named.metric: named for named in (*heard.metrics[::-1],)}
    words = heard.lexicon.words
    shaped = said & {"listing", "count", "each", "state"} or heard.group or heard.bucket or heard.thresholds
    shaped = (
        shaped
        or heard.subjects
        or heard.title
        or any(
            words[name].search(heard.reader.folded)
            for name in ("how_much", "trend", "ranked", "superlative", "compare", "best", "last", "worst")
        )
    )
    rate = any(heard.lexicon.metrics[named.metric].unit == "percent" for named in heard.metrics)  # 率: of data only
    wish = len(heard.metrics) == 1 and heard.metrics[0].metric is Metric.TALK_REQUESTS  # 佐藤さんと話したい
    if not (heard.asks or shaped) and (wish or (not heard.is_named and not rate and _is_a_word(heard))):
        return ()
    strong = rate or bool(heard.asks or shaped)
    matters: list[Matter] = []
    for named in sorted(unique.values(), key=lambda each: each.end):
        by_phase = heard.lexicon.metrics[named.metric].by_phase
        phase = next(iter(heard.phases)) if by_phase and len(heard.phases) == 1 else None
        if phase is not None or named.metric in OF_REFLECTIONS:
            for matches in heard.phases.values():
                for match in matches:
                    heard.reader.claim(match)
        matters.append(
            Matter(named=named, phase=phase, strong=strong, lists_children=bool(said & {"listing", "count"}))
        )
    if len(matters) == 1 and not said & {"listing", "count"} and _wants_texts(heard, heard.metrics[0].metric):
        return (replace(matters[0], shape=Shape.TEXTS),)
    return tuple(matters)


def _wants_texts(heard: Heard, metric: Metric) -> bool:
    """Whether the words behind a figure are wanted: 所見を見せて, and of one student 所見 alone."""
    words, reader = heard.lexicon.words, heard.reader
    if metric not in WITH_TEXTS or heard.group or heard.bucket or words["how_much"].search(reader.folded):
        return False
    of_one = len(heard.sides) == 1 and heard.sides[0].scopes[0].kind is ScopeKind.STUDENT
    return reader.has(words["texts"]) or (of_one and metric is Metric.OBSERVATIONS)


def _is_a_word(heard: Heard) -> bool:
    """Whether the text is no more than one word: said, not asked."""
    text = heard.reader.folded
    return len(text) <= LONGEST_WORD if heard.reader.language == "ja" else " " not in text


def _rates(heard: Heard) -> Matter | None:
    """The rates of check-ins, and who is missing: what 「未提出」, 「提出率」, 「何人」 make of a phase."""
    said, reader = heard.said, heard.reader
    phase = next(iter(heard.phases), None)
    named = bool(heard.phases or heard.checkins)
    listing, count = "listing" in said, "count" in said
    if said & {"missing", "never"}:
        plain_words = named or ("missing_alone" in said and listing)
        if not plain_words or not (listing or count or heard.asks or (heard.is_named and not heard.is_child)):
            return None
        condition = Condition(op=Operator.EQUAL, value=0) if "never" in said else MISSING
        return Matter(
            named=_rate(phase if len(heard.phases) < 2 else None, len(reader.folded)),
            phase=phase if len(heard.phases) < 2 else None,
            shape=Shape.STUDENTS,
            condition=condition,
            strong=named and (listing or count),
            lists_children=listing or count,
        )
    people = count and named and heard.lexicon.words["people_counted"].search(reader.folded) is not None
    if "rate" not in said and ((listing and not count) or (people and said & {"done", "submission"})):
        if not named or not said & {"done", "submission"}:
            return None  # which students, but nothing that says which
        return Matter(
            named=_rate(phase, len(reader.folded)),
            phase=phase,
            shape=Shape.STUDENTS,
            condition=Condition(op=Operator.MORE, value=0),
            strong=True,
            lists_children=True,
            single_day=True,
        )
    if not named:
        if "reflection_alone" not in said:
            return None
        phase = Phase.REFLECTION
    strong = bool(said & {"rate", "count"})
    of_checkin = bool(heard.checkins) and (
        heard.asks or "state" in said or (heard.is_named and not heard.is_child) or bool(heard.group or heard.bucket)
    )
    # 「今日のふりかえりは?」 asks for the words, not for a figure
    of_phase = ("done" in said and heard.asks) or ("submission" in said and (heard.asks or "state" in said))
    if not strong and not of_checkin and not of_phase:
        return None
    return Matter(
        named=_rate(phase, len(reader.folded)),
        phase=phase,
        strong=strong,
        lists_children=count or listing,
        single_day="done" in said and not strong and not heard.periods.periods,  # 全員出した? is about today
    )


def _texts(heard: Heard) -> Matter | None:
    said, words = heard.said, heard.lexicon.words
    wrote = (heard.sides or heard.is_child) and words["texts_of_checkin"].search(
        heard.reader.folded
    )  # 田中さんは何を書いた?
    if not (heard.phases or heard.checkins or wrote) or said & {
        "rate",
        "missing",
        "count",
        "reflection_alone",
    }:
        return None
    if heard.is_child and not heard.asks:
        return None
    written = bool(words["texts_of_checkin"].search(heard.reader.folded))
    if "submission" in said and not written:
        return None
    asked = written or bool(words["texts"].search(heard.reader.folded))
    listed = "listing" in said and "done" in said  # 出した子を見せて
    # 「めあては?」 of somebody or some day; a check-in is more than its texts
    bare = (
        bool(heard.phases)
        and not heard.checkins
        and not said & {"listing", "done", "state", "each"}
        and not heard.group
        and not heard.bucket
    )
    bare = bare and (heard.asks or not heard.is_child) and (heard.is_named or heard.asks)
    if not (asked and not listed) and not bare:
        return None
    if asked:
        if not heard.phases and not written:
            return None
        heard.reader.has(words["texts"])
    phase = next(iter(heard.phases)) if len(heard.phases) == 1 else None
    return Matter(named=None, phase=phase, shape=Shape.TEXTS, strong=asked)


def _overview(heard: Heard, vocabulary: Vocabulary) -> Matter | None:
    """様子 of one student or one class; of nobody named only the asker's own class or child."""
    if heard.said & {"listing", "count", "missing"} or heard.group or heard.bucket or heard.subjects:
        return None
    words, reader = heard.lexicon.words, heard.reader
    kinds = [side.scopes[0].kind for side in heard.sides]
    holds = (ScopeKind.STUDENT, ScopeKind.CLASS)
    somebody = len(kinds) == 1 and kinds[0] in holds
    own = not kinds and vocabulary.default.kind in holds
    asked = bool(words["overview"].search(reader.folded)) and (somebody or own)
    if not asked and not (somebody and heard.asks and words["how_is"].search(reader.folded)):
        return None
    if heard.is_child and not heard.asks:
        return None
    for name in ("overview", "how_is"):
        reader.take(words[name])
    return Matter(named=None, shape=Shape.OVERVIEW, strong=asked and somebody)


def _rate(phase: Phase | None, end: int) -> NamedMetric:
    return NamedMetric(metric=RATE_OF[phase], end=end)
