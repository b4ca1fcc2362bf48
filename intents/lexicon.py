"""What people say when they ask about the data, as compiled patterns; the words themselves are data per language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from knowledge.questions.model import Phase

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, kw_only=True)
class PeriodWords:
    pattern: re.Pattern[str]
    label: str  # how the period is named back


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """One language's words for questions about the data."""

    words: Mapping[str, re.Pattern[str]]  # by the name of the list in the file: checkin, rate, missing …
    phases: Mapping[Phase, re.Pattern[str]]
    classes: tuple[re.Pattern[str], ...]  # groups ``grade`` and ``name``
    class_alone: tuple[re.Pattern[str], ...]  # group ``name``
    grades: tuple[re.Pattern[str], ...]  # group ``grade``
    numerals: Mapping[str, int]  # numbers that are not written in digits
    grade_label: str  # format with ``number``
    join: str  # between the names of several
    periods: Mapping[str, PeriodWords]
    dates: tuple[re.Pattern[str], ...]  # groups ``month`` or ``monthname``, ``day``, perhaps ``year`` or ``reiwa``
    date_label: str  # format with ``date``
    light: frozenset[str]  # dictionary forms of verbs that say nothing by themselves


WORDS = (
    "checkin",
    "reflection_alone",
    "rate",
    "count",
    "submission",
    "state",
    "topic",
    "interrogative",
    "done",
    "missing",
    "missing_alone",
    "listing",
    "own_class",
    "own_school",
    "district",
    "future",
    "fillers",
    "elsewhere",
)


@cache
def load_lexicon(language: str) -> Lexicon:
    """The words of ``ja`` or ``en``, read and compiled once."""
    data: dict[str, Any] = yaml.safe_load((DATA / language / "questions.yaml").read_text(encoding="utf-8"))
    number = f"(?:{data['number']})"

    def each(name: str) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern.replace("<n>", number)) for pattern in data[name])

    return Lexicon(
        words={name: _any_of(data[name]) for name in WORDS},
        phases={Phase(name): _any_of(patterns) for name, patterns in data["phases"].items()},
        classes=each("classes"),
        class_alone=each("class_alone"),
        grades=each("grades"),
        numerals=data["numerals"],
        grade_label=data["grade_label"],
        join=data["join"],
        periods={
            name: PeriodWords(pattern=_any_of(entry["words"]), label=entry["label"])
            for name, entry in data["periods"].items()
        },
        dates=each("dates"),
        date_label=data["date_label"],
        light=frozenset(data["light"]),
    )


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    """One pattern for a list of them; an empty list matches nothing."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)")
