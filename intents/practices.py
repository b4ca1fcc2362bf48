"""Good practice (優良事例): 「実践メモ: 5年算数 分数のわり算で、…」, and what is looked for, reviewed or taken back.

Pure functions; the words are data per language (``intents/data/<language>/practices.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, cast

from intents.lexicon import DATA, load_lexicon
from intents.normalise import plain
from intents.spans import Reader
from knowledge.yaml_data import load_yaml

LONGEST = 100  # characters of a request; what is longer tells something
STAGES = "PJH"  # of grade codes: primary, junior high, high school
NUMBERS = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6}
_END = re.compile(r"[\s。.!！?？〜~]+$")


class PracticeAct(StrEnum):
    """What is wanted with practices that were told."""

    FIND = "find"
    REVIEW = "review"  # those that wait for a lead
    WITHDRAW = "withdraw"
    HOW = "how"  # how one is told


@dataclass(frozen=True, kw_only=True)
class PracticeRequest:
    """What is looked for or to be done."""

    act: PracticeAct
    subjects: tuple[str, ...] = ()  # official names, each as it may be meant: "maths" is 算数 or 数学
    grades: tuple[str, ...] = ()  # codes, each as it may be meant: 「1年」 is P1, J1 or H1
    words: tuple[str, ...] = ()  # what else was said, as typed


def find_told(text: str) -> str | None:
    """The practice in 「実践メモ: …」, in the teacher's own words: "" when there is nothing behind the prefix, None for
    any other text. Without a colon or a new line it is told only where it is no request: 「優良事例 ある？」 is one."""
    said = text.strip()
    for language in ("ja", "en"):
        found = _words(language).prefix.match(said)
        if found is None:
            continue
        behind = said[found.end() :]
        gap = re.match(r"[ \t\u3000]*[:：\n]\s*|[\s\u3000、,]+|$", behind)
        if gap is None:
            continue
        is_marked = any(sign in gap[0] for sign in ":：\n")
        if is_marked or (find_request(text) is None and behind.strip()):
            return behind[gap.end() :].strip()
    return None


def find_request(text: str) -> PracticeRequest | None:
    """What a text wants of the practices; None for any other text, as for one that tells a practice."""
    said = _END.sub("", plain(text))
    if not said or len(said) > LONGEST or "\n" in text.strip():
        return None
    reader = Reader(said)
    words = _words(reader.language)
    for act, pattern in words.whole.items():
        if pattern.fullmatch(reader.folded):
            return PracticeRequest(act=act)
    return _search(reader, words)


def subjects_of(text: str) -> tuple[str, ...]:
    """The subject that a text names first, by every official name it may have; empty where it names none."""
    return _subjects(Reader(text))[1]


def grades_of(text: str, stages: str = STAGES) -> tuple[str, ...]:
    """The codes of the grades that a text names, in order; a number alone is of each of ``stages`` that has it."""
    return find_grades(Reader(text), stages)[0]


@dataclass(frozen=True, kw_only=True)
class _Words:
    prefix: re.Pattern[str]
    noun: re.Pattern[str]
    whole: Mapping[PracticeAct, re.Pattern[str]]
    asks: re.Pattern[str]
    fillers: re.Pattern[str]
    stage: re.Pattern[str]  # before a grade
    short: re.Pattern[str]  # both in one: 中1
    stages: Mapping[str, str]


def _search(reader: Reader, words: _Words) -> PracticeRequest | None:
    nouns = [*words.noun.finditer(reader.folded)]
    if not nouns:
        return None
    noun = nouns[-1]
    behind = reader.folded[noun.end() :]
    if reader.language == "ja":
        if words.asks.fullmatch(behind) is None:
            return None
        reader.explained.update(range(noun.start(), len(reader.folded)))
    else:
        asked = words.asks.match(reader.folded)
        if asked is None and behind and not behind.startswith((" about", " for", " on", " in", " with")):
            return None
        reader.explained.update(range(*noun.span()), range(asked.end() if asked else 0))
    grades, places = find_grades(reader, STAGES)
    reader.explained.update(places)
    match, subjects = _subjects(reader)
    if match is not None:
        reader.claim(match)
    left = "".join("\n" if at in reader.explained else letter for at, letter in enumerate(reader.typed))
    stretches = (words.fillers.sub("", each.strip()).strip() for each in left.split("\n"))
    found = tuple(dict.fromkeys(word for each in stretches for word in each.split()))
    return PracticeRequest(act=PracticeAct.FIND, subjects=subjects, grades=grades, words=found)


def _subjects(reader: Reader) -> tuple[re.Match[str] | None, tuple[str, ...]]:
    """Where the first subject stands, and every name it may have."""
    found = [
        (match, name)
        for name, pattern in load_lexicon(reader.language).subjects.items()
        for match in reader.unclaimed(pattern)
    ]
    if not found:
        return None, ()
    first = min((match for match, _ in found), key=lambda match: (match.start(), -match.end()))
    return first, tuple(dict.fromkeys(name for match, name in found if match.span() == first.span()))


def find_grades(reader: Reader, stages: str = STAGES) -> tuple[tuple[str, ...], Collection[int]]:
    """The codes of the grades that a text names, and the places in it that name them."""
    lexicon, words = load_lexicon(reader.language), _words(reader.language)
    codes: list[str] = []
    places: set[int] = set()
    for pattern in (words.short, *lexicon.classes, *lexicon.grades):
        for match in pattern.finditer(reader.folded):
            if not places.isdisjoint(range(*match.span())):
                continue
            said = match["grade"]
            number = int(said) if said.isdigit() else lexicon.numerals.get(said) or NUMBERS.get(said, 0)
            before = reader.folded[: match.start()]
            stage = next((each for each in words.stage.finditer(before) if each.end() == len(before)), None)
            stage = match if "stage" in pattern.groupindex else stage
            meant = words.stages[stage["stage"]] if stage is not None else stages
            codes += [f"{each}{number}" for each in meant if 1 <= number <= (6 if each == "P" else 3)]
            places.update(range(stage.start() if stage is not None else match.start(), match.end()))
    return tuple(dict.fromkeys(codes)), places


@cache
def _words_of(language: str) -> dict[str, Any]:
    data = cast("dict[str, Any]", load_yaml((DATA / language / "practices.yaml").read_text("utf-8")))
    macros = {name: f"(?:{data[name]})" for name in ("noun", "polite")}

    def written(pattern: str) -> str:
        return re.sub(r"(?<!\?P)<(noun|polite)>", lambda macro: macros[macro[1]], pattern)

    return {name: written(value) if isinstance(value, str) else value for name, value in data.items()}


@cache
def _words(language: str) -> _Words:
    data = _words_of(language)
    return _Words(
        prefix=re.compile(data["prefix"], re.IGNORECASE),
        noun=re.compile(f"{data['noun']}|{data['noun_alone']}"),
        whole={act: re.compile(data[act]) for act in (PracticeAct.REVIEW, PracticeAct.WITHDRAW, PracticeAct.HOW)},
        asks=re.compile(data["asks"]),
        fillers=re.compile(data["fillers"]),
        stage=re.compile(data["stage"]),
        short=re.compile(data["short"]),
        stages=data["stages"],
    )
