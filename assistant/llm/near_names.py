"""Names with a slip in them: one letter wrong, missing, doubled or swapped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

HIRAGANA = re.compile("[ぁ-ん]")
ANY = "\0"  # in place of a letter that may be any


def near_forms(name: str) -> Iterator[str]:
    """What a name is among, should one of its letters be wrong or missing, or two be swapped; ``looked_up`` gives the
    same for a text."""
    yield from wildcards(name)
    for at in range(len(name)):
        yield name[:at] + name[at + 1 :]
        if at + 1 < len(name):
            yield name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def looked_up(text: str) -> Iterator[str]:
    """The forms under which a text may be found among ``near_forms``, or among the names themselves: as it stands, with
    any of its letters wrong, or one too many."""
    yield text
    yield from wildcards(text)


def without_one(text: str) -> Iterator[str]:
    """The text without each of its letters: the name, where one was typed too many."""
    for at in range(len(text)):
        yield text[:at] + text[at + 1 :]


def wildcards(text: str) -> Iterator[str]:
    for at in range(len(text)):
        yield text[:at] + ANY + text[at + 1 :]


class NearNames:
    """Finds names in a text that has no spaces between its words. Of those shorter than ``shortest`` none with a slip
    in it: too many words are like them."""

    def __init__(self, names: Iterable[str], shortest: int) -> None:
        self._shortest = shortest
        self._names = {name for name in names if len(name) > 2}
        self._near = {form: name for name in sorted(self._names) if len(name) >= shortest for form in near_forms(name)}
        self._lengths = sorted({len(name) + more for name in self._names for more in (-1, 0, 1)}, reverse=True)

    def find(self, text: str) -> str | None:
        """The name that a word is, or nearly is."""
        for form in looked_up(text):
            if form in self._names:
                return form
            if form in self._near:
                return self._near[form]
        return next((form for form in without_one(text) if form in self._names and len(form) >= self._shortest), None)

    def places(self, text: str) -> list[tuple[int, int, str]]:
        """(start, end, name) of what is nearly a name, none within another; nothing that has a bracket in it."""
        found: list[tuple[int, int, str]] = []
        for length in self._lengths:
            for start in range(len(text) - length + 1):
                piece = text[start : start + length]
                if "[" in piece or "]" in piece or not piece.isalpha():
                    continue
                name = self.find(piece)
                if name is not None and len(name) == 3 and HIRAGANA.search(piece):  # 林の学 is not like 林大学
                    continue
                if name is not None and all(end <= start or start + length <= begin for begin, end, _ in found):
                    found.append((start, start + length, name))
        return found
