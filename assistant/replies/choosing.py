"""Three replies for one reflection, by rule: its themes, three of the four pillars, nothing the child got lately."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from assistant.replies.bank import BANDS, Pillar, Sentence, Theme, sentences, themes
from assistant.wording.texts import band_of
from intents.distress import find_distress
from knowledge.records.depth import POINTS, seen_in
from knowledge.records.rubric import load_rubric

OFFERED = 3
MOST_THEMES = 3  # of one reflection, the first in the order of the bank
LONGEST_QUOTE = 40  # characters; what is longer is not quoted
TEXTS = ("went_well", "difficult", "next_step")
GOALS = ("goal_missed", "goal_reached")  # themes that quote the morning's goal
LITTLE = "little"

_SENTENCE = re.compile(r"[^。．！!？?\n]+[？?]?")
_JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")


@dataclass(frozen=True, kw_only=True)
class Reflection:
    """What the rules look at: a reflection as its reader may see it."""

    student_id: str
    day: date
    grade: str | None
    went_well: str | None = None
    difficult: str | None = None
    next_step: str | None = None
    mood: str | None = None
    achievement: str | None = None
    goal: str | None = None  # of the morning
    others: Sequence[str] = field(default=())  # texts to questions of the school's own

    @property
    def texts(self) -> Mapping[str, str]:
        """The answers that have text."""
        return {name: text for name in TEXTS if (text := getattr(self, name) or "").strip()}


def is_distressed(reflection: Reflection) -> bool:
    """Whether its words need a person, not a sentence of a bank."""
    return any(find_distress(text) for text in (*reflection.texts.values(), *reflection.others))


def themes_of(reflection: Reflection) -> list[tuple[Theme, str]]:
    """The themes of a reflection with the child's words that stand for each (empty: none that can be quoted), at most
    ``MOST_THEMES``; never none."""
    rubric = load_rubric("depth", POINTS)
    said = {
        name: [each for each in _sentences(text) if rubric.says_something(_plain(each))]
        for name, text in reflection.texts.items()
        if rubric.says_something(text.lower())
    }
    points = frozenset(seen_in(reflection.went_well, reflection.difficult, reflection.next_step) or ())
    well = [_plain(each) for each in said.get("went_well", ())]
    length = sum(len(each) for each in reflection.texts.values())
    found: list[tuple[Theme, str]] = []
    used: set[str] = set()  # sentences that showed a theme
    for theme in themes():
        words = _shown_by(theme, said, used)
        if words is not None:
            used.add(words)
            found.append((theme, _quotable(words)))
            if theme.alone:
                return found
        elif reflection.mood in theme.mood or reflection.achievement in theme.achievement:
            found.append((theme, _quotable((reflection.goal or "") if theme.name in GOALS else "")))
        elif theme.points & points and well and not any(map(theme.is_denied, well)):
            found.append((theme, ""))
        elif length < theme.shorter_than and not used:
            found.append((theme, _quotable(next((each for texts in said.values() for each in texts), ""))))
    return found[:MOST_THEMES] or [(_little(), "")]


def suggest(reflection: Reflection, language: str, recent: Sequence[str]) -> list[str]:
    """Three replies to choose from, or none where the child's words ask for a person. The same reflection and the same
    ``recent`` replies (to this child, the newest first) always give the same three."""
    if is_distressed(reflection):
        return []
    band = band_of(reflection.grade)
    band = band if band in BANDS else "upper"
    found = themes_of(reflection)
    quoting = _number(reflection, "quote") % OFFERED  # one of the three quotes the child, where it can
    offered: list[str] = []
    for number, pillar in enumerate(_pillars(reflection, language, band, recent)):
        places = [found[(number + step) % len(found)] for step in range(len(found))]
        usable, quote = _usable(language, band, pillar, places, recent)
        if number == quoting:
            usable = [each for each in usable if each.quotes] or usable
        offered.append(usable[_number(reflection, f"{usable[0].theme}/{pillar}") % len(usable)].fill(quote))
    return offered


def _pillars(reflection: Reflection, language: str, band: str, recent: Sequence[str]) -> list[Pillar]:
    """Three of the four in their order: not the one of the last reply, where that came from the bank."""
    last = next((each.pillar for each in _all(language, band) if recent and each.is_in(recent[0])), None)
    left_out = last or [*Pillar][_number(reflection, "pillar") % len(Pillar)]
    return [pillar for pillar in Pillar if pillar is not left_out]


def _usable(
    language: str, band: str, pillar: Pillar, places: Sequence[tuple[Theme, str]], recent: Sequence[str]
) -> tuple[list[Sentence], str]:
    """The sentences of the first theme that has some the child did not get lately (where all have: not the last time),
    and the child's words to fill in."""
    for known in (recent, recent[:1], ()):
        for theme, quote in (*places, (_little(), "")):
            usable = [
                each
                for each in sentences(language, band, theme.name, pillar)
                if (quote or not each.quotes) and not any(each.is_in(reply) for reply in known)
            ]
            if usable:
                return usable, quote
    raise LookupError(f"the bank has no sentence without a quote for {language}/{LITTLE}/{band}/{pillar}")


def _all(language: str, band: str) -> Iterator[Sentence]:
    return (each for theme in themes() for pillar in Pillar for each in sentences(language, band, theme.name, pillar))


def _shown_by(theme: Theme, said: Mapping[str, Sequence[str]], used: Collection[str]) -> str | None:
    """The sentence that shows a theme by its words, or by being there and showing no other. None where none does."""
    if theme.given is not None:
        of_field = (each for each in said.get(theme.given, ()) if each not in used)
        return next((each for each in of_field if not theme.is_denied(_plain(each))), None)
    return next((each for name in theme.fields for each in said.get(name, ()) if theme.is_in(_plain(each))), None)


def _sentences(text: str) -> list[str]:
    return [each.strip() for each in _SENTENCE.findall(text) if each.strip()]


def _plain(sentence: str) -> str:
    """As the words of the themes are written."""
    plain = unicodedata.normalize("NFKC", sentence).lower()
    return re.sub(r"\s", "", plain) if _JAPANESE.search(plain) else plain


def _quotable(text: str) -> str:
    text = text.strip().strip("「」“”\"'、，,.")
    return text if "\n" not in text and "{" not in text and len(text) <= LONGEST_QUOTE else ""


def _number(reflection: Reflection, what: str) -> int:
    seed = f"{reflection.student_id}/{reflection.day}/{what}"
    return int.from_bytes(sha256(seed.encode()).digest()[:8], "big")


def _little() -> Theme:
    return next(theme for theme in themes() if theme.name == LITTLE)
