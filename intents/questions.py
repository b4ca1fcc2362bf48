"""From a text to a typed question about the data: names → scope, time words → period, then metric and predicate.

Compositional: every part claims the words it explains, and what is left over decides how sure the reading is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from intents.lexicon import Lexicon, load_lexicon
from intents.periods import find_period, named_period
from intents.residue import leftover
from intents.scopes import find_scope
from intents.spans import Reader
from knowledge.questions.model import (
    Condition,
    Metric,
    Operator,
    Phase,
    Question,
    Scope,
    ScopeKind,
    Shape,
    Vocabulary,
)

RATE_OF: Mapping[Phase | None, Metric] = {
    Phase.ANTICIPATION: Metric.ANTICIPATION_RATE,
    Phase.REFLECTION: Metric.REFLECTION_RATE,
    None: Metric.CHECKIN_RATE,
}
LONGEST = 300  # characters; what is longer is a story, not a question
DEFAULT_PERIOD = {Shape.STUDENTS: "today", Shape.VALUE: "this_week"}  # of check-ins, when no time was named


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a text was taken to ask. With ``confirm`` the question is shown and asked about, never answered at once."""

    question: Question | None  # None: about the future, or one of ``choices``
    confidence: Literal["clear", "confirm"]
    leftover: tuple[str, ...] = ()  # content words that no rule explained
    choices: tuple[Question, ...] = ()  # the questions the text may mean: ask which, by the label of their scope
    outside: str | None = None  # a class or grade that was named and that the asker's schools do not have
    future: bool = False  # it asks about days to come


def understand_question(text: str, vocabulary: Vocabulary, now: datetime) -> Reading | None:
    """The question that ``text`` asks at the aware moment ``now``, or None when it asks none that is known here.

    A name is only a name: a question about a class that is not the asker's is returned as it was asked, one about a
    class that does not exist with a scope without ids; both are refused where the answer is made.
    """
    if len(text) > LONGEST:
        return None
    reader = Reader(text)
    lexicon = load_lexicon(reader.language)
    if lexicon.words["elsewhere"].search(reader.folded):
        return None
    today = now.astimezone(vocabulary.timezone).date()
    period = find_period(reader, lexicon, today)
    scope = find_scope(reader, lexicon, vocabulary)
    meant = _meaning(reader, lexicon, is_named=period is not None or scope.named, is_child=_is_child(vocabulary))
    if meant is None:
        return None
    future = reader.has(lexicon.words["future"]) or (period is not None and period.start > today)
    reader.has(lexicon.words["fillers"])
    left = leftover(reader, lexicon)
    if left and not meant.strong:
        return None
    if future:
        return None if left else Reading(question=None, confidence="clear", future=True)
    scopes = scope.scopes
    if meant.lists_children and vocabulary.default.kind is ScopeKind.STUDENT and not scope.named:
        scopes = (Scope(kind=ScopeKind.CLASS, ids=(), label=""),)  # a child asking who: about others, never answered
    questions = tuple(
        Question(
            metric=RATE_OF[meant.phase],
            shape=meant.shape,
            phase=meant.phase,
            scope=each,
            period=period or named_period(DEFAULT_PERIOD[meant.shape], lexicon, today),
            condition=Condition(op=Operator.MISSING) if meant.shape is Shape.STUDENTS else None,
        )
        for each in scopes
    )
    reading = Reading(
        question=questions[0], confidence="confirm" if left else "clear", leftover=left, outside=scope.outside
    )
    return reading if len(questions) == 1 else replace(reading, question=None, choices=questions)


@dataclass(frozen=True, kw_only=True)
class _Meaning:
    shape: Shape
    phase: Phase | None
    strong: bool  # said plainly enough to be shown for confirmation although words are left over
    lists_children: bool


def _meaning(reader: Reader, lexicon: Lexicon, *, is_named: bool, is_child: bool) -> _Meaning | None:
    """Metric and predicate of the text, its words claimed; None where it does not ask about check-ins.

    ``is_named``: a time or a class was named. ``is_child``: the asker is, so a bare statement is no question.
    """
    words = lexicon.words
    phases = [phase for phase, pattern in lexicon.phases.items() if reader.has(pattern)]
    checkin = reader.has(words["checkin"])
    missing, listing = reader.has(words["missing"]), reader.has(words["listing"])
    rate, count, submission = (reader.has(words[name]) for name in ("rate", "count", "submission"))
    done, state = reader.has(words["done"]), reader.has(words["state"])
    asks = bool(words["interrogative"].search(reader.folded) or words["topic"].search(reader.folded))
    if len(phases) > 1:
        return None
    phase = phases[0] if phases else None
    if missing:
        plain_words = phase is not None or checkin or bool(words["missing_alone"].search(reader.folded) and listing)
        asked = listing or count or asks or (is_named and not is_child)
        if not plain_words or not asked:
            return None
        strong = (phase is not None or checkin) and (listing or count)
        return _Meaning(shape=Shape.STUDENTS, phase=phase, strong=strong, lists_children=listing or count)
    if listing and not count:
        return None  # which students, but nothing that says which
    if phase is None and not checkin:
        if not words["reflection_alone"].search(reader.folded):
            return None
        phase = Phase.REFLECTION
    strong = rate or count
    of_checkin = checkin and (asks or state or (is_named and not is_child))
    # 「今日のふりかえりは?」 asks for the words, not for a figure
    of_phase = (done and asks) or (submission and (asks or state))
    if not strong and not of_checkin and not of_phase:
        return None
    return _Meaning(shape=Shape.VALUE, phase=phase, strong=strong, lists_children=count)


def _is_child(vocabulary: Vocabulary) -> bool:
    return vocabulary.default.kind is ScopeKind.STUDENT
