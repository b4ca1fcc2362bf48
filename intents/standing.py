"""Questions to be asked again and again: 「毎週月曜8時に先週の提出率を送って」 → when, and which question.

The words are data per language (``intents/data/<language>/standing.yaml``). The result's rule is an RRULE (RFC 5545).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from intents.normalise import plain

DATA = Path(__file__).parent / "data"
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, kw_only=True)
class StandingRequest:
    """What a text asks to be sent again and again."""

    rrule: str  # without the prefix RRULE:
    at: time | None  # None: no time of day was named
    question: str  # the rest of the text: what to ask each time


def find_standing(text: str) -> StandingRequest | None:
    """The standing question a text asks for; None for any other text, also for one that names no day or asks nothing
    to be sent."""
    said = plain(text)
    for language in _languages():
        asks = language.asks.search(said)
        if asks is None:
            continue
        for rule, pattern in language.recurrences:
            if (found := pattern.search(said)) is None:
                continue
            rrule = _rrule(rule, found, language)
            clock = language.clock.search(said)
            at = _time(clock, language.afternoon) if clock is not None else language.defaults.get(found[0].lower())
            if rrule is None or (clock is not None and at is None):
                return None  # 毎月32日, 25時
            # The question is what remains: by place, the later first, so that the earlier places hold.
            rest = said
            for match in sorted((each for each in (asks, found, clock) if each), key=lambda each: -each.start()):
                rest = rest[: match.start()] + " " + rest[match.end() :]
            question = language.edges.sub("", " ".join(rest.split()))
            return StandingRequest(rrule=rrule, at=at, question=question) if question else None
    return None


@dataclass(frozen=True, kw_only=True)
class _Language:
    asks: re.Pattern[str]  # 送って
    recurrences: tuple[tuple[str, re.Pattern[str]], ...]
    clock: re.Pattern[str]  # groups hour, minute, half, noon (午後)
    afternoon: frozenset[str]
    days: Mapping[str, str]  # 月 → MO
    day_ending: re.Pattern[str]  # 曜日, whose 日 is no Sunday
    defaults: Mapping[str, time]  # 毎朝 → 08:00
    edges: re.Pattern[str]  # what is left over at the ends of the question


def _rrule(rule: str, found: re.Match[str], language: _Language) -> str | None:
    named, days = found.groupdict(), language.days
    if "{days}" in rule:
        said = language.day_ending.sub("", named["days"].lower())
        listed = [days[day] for day in re.findall("|".join(days), said)]
        return rule.format(days=",".join(sorted(set(listed), key=DAYS.index)))
    if "{day}" in rule:
        day = int(named["day"])
        return rule.format(day=day) if 1 <= day <= 31 else None
    return rule


def _time(clock: re.Match[str], afternoon: frozenset[str]) -> time | None:
    named = clock.groupdict()
    hour = int(named["hour"])
    minute = 30 if named.get("half") else int(named.get("minute") or named.get("minute2") or 0)
    if (named.get("noon") or "").lower() in afternoon and hour < 12:
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None


@cache
def _languages() -> tuple[_Language, ...]:
    return tuple(
        _language(cast("dict[str, Any]", yaml.safe_load(path.read_text("utf-8"))))
        for path in sorted(DATA.glob("*/standing.yaml"))
    )


def _language(data: Mapping[str, Any]) -> _Language:
    day = "|".join(data["days"])
    return _Language(
        asks=re.compile("|".join(data["asks"]), re.IGNORECASE),
        recurrences=tuple(
            (rule, re.compile(pattern.replace("<d>", f"(?:{day})"), re.IGNORECASE))
            for rule, patterns in data["recurrences"].items()
            for pattern in patterns
        ),
        clock=re.compile(data["clock"], re.IGNORECASE),
        afternoon=frozenset(data["afternoon"]),
        days=data["days"],
        day_ending=re.compile(data["day_ending"]),
        defaults={words: time.fromisoformat(at) for words, at in data["defaults"].items()},
        edges=re.compile(data["edges"], re.IGNORECASE),
    )
