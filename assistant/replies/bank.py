"""The bank of replies: ``<language>/<theme>.yaml`` holds the words by which a theme is found in a reflection, and
sentences by grade band and pillar. Nothing here is sent by itself: a teacher chooses, changes and sends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent
BANDS = ("lower", "upper", "secondary")
QUOTE = "{quote}"  # in a sentence: the child's own words


class Pillar(StrEnum):
    """What a reply is for."""

    ACKNOWLEDGE = "acknowledge"  # what was written has arrived
    AFFIRM = "affirm"  # a word on how it was done
    INVITE = "invite"  # to tell more
    COACH = "coach"  # one next step


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One reply of the bank."""

    theme: str
    pillar: Pillar
    text: str

    @property
    def quotes(self) -> bool:
        return QUOTE in self.text

    def fill(self, quote: str) -> str:
        return self.text.replace(QUOTE, quote)

    @cached_property
    def _parts(self) -> Sequence[str]:
        """What stays of it whatever it quotes, without spaces: a teacher's editor may have changed those."""
        return [part for piece in self.text.split(QUOTE) if (part := _bare(piece).strip("「」“”、。,."))]

    def is_in(self, reply: str) -> bool:
        """Whether a reply that was sent began as this sentence and was not much changed."""
        bare = _bare(reply)
        return all(part in bare for part in self._parts)


@dataclass(frozen=True, kw_only=True)
class Theme:
    """What a reflection may be about, and what shows it."""

    name: str
    fields: tuple[str, ...] = ()  # answers in which its words are looked for
    given: str | None = None  # the answer that shows it by saying anything at all
    mood: frozenset[str] = frozenset()
    achievement: frozenset[str] = frozenset()
    points: frozenset[str] = frozenset()  # of the rubric (``knowledge.records.depth``)
    shorter_than: int = 0  # characters that all answers have together; 0: their length does not show it
    alone: bool = False  # where its words are found, nothing else is spoken of
    words: re.Pattern[str] | None = None  # of all languages: a child may write in any
    unless: re.Pattern[str] | None = None  # a sentence with one of these does not show it

    def is_in(self, sentence: str) -> bool:
        """Whether a sentence (small letters) shows the theme by its words."""
        return self.words is not None and bool(self.words.search(sentence)) and not self.is_denied(sentence)

    def is_denied(self, sentence: str) -> bool:
        return self.unless is not None and bool(self.unless.search(sentence))


@cache
def themes() -> tuple[Theme, ...]:
    """All themes, in the order in which they count. A mistake in the data raises ``KeyError``, ``TypeError`` or
    ``re.error``."""
    order: Mapping[str, Mapping[str, Any]] = _load("themes.yaml")
    files = {name: [_load(f"{path.parent.name}/{path.name}") for path in DATA.glob(f"*/{name}.yaml")] for name in order}
    return tuple(
        Theme(
            name=name,
            fields=tuple(entry.get("fields", ())),
            given=entry.get("given"),
            mood=frozenset(entry.get("mood", ())),
            achievement=frozenset(entry.get("achievement", ())),
            points=frozenset(entry.get("points", ())),
            shorter_than=entry.get("shorter_than", 0),
            alone=entry.get("alone", False),
            words=_either(files[name], "words"),
            unless=_either(files[name], "unless"),
        )
        for name, entry in order.items()
    )


@cache
def sentences(language: str, band: str, theme: str, pillar: Pillar) -> tuple[Sentence, ...]:
    """The replies of one place of the bank, in the order of the file. Raises ``KeyError`` where there is none."""
    texts: list[str] = _load(f"{language}/{theme}.yaml")[band][pillar]
    return tuple(Sentence(theme=theme, pillar=pillar, text=text) for text in texts)


def _either(files: Sequence[Mapping[str, Any]], name: str) -> re.Pattern[str] | None:
    patterns = [pattern for file in files for pattern in file.get(name, ())]
    return re.compile("|".join(patterns)) if patterns else None


@lru_cache(maxsize=256)
def _bare(text: str) -> str:
    return re.sub(r"[\s\u3000]", "", text)


@cache
def _load(name: str) -> Any:
    return load_yaml((DATA / name).read_text("utf-8"))
