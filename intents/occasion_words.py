"""The words that say when something is to happen, as compiled patterns; the words themselves are data per language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from functools import cache
from pathlib import Path
from typing import Any

from intents.patterns import written_out
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).with_name("data")
BOUNDS = ("from", "until", "by", "within")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What stands about a day that begins or ends something."""

    before: re.Pattern[str]  # ends where the day begins
    after: re.Pattern[str]


@dataclass(frozen=True, kw_only=True)
class OccasionWords:
    """One language's words for when."""

    rules: tuple[tuple[str, re.Pattern[str]], ...]  # RRULE with {places}; with ? only how often was said
    parts_of_rules: Mapping[str, str]  # 毎朝 → 朝
    days: tuple[tuple[str, re.Pattern[str]], ...]  # by kind
    bounds: Mapping[str, Bound]
    clock: tuple[re.Pattern[str], ...]
    parts: Mapping[str, time | None]  # the time of day that a part of it means
    afternoon_hours: tuple[int, int]  # from, to: without a part of the day they are taken for the afternoon
    anchors: tuple[re.Pattern[str], ...]
    singles: Mapping[str, re.Pattern[str]]  # the patterns that stand alone in the file, by name
    tables: Mapping[str, Mapping[str, Any]]  # by group, what each word stands for
    numerals: Mapping[str, int]
    events: Mapping[str, tuple[str, ...]]  # under which other titles an event is looked for
    ten: str | None  # the numeral that multiplies: 二十五

    def value(self, match: re.Match[str], group: str) -> Any:
        """What the group, or one of its alternatives (``day``, ``day2``), stands for; None when none took part."""
        said = self.said(match, group)
        if said is None:
            return None
        if group in self.tables:
            return self.tables[group].get(said)
        return self.number(said)

    def said(self, match: re.Match[str], group: str) -> str | None:
        named = match.groupdict()
        return next((named[name] for name in (group, f"{group}2", f"{group}3") if named.get(name) is not None), None)

    def number(self, said: str) -> int | None:
        if said.isdecimal():
            return int(said)
        if self.ten is not None and self.ten in said:
            tens, _, ones = said.partition(self.ten)
            return self.numerals.get(tens, 1) * 10 + self.numerals.get(ones, 0)
        return self.numerals.get(said)


@cache
def load_occasion_words(language: str) -> OccasionWords:
    """The words of ``ja`` or ``en``, read and compiled once."""
    data: dict[str, Any] = load_yaml((DATA / language / "occasions.yaml").read_text(encoding="utf-8"))
    groups: dict[str, str | dict[str, Any]] = data["groups"]

    def compiled(pattern: str, form: str = "{}") -> re.Pattern[str]:
        return re.compile(form.format(f"(?:{written_out(pattern, groups, data['macros'])})"))

    singles = ("joined", "for", "soon", "at_once", "part_alone", "tight", "loose", "until_event", "anchor_from")
    return OccasionWords(
        rules=tuple((rule, compiled(pattern)) for rule, pattern in data["rules"]),
        parts_of_rules=data["parts_of_rules"],
        days=tuple((kind, compiled(pattern)) for kind, pattern in data["days"]),
        bounds={
            name: Bound(
                before=compiled(data["bounds"][name]["before"], "{}$"), after=compiled(data["bounds"][name]["after"])
            )
            for name in BOUNDS
        },
        clock=tuple(compiled(pattern) for pattern in data["clock"]),
        parts={word: at and time.fromisoformat(at) for word, at in data["parts"].items()},
        afternoon_hours=tuple(data["afternoon_hours"]),
        anchors=tuple(compiled(pattern) for pattern in data["anchors"]),
        singles={name: compiled(data[name]) for name in singles}
        | {"from_before": compiled(data["anchor_from_before"])},
        tables={name: group for name, group in groups.items() if not isinstance(group, str)},
        numerals=data["numerals"],
        events={name: tuple(titles) for name, titles in data["events"].items()},
        ten=data["ten"],
    )


def titles_of(event: str) -> tuple[str, ...]:
    """What an event may be called in a calendar: as it was said, then as calendars of the other languages have it."""
    said = event.lower()
    others = (load_occasion_words(language).events.get(said, ()) for language in ("ja", "en"))
    return (event, *(title for titles in others for title in titles))
