"""Thresholds and flags in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from assistant.messages import Words
from assistant.wording.texts import Speaker, fill
from knowledge.care.kinds import Numbers, Said, ThresholdKind, kinds
from knowledge.records.flags import Flagged

DATES = frozenset({"first", "last"})


def say_name(kind_id: str, speaker: Speaker) -> Words:
    """What a kind is called."""
    said = _said(kind_id, speaker)
    return Words.of(said.name) if said is not None else Words()


def say_means(kind: ThresholdKind, numbers: Numbers, speaker: Speaker) -> Words:
    """Whom a threshold points out."""
    return fill(kind.said[speaker.language].means, {name: number(value, kind, name) for name, value in numbers.items()})


def say_why(flag: Flagged, speaker: Speaker) -> Words:
    """Why a child was pointed out, with the figures; when it is over, or rests on nothing any more, that too."""
    said = _said(flag.kind, speaker)
    if said is None or not flag.figures:
        return speaker.say("care_flags.unfounded", day=say_day(flag.since, speaker))
    why = fill(said.why, {name: _figure(name, value, speaker) for name, value in flag.figures.items()})
    if flag.ended_on is None:
        return why
    return Words.join([why, speaker.say("care_flags.over", day=say_day(flag.ended_on, speaker))], "")


def say_might(flag: Flagged, speaker: Speaker) -> Sequence[Words]:
    """What one might do."""
    said = _said(flag.kind, speaker)
    return [] if said is None else [Words.of(each) for each in said.might]


def say_child(flag: Flagged, speaker: Speaker) -> Words:
    """The child with its class."""
    name = Words.own(f"{flag.family_name} {flag.given_name}")
    if not flag.class_title:
        return name
    return speaker.say("care_flags.child", name=name, school_class=Words.own(flag.class_title))


def say_day(day: date, speaker: Speaker) -> Words:
    return speaker.say("care_flags.day", month=day.month, day=day.day)


def number(value: float, kind: ThresholdKind, name: str) -> str:
    """A number of a threshold as its field shows it: with decimals only where its steps have some."""
    return f"{value:.1f}" if kind.parameters[name].step % 1 else f"{value:.0f}"


def _figure(name: str, value: Any, speaker: Speaker) -> Words | str:
    if name in DATES:
        return say_day(date.fromisoformat(value), speaker)
    if isinstance(value, list):
        days = cast("list[str]", value)
        return Words.join(
            [say_day(date.fromisoformat(day), speaker) for day in days], str(speaker.say("care_flags.comma"))
        )
    return str(value)


def _said(kind_id: str, speaker: Speaker) -> Said | None:
    """None for a kind that this version does not know."""
    found: Mapping[str, ThresholdKind] = kinds()
    return found[kind_id].said[speaker.language] if kind_id in found else None
