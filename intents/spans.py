"""A text under reading, and which of its characters some rule has explained."""

from __future__ import annotations

import re
from collections.abc import Iterator

from intents.normalise import plain

_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_JAPANESE = re.compile(r"[぀-ヿ一-鿿々]")


class Reader:
    """The text in two spellings of one length, so that a place in one is the same place in the other."""

    def __init__(self, text: str) -> None:
        text = plain(text).lower().replace("’", "'")
        self.language = "ja" if _JAPANESE.search(text) else "en"
        self.surface = text.replace(" ", "") if self.language == "ja" else text
        self.folded = self.surface.translate(_HIRAGANA)  # what the patterns are written for
        self.explained: set[int] = set()

    def has(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern occurs; every occurrence is explained by it."""
        found = [*pattern.finditer(self.folded)]
        for match in found:
            self.claim(match)
        return bool(found)

    def claim(self, match: re.Match[str]) -> None:
        self.explained.update(range(*match.span()))

    def unclaimed(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Occurrences of which no character has been explained yet; the caller claims those it can use."""
        for match in pattern.finditer(self.folded):
            if self.explained.isdisjoint(range(*match.span())):
                yield match
