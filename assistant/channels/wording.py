"""What channels share: wording fitted to the grade, and texts kept within a platform's limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import regex

from assistant.messages import Choice, Outgoing, Words
from assistant.wording.grade_fit import to_kana

GRAPHEME = regex.compile(r"\X")
ELLIPSIS = "…"


def kana(words: Words, grade: str | None) -> str:
    """The words as one text, kanji above the grade in hiragana. A person's own words stay as they were written."""
    parts: list[str] = []
    # Neighbouring spans of ours are read together: the reading of 分 depends on the figure before it.
    for own, spans in groupby(words.spans, key=lambda span: span.own):
        text = "".join(span.text for span in spans)
        parts.append(text if own else to_kana(text, grade))
    return "".join(parts)


def body_of(message: Outgoing, grade: str | None) -> str:
    """Text, links and small print of a message."""
    links = [f"{kana(link.label, grade)}\n{link.address}".rstrip() for link in message.links]
    return "\n\n".join(part for part in (kana(message.text, grade), *links, kana(message.aside, grade)) if part)


def numbered(text: str, choices: Sequence[Choice], grade: str | None) -> str:
    """The last rung of the ladder: choices as a numbered list under the text."""
    return "\n".join([text, *(f"{n}. {kana(choice.label, grade)}" for n, choice in enumerate(choices, start=1))])


def utf16(text: str) -> int:
    """The length as LINE counts it, in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def shorten(text: str, graphemes: int) -> str:
    """A label of at most so many graphemes; a longer one ends in an ellipsis (the message itself says it in full)."""
    if len(text) <= graphemes:
        return text
    found = GRAPHEME.findall(text)
    return text if len(found) <= graphemes else "".join(found[: graphemes - 1]) + ELLIPSIS


def split(text: str, limit: int, measure: Callable[[str], int] = len) -> list[str]:
    """Pieces of at most ``limit``, cut at line breaks where there are any, so that nothing is lost."""
    pieces: list[str] = []
    rest = text
    while measure(rest) > limit:
        cut = limit
        while measure(rest[:cut]) > limit:
            cut -= max(1, (measure(rest[:cut]) - limit) // 2)
        newline = rest.rfind("\n", 0, cut)
        cut = newline if newline > 0 else cut
        pieces.append(rest[:cut])
        rest = rest[cut:].removeprefix("\n")
    return [*pieces, rest]
