"""How long a flag lasts: raised once, told of again only where it got worse, over when its rule finds nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from knowledge.care.days import Child, SchoolDays
from knowledge.care.kinds import Numbers, ThresholdKind
from knowledge.care.rules import RULES, Found


class Step(StrEnum):
    """What a day does to a flag."""

    NOTHING = "nothing"  # there is none, and none is raised
    RAISED = "raised"
    LASTS = "lasts"
    WORSE = "worse"  # it lasts, and staff are told once more
    ENDED = "ended"


def step(told: float | None, found: Found | None, worse_by: float) -> Step:
    """``told``: how far it was when staff were last told of it; None: there is no flag."""
    if told is None:
        return Step.NOTHING if found is None else Step.RAISED
    if found is None:
        return Step.ENDED
    return Step.WORSE if found.amount >= told + worse_by else Step.LASTS


def look(child: Child, kind: ThresholdKind, numbers: Numbers, on: date) -> Found | None:
    """What the rule of a kind finds on a day; nothing for a child who is not at the school on it."""
    if not child.is_enrolled(on):
        return None
    until = bisect_right(child.days, on, key=lambda day: day.date)
    return RULES[kind.id](child.days[:until], on, numbers)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a threshold would have done over some days."""

    raised: Mapping[str, int]  # by child, in the order of the roll: how often staff would have been told

    @property
    def times(self) -> int:
        return sum(self.raised.values())


def preview(school: SchoolDays, kind: ThresholdKind, numbers: Numbers, days: Sequence[date]) -> Preview:
    """How often each child would have been pointed out, had the threshold been on since the first of ``days``."""
    raised: dict[str, int] = {}
    for child in school.children:
        told: float | None = None
        for day in days:
            found = look(child, kind, numbers, day)
            match step(told, found, kind.worse_by):
                case Step.RAISED | Step.WORSE if found is not None:
                    told = found.amount
                    raised[child.id] = raised.get(child.id, 0) + 1
                case Step.ENDED:
                    told = None
                case _:
                    pass
    return Preview(raised=raised)
