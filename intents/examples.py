"""Questions that can be asked, to be shown to somebody whose words were not understood: those most like them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from intents.normalise import plain
from knowledge.yaml_data import load_yaml

_MARK = re.compile(r"[一-鿿々]|[ァ-ヴー]{2,}|[a-z]{3,}")
PLAIN = frozenset("子今日週月年人") | {"the", "this", "who", "how", "what", "was", "which", "many", "has"}
DATA = Path(__file__).parent / "data"


def nearest_examples(text: str, language: str, most: int = 3) -> tuple[str, ...]:
    """The examples of ``ja`` or ``en`` that share the most kanji and words with ``text``; for a text that shares
    nothing the first ones of the list."""
    said = _marks(text)
    ranked = sorted(_examples(language), key=lambda example: -_likeness(said, _marks(example)))
    return tuple(ranked[:most])


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice's coefficient of two sets, 0 to 1."""
    return 2 * len(one & other) / max(1, len(one) + len(other))


def _marks(text: str) -> frozenset[str]:
    """What stands out in a text: single kanji, words in katakana and in Latin letters."""
    return frozenset(_MARK.findall(plain(text).lower())) - PLAIN


@cache
def _examples(language: str) -> tuple[str, ...]:
    return tuple(load_yaml((DATA / language / "examples.yaml").read_text("utf-8")))
