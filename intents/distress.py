"""Find signs of distress in a student's text, by rules alone and before anything else reads it.

The rules are data: intents/data/<language>/distress.yaml. All languages are asked, since a child may write in any.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NotRequired, TypedDict

from intents.normalise import fold, letters
from knowledge.yaml_data import load_yaml

_DATA = Path(__file__).parent / "data"
_SENTENCE_END = re.compile(r"[。．.!?！？\n]+")
_HEAD = re.compile(r"(<\w+>(?![?*+{]))?(.*)")  # the <name> a pattern begins with, and the rest


class Level(StrEnum):
    """How soon a person has to look; the first is the higher."""

    URGENT = "urgent"
    SOON = "soon"


@dataclass(frozen=True, kw_only=True)
class Distress:
    """What was found: a reason for a person to look, neither a diagnosis nor a score."""

    level: Level
    category: str  # the name of the rule, e.g. wish_to_die; for staff, never shown to the child
    words: str  # the part of the text, as typed, that raised it; its whole sentence or text if untold


@dataclass(frozen=True, kw_only=True)
class _Rule:
    level: Level
    category: str
    sign: re.Pattern[str]  # over folded text
    excuse: re.Pattern[str]  # figures of speech, negation, fiction: a sign that overlaps one does not count


class _Category(TypedDict):
    level: str
    patterns: list[str]
    unless: NotRequired[list[str]]


class _File(TypedDict):
    whole_words: bool
    words: dict[str, list[str]]
    unless: list[str]
    categories: dict[str, _Category]


def find_distress(text: str) -> Distress | None:
    """Return the first sign of the highest level in the text, or None if there is none."""
    folded = fold(text)
    for rule in _rules():
        if rule.sign.search(folded):  # most texts go no further
            for part in (*_SENTENCE_END.split(text), text):  # an excuse holds within its own sentence only
                if sign := _unexcused(rule, fold(part)):
                    return Distress(level=rule.level, category=rule.category, words=_as_typed(part, sign))
    return None


def _unexcused(rule: _Rule, folded: str) -> re.Match[str] | None:
    sign = rule.sign.search(folded)
    excuses = [excuse.span() for excuse in rule.excuse.finditer(folded)]
    while sign and any(start < sign.end() and sign.start() < end for start, end in excuses):
        sign = rule.sign.search(folded, sign.start() + 1)  # a second sign may begin inside an excused one
    return sign


def _as_typed(text: str, sign: re.Match[str]) -> str:
    """Return the part of the text that folds to the sign, or the whole text if no part does."""
    places = range(len(text) + 1)
    start = bisect_right(places, sign.start(), key=lambda place: len(fold(text[:place]))) - 1
    end = bisect_left(places, sign.end(), key=lambda place: len(fold(text[:place])))
    part = text[start:end].strip()
    return part if fold(part) == sign[0] else text


@cache
def _rules() -> tuple[_Rule, ...]:
    """Return the rules of all languages, urgent first; a mistake in the data raises KeyError, ValueError, re.error."""
    rules = [rule for file in sorted(_DATA.glob("*/distress.yaml")) for rule in _read(file)]
    return tuple(sorted(rules, key=lambda rule: list(Level).index(rule.level)))


def _read(file: Path) -> Iterator[_Rule]:
    content: _File = load_yaml(file.read_text(encoding="utf-8"))
    words = {name: "(?:" + "|".join(forms) + ")" for name, forms in content["words"].items()}
    edge = r"\b" if content["whole_words"] else ""

    def compiled(patterns: list[str]) -> re.Pattern[str]:
        named = re.sub(r"<(\w+)>", lambda name: letters(words[name[1]]), letters(_either(patterns)))
        return re.compile(f"{edge}(?:{named}){edge}", re.ASCII)  # ASCII: a word also ends where kana begins

    for category, rule in content["categories"].items():
        yield _Rule(
            level=Level(rule["level"]),
            category=category,
            sign=compiled(rule["patterns"]),
            excuse=compiled([*rule.get("unless", []), *content["unless"]]),
        )


def _either(patterns: list[str]) -> str:
    """Return the alternatives as one; those that begin with the same <name> share it, so it is tried once a place."""
    rests: dict[str, list[str]] = {}
    for head, rest in (_HEAD.findall(pattern)[0] for pattern in patterns):
        rests.setdefault(head, []).append(rest)
    return "|".join(f"{head}(?:{'|'.join(alternatives)})" for head, alternatives in rests.items())
