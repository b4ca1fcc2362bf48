"""A part of a reminder said by itself, which completes or changes one: 「金曜」, 「15時にして」, 「5年1組に」."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import cast

from intents.commands import END
from intents.lexicon import load_lexicon
from intents.normalise import plain
from intents.occasions import Occasion, Problem, find_occasion
from intents.receivers import Receivers, find_receivers
from intents.reminder_words import QUOTE, QUOTED, load_reminder_words
from intents.residue import leftover
from intents.sent_words import Spoken
from intents.spans import Reader
from knowledge.questions.model import Vocabulary
from knowledge.reminding import Anchor, Audience
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"
LONGEST = 1200  # characters; the words to be sent are part of it


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a text says of a reminder; None where it says nothing of it."""

    audience: Audience | None = None
    text: str | None = None  # words to send, which stood in quotation marks
    at: time | None = None
    start: date | None = None  # with ``rrule`` the first day
    rrule: str | None = None
    anchor: Anchor | None = None
    problem: Problem | None = None
    said: str = ""  # the words the problem is about
    at_once: bool = False  # いますぐ

    @property
    def says_day(self) -> bool:
        return self.start is not None or self.rrule is not None or self.anchor is not None

    def __bool__(self) -> bool:
        return self != Part()


def understand_part(text: str, vocabulary: Vocabulary, now: datetime, speaker_id: str) -> Part:
    """What the text says of a reminder, and nothing but that; an empty part for any other text."""
    if len(text) > LONGEST:
        return Part()
    whole = END.sub("", plain(text))
    bare = whole
    for edge in _words()["edges"]:
        bare = edge.sub("", bare).strip()
    if any(each.fullmatch(bare) for each in _words()["at_once"]):
        return Part(at_once=True)
    parts = (_part(each, vocabulary, now, speaker_id) for each in (bare, whole))
    return next((part for part in parts if part), Part())


def may_be_reminder(text: str) -> bool:
    """Whether a text may ask for a reminder at all: told at once, without any names."""
    reader = Reader(QUOTED.sub(QUOTE, text))
    return load_reminder_words(reader.language)["hints"][0].search(reader.folded) is not None


def asks_for_one(text: str) -> bool:
    """Whether a text asks for a reminder and says nothing more."""
    bare = END.sub("", plain(text))
    return any(each.fullmatch(bare) for each in _words()["alone"])


def _part(text: str, vocabulary: Vocabulary, now: datetime, speaker_id: str) -> Part:
    quotes = tuple(match[0][1:-1] for match in QUOTED.finditer(text))
    masked = QUOTED.sub(QUOTE, text)
    if len(quotes) > 1 or not masked:
        return Part()
    found = _find(masked, quotes, vocabulary, now, speaker_id)
    if found is not None and found[1].problem is Problem.PAST:
        # A time without a day is not today's here; whether it is over, whoever knows the day may say.
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        found = _find(masked, quotes, vocabulary, midnight, speaker_id) or found
    if found is None:
        return Part()
    receivers, occasion = found
    names_day = occasion.start != now.date() or occasion.at is None
    problem, said = receivers.problem, receivers.said
    if problem is None:
        problem, said = occasion.problem, occasion.said
    return Part(
        audience=receivers.audience,
        text=quotes[0] if quotes else None,
        at=occasion.at,
        start=occasion.start if names_day or any(each.search(text) for each in _words()["today"]) else None,
        rrule=occasion.rrule,
        anchor=occasion.anchor,
        problem=problem,
        said=said,
        at_once=occasion.at_once,
    )


def _find(
    masked: str, quotes: tuple[str, ...], vocabulary: Vocabulary, now: datetime, speaker_id: str
) -> tuple[Receivers, Occasion] | None:
    """Whom and when; None where more than that is said. A time that may be another (3時) is left to the preview."""
    reader = Reader(masked)
    words = load_reminder_words(reader.language)
    spoken = Spoken(reader=reader, words=words, text=masked, quotes=quotes)
    receivers = find_receivers(spoken, vocabulary, speaker_id)
    occasion = find_occasion(reader, vocabulary, now)
    for pattern in (re.compile(QUOTE), *words["fillers"]):
        reader.has(pattern)
    if leftover(reader, load_lexicon(reader.language)).words or receivers.doubtful:
        return None
    return receivers, occasion


@cache
def _words() -> dict[str, tuple[re.Pattern[str], ...]]:
    """What may stand around a part, and the words for today, of all languages."""
    languages = [
        cast("dict[str, list[str]]", load_yaml(path.read_text("utf-8")))
        for path in sorted(DATA.glob("*/reminder_parts.yaml"))
    ]
    return {
        name: tuple(re.compile(word, re.IGNORECASE) for language in languages for word in language[name])
        for name in ("edges", "today", "at_once", "alone")
    }
