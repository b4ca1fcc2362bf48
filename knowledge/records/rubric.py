"""A rubric of a few points, each found in a text by rule: the words are data, knowledge/records/data/<language>/.

It says which points a text has and by which words, so that a reader can see why. It speaks about the text, never about
the child.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from knowledge.yaml_data import load_yaml

_DATA = Path(__file__).parent / "data"
_HEAD = re.compile(r"\(\?:(?P<words>[^()\[\]]+)\)(?!\?)|\[(?P<letters>[^-^\]]+)\](?![?+*{])")
_SPACES = re.compile(r"[ \u3000]")


@dataclass(frozen=True, kw_only=True)
class _Language:
    """A rubric in the words of one language."""

    letters: re.Pattern[str]  # it is asked only about texts with one of these
    has_spaces: bool  # between words; where it has none, spaces in a text do not count
    points: Mapping[str, re.Pattern[str]]


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """The points of one rubric in every language: a child may write in any."""

    letters: re.Pattern[str]  # an answer without one, 「…」, says nothing
    nothing: re.Pattern[str]  # matches a whole answer that says there is nothing to say
    languages: Sequence[_Language]

    def says_something(self, answer: str) -> bool:
        """Whether an answer (small letters) is more than 「特になし」 or marks."""
        return bool(self.letters.search(answer)) and not self.nothing.fullmatch(answer)

    def see(self, text: str) -> dict[str, str]:
        """By point the words in which it was found, as they stand in ``text`` (small letters) but for spaces of a
        language without them; a point that is not there is left out."""
        seen: dict[str, str] = {}
        for language in self.languages:
            if language.letters.search(text):
                written = text if language.has_spaces else _SPACES.sub("", text)
                for point, words in language.points.items():
                    if point not in seen and (found := words.search(written)):
                        seen[point] = found[0]
        return seen


@cache
def load_rubric(name: str, points: tuple[str, ...]) -> Rubric:
    """The rubric of the files ``<language>/<name>.yaml``. A mistake in them raises ``KeyError`` or ``re.error``."""
    files = [load_yaml(path.read_text(encoding="utf-8")) for path in sorted(_DATA.glob(f"*/{name}.yaml"))]
    contents: list[dict[str, Any]] = files
    nothing = "|".join(chain.from_iterable(chain.from_iterable(content["nothing"] for content in contents)))
    return Rubric(
        letters=re.compile("|".join(content["letters"] for content in contents)),
        nothing=re.compile(rf"\W*(?:{nothing})\W*"),
        languages=[_language(content, points) for content in contents],
    )


def _language(content: Mapping[str, Any], points: Iterable[str]) -> _Language:
    def compiled(lines: list[list[str]]) -> re.Pattern[str]:
        words = _either(chain.from_iterable(lines))
        return re.compile(rf"\b(?:{words})\b" if content["has_spaces"] else words)

    return _Language(
        letters=re.compile(content["letters"]),
        has_spaces=content["has_spaces"],
        points={point: compiled(content[point]) for point in points},
    )


def _either(patterns: Iterable[str]) -> str:
    """One expression for all, sorted by their first letters: the search passes over all other letters at once, and
    tries no more than the words of the letter it stands at. (A plain alternation costs five times as much.)"""
    by_letter: dict[str, list[str]] = {}
    for word in chain.from_iterable(map(_spelt_out, patterns)):
        is_plain = word[:1].isalnum() and word[1:2] not in ("?", "*", "+", "{")
        by_letter.setdefault(word[:1] if is_plain else "", []).append(word[1:] if is_plain else word)
    return "|".join(f"{letter}(?:{'|'.join(rests)})" for letter, rests in by_letter.items())


def _spelt_out(pattern: str) -> Iterator[str]:
    """``(?:a|b)c`` as ``ac`` and ``bc``, ``[ab]c`` likewise."""
    if group := _HEAD.match(pattern):
        heads = group["words"].split("|") if group["words"] else list(group["letters"])
        yield from (head + pattern[group.end() :] for head in heads)
    else:
        yield pattern
