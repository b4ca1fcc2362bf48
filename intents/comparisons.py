"""Which sides are compared: 先月と比べて, 1組と2組どっち, higher than last week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from intents.hearing import Heard
from intents.periods import find_periods, named_period
from intents.spans import Reader
from knowledge.questions.model import Period, Vocabulary

# a side of up to so many days is compared with the present day, week, month, term; a longer one with the school year
PRESENT = ((1, "today"), (7, "this_week"), (31, "this_month"))
TERM = 184  # days of the longest term or semester


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared, by kind; the sides stand in the order in which they are asked for."""

    periods: tuple[Period, ...] = ()  # two or more, or none
    of_sides: bool = False  # the groups named are the sides
    with_default: bool = False  # one group was named: the asker's own comes first
    of_subjects: bool = False


def find_comparison(heard: Heard, vocabulary: Vocabulary, today: date) -> Comparison | None:
    """The comparison asked for, its words claimed; None when none is, or when its other side is not said."""
    reader, words = heard.reader, heard.lexicon.words
    periods = heard.periods.periods
    compares = any(True for _ in reader.unclaimed(words["compare"]))
    against_time = any(_is_comparandum(heard, start, end) for start, end in heard.time_spans)
    against_side = any(_is_comparandum(heard, side.start, side.end) for side in heard.sides)
    if "listing" in heard.said and not heard.which:
        return None
    found: Comparison | None = None
    if len(heard.sides) > 1 and (compares or against_side) and len(periods) < 2:
        found = Comparison(of_sides=True)
    elif len(periods) > 1 and (compares or against_time or _joined(heard)) and len(heard.sides) < 2:
        found = Comparison(periods=periods)
    elif len(periods) == 1 and against_time:
        present = _present(periods[0], heard, vocabulary, today)
        if present is not None and (present.start, present.end) != (periods[0].start, periods[0].end):
            found = Comparison(periods=(present, periods[0]))
    elif len(heard.sides) == 1 and against_side:
        found = Comparison(of_sides=True, with_default=True)
    elif len(heard.subjects) > 1 and compares:
        found = Comparison(of_subjects=True)
    if found is not None or (heard.group is not None and compares):
        for name in ("compare", "outcome"):
            reader.take(words[name])
    return found


def _is_comparandum(heard: Heard, start: int, end: int) -> bool:
    """Whether what stands there is what something is compared with: 先月と比べて; than last month."""
    than, text = heard.lexicon.words["than"], heard.reader.folded
    if heard.reader.language == "ja":
        return than.match(text, end) is not None
    return than.search(text[:start].rstrip()) is not None


def _joined(heard: Heard) -> bool:
    """Whether two times stand side by side: 昨日と今日."""
    if len(heard.time_spans) < 2:
        return False
    between = heard.reader.folded[heard.time_spans[0][1] : heard.time_spans[1][0]].strip()
    return heard.lexicon.words["beside"].fullmatch(between) is not None


def _present(other: Period, heard: Heard, vocabulary: Vocabulary, today: date) -> Period | None:
    days = (other.end - other.start).days + 1
    language = heard.reader.language
    for longest, name in PRESENT:
        if days <= longest:
            return named_period(name, language, today)
    if days > TERM:
        return named_period("school_year", language, today)
    terms = find_periods(Reader(heard.lexicon.present_term), language, vocabulary, today).periods
    return terms[0] if terms else None
