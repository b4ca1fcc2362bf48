"""Find signs of distress in a student's text, by rules alone and before anything else reads it.

The rules are data: intents/data/<language>/distress.yaml. All languages are asked, since a child may write in any.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NotRequired, TypedDict

from intents.beginnings import beginnings
from intents.slips import SEED, Phrases
from intents.spellings import in_kana, in_words, sounds, spelt
from knowledge.yaml_data import load_yaml

_DATA = Path(__file__).parent / "data"
_SENTENCE_END = re.compile(r"[。．.!?！？\n]+")
_WORD = re.compile(r"\b(?=\w)", re.ASCII)  # where a Latin word begins
_EDGE = re.compile(r"\b", re.ASCII)
_START = re.compile(r"(?<!\[)\^")
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
    signs: tuple[str, ...]  # patterns over spelt text
    slips: Phrases  # signs that count with a slip too
    excuse: str  # figures of speech, negation: a sign that overlaps one does not count
    setting: str | None  # stories, games, lessons: no sign counts in a clause with one
    turn: str  # where a clause ends: "but", "I too"

    def counting(self, spelling: str, signs: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Yield those signs of a sentence that count."""
        excuses = [excuse.span() for excuse in _compiled(self.excuse).finditer(spelling)]
        settings = self._clauses_of_settings(spelling)
        for start, end in signs:
            if not any(a < end and start < b for a, b in excuses) and not any(a <= start < b for a, b in settings):
                yield start, end

    def _clauses_of_settings(self, spelling: str) -> list[tuple[int, int]]:
        setting = _compiled(self.setting) if self.setting is not None else None
        if setting is None or not setting.search(spelling):
            return []
        ends = [0, *(turn.start() for turn in _compiled(self.turn).finditer(spelling)), len(spelling)]
        return [(a, b) for a, b in pairwise(ends) if setting.search(spelling, a, b)]


class _Category(TypedDict):
    level: str
    patterns: list[str]
    slips: NotRequired[list[str]]
    unless: NotRequired[list[str]]
    settings: NotRequired[list[str]]


class _File(TypedDict):
    whole_words: bool
    words: dict[str, list[str]]
    settings: dict[str, list[str]]
    turns: list[str]
    unless: list[str]
    categories: dict[str, _Category]


def find_distress(text: str) -> Distress | None:
    """Return the first sign of the highest level in the text, or None if there is none."""
    found = {id(rule) for rule, *_ in _signs(text)}
    for rule in _rules() if found else ():  # most texts go no further
        if id(rule) in found and (words := _words(rule, text)):
            return Distress(level=rule.level, category=rule.category, words=words)
    return None


def _words(rule: _Rule, text: str) -> str | None:
    """Return the part of the text, as typed, that is a sign of this kind."""
    excused: set[str] = set()
    sentences = _SENTENCE_END.split(text)
    pairs = [f"{one}\n{next}" for one, next in pairwise(sentences)]
    for part in (*sentences, *pairs, text):  # an excuse holds within its own sentence, and there it is final
        signs = [(way, start, end) for of, way, start, end in _signs(part) if of is rule]
        if signs:
            way = signs[0][0]  # what is excused as it is typed is no sign in another spelling
            places = [(start, end) for spelling, start, end in signs if spelling is way]
            new = [place for place in places if part in sentences or way[slice(*place)] not in excused]
            if sign := next(rule.counting(way, new), None):
                return _as_typed(part, way, *sign)
            excused |= {way[slice(*place)] for place in places}
    return None


def _signs(text: str) -> Iterator[tuple[_Rule, str, int, int]]:
    """Yield in which spelling, and from where to where there, something stands that may be a sign, and of what."""
    plain = spelt(text)
    for language in _languages():
        for way in in_words(plain) if language.whole_words else in_kana(plain):
            for rule, start, end in language.signs(way):
                yield rule, way, start, end


def _as_typed(text: str, spelling: str, start: int, end: int) -> str:
    """Return the part of the text that is spelt so, or the whole text if no part is."""
    places = range(len(text) + 1)
    first = bisect_right(places, start, key=lambda place: len(spelt(text[:place]))) - 1
    last = bisect_left(places, end, key=lambda place: len(spelt(text[:place])))
    part = text[first:last].strip()
    return part if spelt(part) == spelling[start:end] else text.strip()


@dataclass(frozen=True, kw_only=True)
class _Language:
    """The rules of a file, by the letters with which a sign begins."""

    rules: tuple[_Rule, ...]
    whole_words: bool
    by_beginning: dict[str, list[tuple[_Rule, str]]]
    slips: frozenset[str]  # letters without which no slip needs to be looked for

    @classmethod
    def of(cls, rules: tuple[_Rule, ...], whole_words: bool) -> _Language:
        by_beginning: dict[str, list[tuple[_Rule, str]]] = {}
        for rule in rules:
            for sign in rule.signs:
                for beginning in beginnings(sign):
                    by_beginning.setdefault(beginning, []).append((rule, sign))
        slips = frozenset(seed for rule in rules for seed in rule.slips.seeds())
        return cls(rules=rules, whole_words=whole_words, by_beginning=by_beginning, slips=slips)

    def signs(self, spelling: str) -> Iterator[tuple[_Rule, int, int]]:
        places = [word.start() for word in _WORD.finditer(spelling)] if self.whole_words else range(len(spelling))
        for at in places:
            for beginning in (spelling[at], spelling[at : at + 2]):
                for rule, sign in self.by_beginning.get(beginning, ()):
                    if found := _compiled(sign).match(spelling, at):
                        yield rule, *found.span()
        if any(spelling[at : at + SEED] in self.slips for at in range(len(spelling))):
            for rule in self.rules:
                for start, end in rule.slips.find(spelling):
                    if not self.whole_words or (_EDGE.match(spelling, start) and _EDGE.match(spelling, end)):
                        yield rule, start, end


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, when it is first asked for: compiling all of them takes seconds, and most are never met."""
    return re.compile(pattern, re.ASCII)  # a word also ends where kana begins


@cache
def _languages() -> tuple[_Language, ...]:
    """Return the rules of all languages; a mistake in the data raises KeyError or ValueError."""
    return tuple(_read(file) for file in sorted(_DATA.glob("*/distress.yaml")))


@cache
def _rules() -> tuple[_Rule, ...]:
    """Return the rules of all languages, urgent first."""
    rules = [rule for language in _languages() for rule in language.rules]
    return tuple(sorted(rules, key=lambda rule: list(Level).index(rule.level)))


def _read(file: Path) -> _Language:
    content: _File = load_yaml(file.read_text(encoding="utf-8"))
    words: dict[str, str] = {}
    edge = r"\b" if content["whole_words"] else ""

    def named(pattern: str) -> str:
        pattern = _START.sub("(?<![^。])", sounds(pattern)).replace("$", "(?![^。])")  # of a sentence
        return re.sub(r"<(\w+)>", lambda name: words[name[1]], pattern)

    def whole(pattern: str) -> str:
        return f"{edge}(?:{named(pattern)}){edge}"

    def either(patterns: list[str]) -> str:
        return "|".join(map(whole, patterns))

    for name, forms in content["words"].items():  # a list may be made of those above it
        words[name] = f"(?:{'|'.join(map(named, forms))})"
    turn = either(content["turns"])
    rules: list[_Rule] = []
    for category, rule in content["categories"].items():
        settings = [pattern for name in rule.get("settings", []) for pattern in content["settings"][name]]
        made = _Rule(
            level=Level(rule["level"]),
            category=category,
            signs=tuple(map(whole, _shared(rule["patterns"]))),
            slips=Phrases.of(map(sounds, rule.get("slips", []))),
            excuse=either([*rule.get("unless", []), *content["unless"]]),
            setting=either(settings) if settings else None,
            turn=turn,
        )
        rules.append(made)
    return _Language.of(tuple(rules), content["whole_words"])


def _shared(patterns: list[str]) -> list[str]:
    """Return the patterns with those that begin with the same <name> made one, so it is tried once a place."""
    rests: dict[str, list[str]] = {}
    for head, rest in (_HEAD.findall(pattern)[0] for pattern in patterns):
        rests.setdefault(head, []).append(rest)
    alone = rests.pop("", [])
    return [*alone, *(f"{head}(?:{'|'.join(alternatives)})" for head, alternatives in rests.items())]
