"""Phrases found although one letter of them is wrong, missing, too many or in the place of its neighbour.

Of a phrase with one slip one half is whole. So the first letters of the halves are looked up at every place of the
text, and the few that are met are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SHORTEST = 6  # letters of a phrase: in shorter ones a slip makes too many other words
SEED = 3  # letters of a half that are looked up


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Phrases by the first letters of their halves."""

    _whole_start: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _whole_end: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @classmethod
    def of(cls, phrases: Iterable[str]) -> Phrases:
        """Raises ``ValueError`` where a phrase is too short."""
        made = cls()
        for phrase in phrases:
            if len(phrase) < SHORTEST:
                raise ValueError(f"too short to forgive a slip: {phrase}")
            half = len(phrase) // 2
            made._whole_start.setdefault(phrase[:SEED], []).append(phrase)
            made._whole_end.setdefault(phrase[half : half + SEED], []).append(phrase)
        return made

    def seeds(self) -> Iterator[str]:
        """Yield the letters of which a text has some if it has a phrase."""
        yield from self._whole_start
        yield from self._whole_end

    def find(self, text: str, start: int = 0) -> Iterator[tuple[int, int]]:
        """Yield from where to where a phrase stands in the text, from this place on."""
        for at in range(start, len(text) - SEED + 1):
            seed = text[at : at + SEED]
            for phrase in self._whole_start.get(seed, ()):
                half = len(phrase) // 2
                if text.startswith(phrase[:half], at):
                    rest = phrase[half:]
                    for size in (len(rest), len(rest) - 1, len(rest) + 1):
                        if is_slip(text[at + half : at + half + size], rest):
                            yield at, at + half + size
                            break
            for phrase in self._whole_end.get(seed, ()):
                half = len(phrase) // 2
                if text.startswith(phrase[half:], at):
                    for size in (half, half - 1, half + 1):
                        if start <= at - size and is_slip(text[at - size : at], phrase[:half]):
                            yield at - size, at + len(phrase) - half
                            break


def is_slip(written: str, meant: str) -> bool:
    """Whether one is the other, or but for one letter: another, missing, too many or swapped with its neighbour.

    >>> is_slip("いじめらてる", "いじめられてる"), is_slip("しいにたい", "しにたい"), is_slip("きえたい", "しにたい")
    (True, True, False)
    """
    if written == meant:
        return True
    same = next((at for at, (a, b) in enumerate(zip(written, meant, strict=False)) if a != b), None)
    if same is None:
        return abs(len(written) - len(meant)) == 1
    rest, wanted = written[same:], meant[same:]
    return (
        rest[1:] == wanted[1:]
        or rest == wanted[1:]
        or rest[1:] == wanted
        or (rest[2:] == wanted[2:] and rest[:2] == wanted[1::-1] and len(rest) > 1)
    )
