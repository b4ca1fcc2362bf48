"""A text under reading, and which of its characters some rule has explained."""

from __future__ import annotations

import re
from collections.abc import Iterator

from intents.normalise import plain

_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_FOLDED = _HIRAGANA | str.maketrans("āīūēōâîûêô", "aiueoaiueo")  # Satō is sato
_KANA = re.compile(r"[぀-ヿ]")
_JAPANESE = re.compile(r"[぀-ヿ一-鿿々]")
_LATIN = re.compile(r"[a-z]")


class Reader:
    """The text in three spellings of one length, so that a place in one is the same place in the others."""

    def __init__(self, text: str) -> None:
        typed = plain(text).replace("’", "'")
        small = typed.lower()
        self.language = _language(small)
        if self.language == "ja":
            typed, small = typed.replace(" ", ""), small.replace(" ", "")
        self.surface = small
        self.typed = typed if len(typed) == len(small) else small  # as it was typed; some capitals have longer smalls
        self.folded = small.translate(_FOLDED)  # what the patterns are written for
        self.explained: set[int] = set()

    def has(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern occurs; every occurrence is explained by it."""
        found = [*pattern.finditer(self.folded)]
        for match in found:
            self.claim(match)
        return bool(found)

    def take(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """The occurrences of which nothing was explained yet, explained now; empty when there are none."""
        found = [match for match in self.unclaimed(pattern) if match[0]]
        for match in found:
            self.claim(match)
        return found

    def claim(self, match: re.Match[str]) -> None:
        self.explained.update(range(*match.span()))

    def unclaimed(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Occurrences of which no character has been explained yet; the caller claims those it can use."""
        for match in pattern.finditer(self.folded):
            if self.explained.isdisjoint(range(*match.span())):
                yield match


def _language(text: str) -> str:
    """Names in kanji may stand in an English question, and Latin letters in a Japanese one."""
    japanese = len(_JAPANESE.findall(text))
    if not japanese:
        return "en"
    share = 4 if _KANA.search(text) else 2
    return "en" if len(_LATIN.findall(text)) > share * japanese else "ja"
