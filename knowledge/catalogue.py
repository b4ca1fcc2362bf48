"""What of the catalogue is about a topic: compared by sound, so that ぶんすう finds 分数 and たし算 finds 足し算.

A topic is cut into parts at particles and marks (分数のたし算 → ブンスウ, タシザン); a part stands in a text when its
reading does. The catalogue is small: every item is looked at, and what was read once is kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from sudachipy import Dictionary, SplitMode

from knowledge.documents.terms import fold, stem
from knowledge.records.content import Item

NEARLY = 0.5  # share of a topic's parts that an item has at least to be called close to it
SHORTEST_SOUND = 3  # kana of a part that may stand anywhere in a text; a shorter one must be a part of it
CACHED = 8192  # texts whose reading is kept
DIVIDING = frozenset("のとをやにでがはも")
# What the dictionary reads otherwise than children learn it.
AS_LEARNT = (("九九", "くく"),)
_TO_KATAKANA = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)}
_LATIN = re.compile("[a-z]+(?:'[a-z]+)?")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the catalogue has, best first."""

    items: tuple[Item, ...] = ()
    is_near: bool = False  # none is about all of the topic
    is_other_kind: bool = False  # none is of the kind that was asked for


def search(
    items: Sequence[Item],
    *,
    topics: Sequence[str] = (),
    subject: str | None = None,
    grade: str | None = None,
    kinds: Collection[str] = (),
    most: int = 5,
) -> Found:
    """Items for ``grade`` about one of ``topics``, which are spellings of the same, of a subject, and of a kind that
    one of the words ``kinds`` names; without a topic everything of the subject. Where no item is of the kind, or none
    has all of the topic, what comes close is found and said to be so."""
    fitting = [item for item in items if item.fits_grade(grade) and subject in (None, item.subject)]
    ranked = [(max((coverage(topic, item) for topic in topics), default=1.0), item) for item in fitting]
    best = max((share for share, _ in ranked), default=0.0)
    if best < NEARLY:
        return Found()
    about = [(share, item) for share, item in ranked if share == best]
    of_kind = [(share, item) for share, item in about if _is_of_kind(item, kinds)]
    in_title = {
        item.content_id: max((_share(parts_of(t), item.title) for t in topics), default=0.0) for _, item in about
    }
    chosen = sorted(
        (item for _, item in of_kind or about),
        key=lambda item: (-in_title[item.content_id], not item.grades, item.minutes or 0, item.content_id),
    )
    return Found(items=tuple(chosen[:most]), is_near=best < 1, is_other_kind=bool(kinds) and not of_kind)


def coverage(topic: str, item: Item) -> float:
    """The share of the topic's parts, 0 to 1, that stand in title, description or provider of an item."""
    return _share(parts_of(topic), "\n".join(filter(None, (item.title, item.description, item.provider))))


@lru_cache(maxsize=CACHED)
def parts_of(text: str) -> tuple[str, ...]:
    """The readings of a text's parts, katakana, or the stems of Latin words, each once."""
    parts, part = list[str](), ""
    for word in _dictionary().tokenizer(mode=SplitMode.A).tokenize(_prepared(text)):
        surface = word.surface()
        kind = word.part_of_speech()[0]
        if surface.isascii() or kind in ("補助記号", "記号", "空白") or (kind == "助詞" and surface in DIVIDING):
            parts.append(part)
            part = ""
            parts += [stem(latin) for latin in _LATIN.findall(surface)]
        else:
            part += word.reading_form() or surface.translate(_TO_KATAKANA)
    return tuple(dict.fromkeys(filter(None, [*parts, part])))


@lru_cache(maxsize=CACHED)
def _sound(text: str) -> str:
    """The reading of a whole text, parts divided."""
    return "|".join(parts_of(text))


def _share(parts: Sequence[str], text: str) -> float:
    own, sound = frozenset(parts_of(text)), _sound(text)
    there = sum(part in own or (len(part) >= SHORTEST_SOUND and not part.isascii() and part in sound) for part in parts)
    return there / len(parts) if parts else 0.0


def _is_of_kind(item: Item, kinds: Collection[str]) -> bool:
    said = fold(f"{item.title} {item.description or ''}")
    return any(fold(word) in said for word in kinds)


def _prepared(text: str) -> str:
    text = fold(text)
    for written, learnt in AS_LEARNT:
        text = text.replace(written, learnt)
    return text


@cache
def _dictionary() -> Dictionary:
    """Built on first use: it takes some 20 ms."""
    return Dictionary(dict="small")
