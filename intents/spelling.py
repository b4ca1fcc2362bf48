"""A word of the lexicon with one letter wrong, missing, too much or swapped, put right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from intents.lexicon import Lexicon
from intents.spans import Reader

LONGEST = 80  # characters of a text that is looked through


@dataclass(frozen=True, kw_only=True)
class Correction:
    text: str
    sure: bool  # a letter is missing, too much or swapped; another letter may make another word: みなおし, みとおし


def corrections(reader: Reader, lexicon: Lexicon) -> Iterator[Correction]:
    """Texts in which one word is spelt as the lexicon spells it; nothing for a long text or one without such a word."""
    text = reader.folded
    if len(text) > LONGEST:
        return
    for word in lexicon.spellings:
        for size in (len(word), len(word) + 1, len(word) - 1):
            for start in range(len(text) - size + 1):
                said = text[start : start + size]
                if said[0] != word[0] and said[-1] != word[-1]:
                    continue
                if word in text:
                    continue
                if reader.language == "en" and not _whole(text, start, start + size):
                    continue
                if one_edit_apart(said, word):
                    sure = size != len(word) or sorted(said) == sorted(word)
                    yield Correction(text=text[:start] + word + text[start + size :], sure=sure)


def one_edit_apart(one: str, other: str) -> bool:
    """Whether one letter replaced, left out, put in, or two neighbours swapped make the one the other; False for equal
    words (the distance of Damerau and Levenshtein is exactly 1)."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    shorter = min(len(one), len(other))
    front = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    one, other = one[front:], other[front:]
    if len(one) == len(other):
        return one[1:] == other[1:] or (one[:2] == other[1::-1] and one[2:] == other[2:])
    return one[1:] == other if len(one) > len(other) else one == other[1:]


def _whole(text: str, start: int, end: int) -> bool:
    return not text[start - 1 : start].isalpha() and not text[end : end + 1].isalpha()
