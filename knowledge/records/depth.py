"""How deep a reflection goes, 0–4, by rule: the words are data, knowledge/records/data/<language>/depth.yaml.

One point each for an event or a feeling, a reason or a way of doing, a comparison with the goal, the past or a friend,
and the next action. It speaks about the text, never about the child, and is no mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TypedDict

from knowledge.yaml_data import load_yaml

_DATA = Path(__file__).parent / "data"
_HEAD = re.compile(r"\(\?:(?P<words>[^()\[\]]+)\)(?!\?)|\[(?P<letters>[^-^\]]+)\](?![?+*{])")
_SPACES = re.compile(r"[ \u3000]")


class _File(TypedDict):
    letters: str
    has_spaces: bool
    nothing: list[list[str]]
    event: list[list[str]]
    reason: list[list[str]]
    compared: list[list[str]]
    action: list[list[str]]


@dataclass(frozen=True, kw_only=True)
class _Language:
    """The rubric in the words of one language."""

    letters: re.Pattern[str]  # it is asked only about texts with one of these
    has_spaces: bool  # between words; where it has none, spaces in a text do not count
    points: tuple[re.Pattern[str], ...]  # event, reason, compared, action


@dataclass(frozen=True, kw_only=True)
class _Rubric:
    """The rubric in every language: a child may write in any."""

    letters: re.Pattern[str]  # an answer without one, 「…」, says nothing
    nothing: re.Pattern[str]  # matches a whole answer that says there is nothing to say
    languages: tuple[_Language, ...]


def depth_of(went_well: str | None, difficult: str | None, next_step: str | None) -> int | None:
    """The level of a reflection's answers: 0 for text in which nothing of the rubric is found, None for no text.

    A next step that says something is an action, whatever its words.
    """
    answers = [text.lower() for text in (went_well, difficult, next_step) if text and not text.isspace()]
    if not answers:
        return None
    rubric = _rubric()
    said = [text for text in answers if rubric.letters.search(text) and not rubric.nothing.fullmatch(text)]
    text = "\n".join(said)
    event = reason = compared = False
    action = bool(next_step) and next_step.lower() in said
    for language in rubric.languages:
        if language.letters.search(text):
            written = text if language.has_spaces else _SPACES.sub("", text)
            of_event, of_reason, of_comparison, of_action = language.points
            event = event or bool(of_event.search(written))
            reason = reason or bool(of_reason.search(written))
            compared = compared or bool(of_comparison.search(written))
            action = action or bool(of_action.search(written))
    return event + reason + compared + action


@cache
def _rubric() -> _Rubric:
    files = [load_yaml(path.read_text(encoding="utf-8")) for path in sorted(_DATA.glob("*/depth.yaml"))]
    contents: list[_File] = files
    nothing = "|".join(chain.from_iterable(chain.from_iterable(content["nothing"] for content in contents)))
    return _Rubric(
        letters=re.compile("|".join(content["letters"] for content in contents)),
        nothing=re.compile(rf"\W*(?:{nothing})\W*"),
        languages=tuple(_language(content) for content in contents),
    )


def _language(content: _File) -> _Language:
    def compiled(lines: list[list[str]]) -> re.Pattern[str]:
        words = _either(chain.from_iterable(lines))
        return re.compile(rf"\b(?:{words})\b" if content["has_spaces"] else words)

    return _Language(
        letters=re.compile(content["letters"]),
        has_spaces=content["has_spaces"],
        points=(
            compiled(content["event"]),
            compiled(content["reason"]),
            compiled(content["compared"]),
            compiled(content["action"]),
        ),
    )


def _either(patterns: Iterable[str]) -> str:
    """One expression for all, sorted by their first letters: the search passes over all other letters at once, and
    tries no more than the words of the letter it stands at. (A plain alternation costs five times as much.)"""
    by_letter: dict[str, list[str]] = {}
    for word in chain.from_iterable(map(_spelt_out, patterns)):
        is_plain = word[:1].isalnum() and word[1:2] not in ("?", "*", "+", "{")
        by_letter.setdefault(word[:1] if is_plain else "", []).append(word[1:] if is_plain else word)
    return "|".join(f"{letter}(?:{'|'.join(rests)})" for letter, rests in by_letter.items())


def _spelt_out(pattern: str) -> list[str]:
    """``(?:a|b)c`` as ``ac`` and ``bc``, ``[ab]c`` likewise."""
    if group := _HEAD.match(pattern):
        heads = group["words"].split("|") if group["words"] else list(group["letters"])
        return [head + pattern[group.end() :] for head in heads]
    return [pattern]
