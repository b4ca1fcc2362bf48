"""あとで, and the time a child names with it: 「あとで、5時に」「30分あとで」「ごはんのあとで」.

The words are data per language (``intents/data/<language>/later.yaml``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

from intents.conditions import number
from intents.normalise import plain
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, kw_only=True)
class LaterRequest:
    """When a child wants to be asked again."""

    puts_off: bool  # あとで was said; without it the text is a time and nothing else
    after: timedelta | None = None
    at: tuple[time, ...] | None = None  # school local; 5時 is two times a day, 25時 none
    never: bool = False  # not at all


def find_later(text: str) -> LaterRequest | None:
    """What ``text`` asks, when it is nothing but あとで, a time, or both; None for anything else."""
    said = plain(text).lower()
    if not said.isascii():
        said = said.replace(" ", "")
    for language in _languages():
        if language.never.fullmatch(said):
            return LaterRequest(puts_off=True, never=True)
        if not language.whole.fullmatch(said):
            continue
        puts_off = language.puts_off.search(said) is not None
        if span := language.span.search(said):
            return LaterRequest(puts_off=puts_off, after=language.minutes(span))
        if clock := language.clock.search(said):
            return LaterRequest(puts_off=puts_off, at=language.times(clock))
        if puts_off:
            return LaterRequest(puts_off=True)
    return None


@dataclass(frozen=True, kw_only=True)
class _Language:
    whole: re.Pattern[str]  # any of the others, again and again
    puts_off: re.Pattern[str]
    clock: re.Pattern[str]  # groups part (午後), hour, minute or minute2, half
    span: re.Pattern[str]  # groups hours, and_half, minutes; none of them: half an hour
    never: re.Pattern[str]
    morning: frozenset[str]
    afternoon: frozenset[str]
    numerals: Mapping[str, int]

    def minutes(self, found: re.Match[str]) -> timedelta:
        named = found.groupdict()
        hours, minutes = (number(named[each] or "", self.numerals) or 0 for each in ("hours", "minutes"))
        half = 30 if named["and_half"] or not (named["hours"] or named["minutes"]) else 0
        return timedelta(minutes=hours * 60 + minutes + half)

    def times(self, found: re.Match[str]) -> tuple[time, ...]:
        """The times of day that are meant; none where there is no such time."""
        named = found.groupdict()
        hour = number(named["hour"], self.numerals)
        minute = 30 if named["half"] else number(named["minute"] or named["minute2"] or "0", self.numerals)
        if hour is None or minute is None or hour > 23 or minute > 59:
            return ()
        hours = {hour % 12, hour % 12 + 12} if 0 < hour <= 12 else {hour}
        if named["part"] in self.morning:
            hours = {each for each in hours if each < 12}
        elif named["part"] in self.afternoon:
            hours = {each for each in hours if each >= 12}
        return tuple(time(each, minute) for each in sorted(hours))


@cache
def _languages() -> tuple[_Language, ...]:
    return tuple(
        _language(cast("dict[str, Any]", load_yaml(path.read_text("utf-8"))))
        for path in sorted(DATA.glob("*/later.yaml"), reverse=True)
    )


def _language(data: Mapping[str, Any]) -> _Language:
    words = "|".join(re.escape(word) for word in sorted(data["numerals"], key=len, reverse=True))
    counted = f"(?:[0-9]{{1,3}}|(?:{words})+)"

    def pattern(*parts: str) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{part})" for part in parts).replace("<n>", counted))

    puts_off, clock = "|".join(data["puts_off"]), data["clock"]
    span = "|".join([*data["spans"], data["half_an_hour"]])
    return _Language(
        whole=re.compile(f"(?:{pattern(puts_off, span, clock, *data['occasions'], *data['fillers']).pattern})+"),
        puts_off=pattern(puts_off),
        clock=pattern(clock),
        span=pattern(span),
        never=pattern(data["never"]),
        morning=frozenset(data["morning"]),
        afternoon=frozenset(data["afternoon"]),
        numerals=data["numerals"],
    )
