"""Figures of a metric by any key: sums of its facts, or its expected days, read in one way for all shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, func, literal, select

from knowledge.questions import checkin_facts, record_facts
from knowledge.questions.asking import Asking
from knowledge.questions.expected import absences, load_attended, load_expected
from knowledge.questions.facts import Facts, Frame
from knowledge.questions.members import Key
from knowledge.questions.metrics import Kind, MetricEntry
from knowledge.questions.model import Metric, Period, Phase, PhaseCount, Reason
from knowledge.questions.roll import Roll
from knowledge.questions.streak import load_streaks

FACTS: Mapping[Metric, Facts] = {**checkin_facts.FACTS, **record_facts.FACTS}
ENOUGH_ANSWERS = 3  # of mood in each span, for their difference


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What the facts of one key come to."""

    numerator: float = 0
    denominator: float = 0
    students: int = 0  # behind it

    def __add__(self, other: Figure) -> Figure:
        """Of two keys together; at least as many students as the larger has."""
        return Figure(
            numerator=self.numerator + other.numerator,
            denominator=self.denominator + other.denominator,
            students=max(self.students, other.students),
        )


NOTHING = Figure()


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of a metric by key."""

    entry: MetricEntry
    of: Mapping[Any, Figure]
    roll: Roll
    sizes: Mapping[str, int]  # students with the key; where records and not members have it, of "" all
    uncollected: frozenset[str]  # schools that never sent this kind of records
    counts: tuple[PhaseCount, ...] = ()  # of the whole scope, where check-ins are counted

    def get(self, *keys: Any) -> Figure:
        """The figure of some keys together."""
        return sum((self.of.get(key, NOTHING) for key in keys), NOTHING)

    def total(self) -> Figure:
        return self.get(*self.of)

    def size(self, key: Any = "") -> int:
        return self.sizes.get(key, self.sizes.get("", 0))

    def value(self, figure: Figure, key: Any = "") -> float | None:
        """In the metric's unit; None where there is nothing to say."""
        if self.entry.kind is Kind.RATE:
            return 100 * figure.numerator / figure.denominator if figure.denominator else None
        if self.entry.is_ratio:
            return figure.numerator / figure.denominator if figure.denominator else None
        if self.is_uncollected(key):
            return None
        if self.entry.source == "check_ins" and not figure.denominator:
            return None  # no answer: neither a low day nor a good one
        return figure.numerator if self.size(key) or figure.denominator else None

    def n(self, figure: Figure, key: Any = "") -> int:
        """The denominator; of counts and sums the students in scope."""
        return int(figure.denominator) if self.entry.is_ratio else self.size(key)

    def is_uncollected(self, key: Any = "") -> bool:
        """Whether no school of the key ever sent such records."""
        if not self.uncollected:
            return False
        schools = {group.school_id for group in self.roll.groups if key in ("", group.key) or not self.by_members}
        return schools <= self.uncollected

    @property
    def by_members(self) -> bool:
        return self.roll.key is not Key.ALL


async def load_figures(asking: Asking, key: Key) -> Figures:
    """The figures of the asked metric by ``key``."""
    entry = asking.entry
    roll = await asking.roll(key)
    of, counts = await _by_kind(asking, key, roll)
    uncollected = frozenset[str]()
    if entry.collected_as is not None:
        sent = await asking.collected(roll)
        uncollected = frozenset(school for school in roll.schools if (school, entry.collected_as) not in sent)
    return Figures(entry=entry, of=of, roll=roll, sizes=roll.sizes, uncollected=uncollected, counts=counts)


async def why_nothing(asking: Asking, figures: Figures) -> Reason:
    """Why the whole scope has no figure."""
    if figures.is_uncollected() and figures.roll.groups:
        return Reason.NOT_COLLECTED
    if figures.entry.source == "check_ins":
        expected = await load_expected(asking, Key.ALL)
        if sum(expected.days.values()) > 0:
            return Reason.NOT_ANSWERED
    return Reason.NO_RECORDS


def phases_of(asking: Asking) -> tuple[Phase, ...]:
    """Whose answers a rate counts."""
    phases, named = asking.entry.phases, asking.question.phase
    return (named,) if named is not None and named in phases else phases


async def _by_kind(asking: Asking, key: Key, roll: Roll) -> tuple[Mapping[Any, Figure], tuple[PhaseCount, ...]]:
    entry, sizes = asking.entry, roll.sizes
    if entry.kind is Kind.STREAK:
        streaks = await load_streaks(asking)
        figures = {id: Figure(numerator=days, denominator=1, students=1) for id, days in streaks.items()}
        return (figures if key is Key.STUDENT else {"": sum(figures.values(), NOTHING)}), ()
    if entry.kind is Kind.CHANGE:
        return await _change(asking, key), ()
    if entry.source == "expected":
        phases = phases_of(asking)
        expected = await load_expected(asking, key, phases)
        counts = tuple(
            PhaseCount(
                phase=phase,
                answered=sum(count for (_, what), count in expected.found.items() if what == phase),
                expected=sum(expected.days.values()),
            )
            for phase in phases
        )
        figures = {
            each: Figure(
                numerator=expected.answered(each, phases),
                denominator=days * len(phases),
                students=sizes.get(each, sizes.get("", 0)),
            )
            for each, days in expected.days.items()
        }
        return figures, counts
    if asking.metric is Metric.ATTENDANCE_RATE:
        attended = await load_attended(asking, key)
        figures = {
            each: Figure(
                numerator=days - absences(attended, each),
                denominator=days,
                students=sizes.get(each, sizes.get("", 0)),
            )
            for each, days in attended.days.items()
        }
        return figures, ()
    return await _sums(asking, key), ()


async def _sums(asking: Asking, key: Key) -> Mapping[Any, Figure]:
    statement = _summed(asking.metric, asking.frame(key), asking.permit.aggregate_only)
    return {
        each: Figure(numerator=float(numerator or 0), denominator=float(denominator or 0), students=students)
        for each, numerator, denominator, students in await asking.connection.execute(statement, asking.parameters)
    }


async def _change(asking: Asking, key: Key) -> Mapping[Any, Figure]:
    """The mean of the period less that of the span before it, for whom either has enough answers."""
    span = timedelta(days=(asking.end - asking.start).days + 1)
    before = Period(start=asking.start - span, end=asking.start - timedelta(days=1), label="")
    now, then = await _sums(asking, key), await _sums(asking.during(before), key)
    figures: dict[Any, Figure] = {}
    for each in now.keys() & then.keys():
        new, old = now[each], then[each]
        if min(new.denominator, old.denominator) >= ENOUGH_ANSWERS:
            change = new.numerator / new.denominator - old.numerator / old.denominator
            figures[each] = replace(new, numerator=change * new.denominator, students=min(new.students, old.students))
    return figures


@cache
def _summed(metric: Metric, frame: Frame, with_students: bool) -> Select[*tuple[Any, ...]]:
    facts = FACTS[metric](frame).subquery("facts")
    sums = [func.sum(facts.c.numerator).label("numerator"), func.sum(facts.c.denominator).label("denominator")]
    if not with_students:
        return select(facts.c.key, *sums, literal(0)).group_by(facts.c.key)
    # in two steps, because a count of distinct students would sort every record of a city
    each = select(facts.c.key, *sums).group_by(facts.c.key, facts.c.student_id).subquery("each_student")
    totals = (func.sum(each.c.numerator), func.sum(each.c.denominator), func.count())
    return select(each.c.key, *totals).group_by(each.c.key)
