"""Streaks: expected days in a row with an answered reflection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from knowledge.questions.asking import Asking
from knowledge.questions.expected import load_single_days
from knowledge.questions.members import Key
from knowledge.questions.model import Period, Phase, Scope, ScopeKind

FIRST_LOOK = timedelta(days=60)
FURTHER = 4  # times as far back, while a streak reaches beyond what was read


async def load_streaks(asking: Asking) -> Mapping[str, int]:
    """Days by student, of all who belong to the scope in the period. A streak ends at the period's end and is neither
    cut at its start nor by a change of class."""
    roll = await asking.roll(Key.STUDENT)
    if not roll.people:
        return {}
    scope = Scope(kind=ScopeKind.LIST, ids=tuple(person.id for person in roll.people), label="")
    asking = replace(asking, question=replace(asking.question, scope=scope))
    span, read = FIRST_LOOK, dict[str, int]()
    while True:
        looked = asking.during(Period(start=max(asking.end, date.min + span) - span, end=asking.end, label=""))
        found = await load_single_days(looked, [Phase.REFLECTION])
        runs = {id: _run(id, found.days.get(id, ()), found.answered, asking.today) for id in scope.ids}
        unbroken = {id: len(found.days.get(id, ())) for id, (_, is_broken) in runs.items() if not is_broken}
        if all(days <= read.get(id, -1) for id, days in unbroken.items()):  # nothing more to be found further back
            return {id: days for id, (days, _) in runs.items()}
        span, read = span * FURTHER, unbroken


def _run(id: str, days: Sequence[date], answered: frozenset[tuple[str, date, str]], today: date) -> tuple[int, bool]:
    """(days in a row up to the last one, whether a day without an answer ended them)."""
    count = 0
    for day in reversed(days):
        if (id, day, Phase.REFLECTION.value) in answered:
            count += 1
        elif day != today:
            return count, True
    return count, False
