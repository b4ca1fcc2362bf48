"""What a text asks to be sent, to whom and when: 「毎週金曜15時に6年1組へふりかえりを送って」 → a typed reading.

Pure functions; the words are data per language (``intents/data/<language>/reminders.yaml`` and ``occasions.yaml``).
Compositional as the questions are: every part claims the words it explains, and what is left over decides how sure the
reading is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

from intents.lexicon import load_lexicon
from intents.occasions import Occasion, Problem, find_occasion
from intents.questions import understand_question
from intents.receivers import Receivers, find_receivers
from intents.recurrence import first_due, until
from intents.reminder_words import QUOTE, QUOTED, load_reminder_words
from intents.residue import leftover
from intents.sent_words import Asking, Matter, Spoken, find_asking, find_matter, find_verb
from intents.spans import Reader
from knowledge.questions.model import Vocabulary
from knowledge.reminding import Anchor, AnswerKind, Audience, AudienceKind, What

__all__ = ["Problem", "ReminderReading", "on_event", "understand_reminder"]

_APART = re.compile(
    r"(?<=[\d一-鿿])(?<![月年第前後])\s+(?=\d)"
)  # 5/29 7:45, which without the space would be one number
LONGEST = 1200  # characters; the words to be sent are part of it


@dataclass(frozen=True, kw_only=True)
class ReminderReading:
    """What a text asks to be sent, as far as it was understood."""

    audience: Audience | None  # None where nobody was named and the asker has no class, or with problem class or person
    what: What
    text: str  # the words to send; of a check-in the word it was called by; of a question the question
    rrule: str | None  # RFC 5545 without the prefix; None: sent once
    at: time | None  # school local
    start: date | None  # the first day, holidays not yet taken out; None with an anchor or where no day was understood
    anchor: Anchor | None  # days counted from an event: the caller resolves it against the calendar
    only_missing: bool  # only those who have not answered yet
    answers: AnswerKind | None  # of an announcement
    choices: tuple[str, ...]  # what can be answered, for ``AnswerKind.CHOICE``
    closes_on: date | None  # the last day on which an announcement is answered
    problem: Problem | None
    said: str  # the words the problem is about; empty without one
    confidence: Literal["clear", "confirm"]
    leftover: tuple[str, ...]  # words nothing explained, or that may mean something else
    at_once: bool = False  # right now was said: ``start`` and ``at`` are this minute


def understand_reminder(
    text: str, vocabulary: Vocabulary, now: datetime, speaker_id: str | None = None
) -> ReminderReading | None:
    """What a text asks to be sent; None for anything that is no such request. Never raises on any text.

    ``speaker_id`` becomes the id of an audience ``self``, which has none without it.
    """
    if len(text) > LONGEST:
        return None
    quotes = tuple(match[0][1:-1] for match in QUOTED.finditer(text))
    masked = QUOTED.sub(QUOTE, text)
    reader = Reader(masked)
    if reader.language == "ja" and _APART.search(masked) is not None:
        masked = _APART.sub("、", masked)
        reader = Reader(masked)
    words = load_reminder_words(reader.language)
    if not words["hints"][0].search(reader.folded) or any(each.search(reader.folded) for each in words["elsewhere"]):
        return None
    spoken = Spoken(reader=reader, words=words, text=masked, quotes=quotes)
    for _ in words["greetings"]:
        spoken.take("greetings")  # before 「good morning」 is taken for a time of day
    verb = find_verb(spoken)
    receivers = find_receivers(spoken, vocabulary, speaker_id)
    occasion = find_occasion(reader, vocabulary, now)
    asking = find_asking(spoken, occasion, verb)
    matter = find_matter(spoken, occasion, asking, receivers, verb, vocabulary, now)
    if matter is None:
        return None
    if matter.what is What.QUESTION and occasion.at is None and understand_question(text, vocabulary, now) is not None:
        return None  # asked now: 今週の毎日の提出率を見せて
    return _judged(spoken, occasion, asking, receivers, matter, vocabulary, speaker_id)


def on_event(reading: ReminderReading, day: date | None, now: datetime) -> ReminderReading:
    """The anchored reading once the calendar said when its event is; None: it knows no such event. ``now`` is school
    local. A reading without an anchor is returned as it is."""
    if reading.anchor is None:
        return reading
    if day is None:
        return _troubled(reading, Problem.EVENT, reading.anchor.title)
    first, last = (day + timedelta(days=days) for days in (reading.anchor.first, reading.anchor.last))
    has_passed = reading.at is not None and reading.at <= now.time()
    earliest = now.date() + timedelta(days=1) if has_passed else now.date()
    if reading.rrule is None:
        past = first < earliest
        return _troubled(reading, Problem.PAST, reading.anchor.title) if past else replace(reading, start=first)
    rule = until(reading.rrule, last)
    start = first_due(rule, max(first, earliest)) if last >= earliest else None
    if start is None:
        return _troubled(reading, Problem.PAST if last < earliest else Problem.NEVER, reading.anchor.title)
    return replace(reading, rrule=rule, start=start)


def _troubled(reading: ReminderReading, problem: Problem, said: str) -> ReminderReading:
    if reading.problem is not None:
        return reading
    return replace(reading, problem=problem, said=said, confidence="confirm")


def _judged(
    spoken: Spoken,
    occasion: Occasion,
    asking: Asking | None,
    receivers: Receivers,
    matter: Matter,
    vocabulary: Vocabulary,
    speaker_id: str | None,
) -> ReminderReading | None:
    """How sure the reading is: by what is left over, and by what is missing."""
    reader = spoken.reader
    for pattern in spoken.words["fillers"]:
        reader.has(pattern)
    left = [*receivers.doubtful, *occasion.doubtful, *matter.doubtful]
    unexplained = leftover(reader, load_lexicon(reader.language)).words
    if matter.is_weak and unexplained:
        return None
    left += unexplained
    if not matter.is_quoted and matter.what is not What.QUESTION:
        left += [reader.typed[start:end] for start, end in occasion.loose]
    audience = receivers.audience
    if audience is None and receivers.problem is None:
        audience = _self(speaker_id) if matter.what is What.QUESTION else receivers.default
    problem, said = _problem(occasion, receivers, matter)
    is_clear = problem is None and not left and audience is not None and occasion.at is not None
    is_clear = is_clear and not matter.needs_confirming
    return ReminderReading(
        audience=audience,
        what=matter.what,
        text=matter.text,
        rrule=occasion.rrule,
        at=occasion.at,
        start=occasion.start,
        anchor=occasion.anchor,
        only_missing=receivers.only_missing,
        answers=asking.answers if asking is not None else None,
        choices=asking.choices if asking is not None else (),
        closes_on=asking.closes_on if asking is not None else None,
        problem=problem,
        said=said,
        confidence="clear" if is_clear else "confirm",
        leftover=tuple(dict.fromkeys(left)),
        at_once=occasion.at_once,
    )


def _self(speaker_id: str | None) -> Audience:
    return Audience(kind=AudienceKind.SELF, ids=(speaker_id,) if speaker_id else (), label="")


def _problem(occasion: Occasion, receivers: Receivers, matter: Matter) -> tuple[Problem | None, str]:
    """The first that matters: whom, when, what."""
    if receivers.problem is not None:
        return receivers.problem, receivers.said
    if occasion.problem is not None:
        return occasion.problem, occasion.said
    is_dated = occasion.rrule is not None or occasion.start is not None or occasion.anchor is not None
    if not matter.text:
        return Problem.TEXT, ""
    if not is_dated and occasion.at is None:
        return Problem.DAY, ""
    if occasion.at is None:
        return Problem.NO_TIME, ""
    return None, ""
