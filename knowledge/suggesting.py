"""「つぎは…」: from a child's drill results to content that fits. The figures are the child's own, and exact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.catalogue import coverage, parts_of
from knowledge.records.content import Content, Item
from knowledge.records.study_log import StudyEntry

RECENT = timedelta(days=28)  # of the study log that is looked at, the day itself included
ENOUGH = 10  # answers: of fewer no rate is made
MASTERED = Fraction(4, 5)  # share of right answers from which nothing needs to be suggested


@dataclass(frozen=True, kw_only=True)
class Studied:
    """An entry of the study log with answers."""

    subject: str | None
    content_id: str
    unit: str | None  # what the entry's title says, else that of the content
    answered: int
    correct: int  # of them


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Content that may help, and why."""

    item: Item
    about: str  # the unit, or the subject, the figures are about
    answered: int  # in the ``RECENT`` days
    correct: int


class Nothing(StrEnum):
    """Why there is no suggestion."""

    TOO_FEW = "too_few"  # no unit or subject has enough answers
    ALL_WELL = "all_well"  # most answers were right everywhere
    NO_CONTENT = "no_content"  # the catalogue has nothing that fits


def suggest(
    studied: Iterable[Studied],
    items: Sequence[Item],
    grade: str | None,
    tried: Mapping[str, bool | None] = MappingProxyType({}),
) -> Suggestion | Nothing:
    """The unit with the lowest share of right answers among those with enough of them that the catalogue has content
    for; without one, the subject. Content of a unit that went well is not suggested; what was studied itself, or is
    among ``tried`` (content and whether it was useful, as far as that was said), only where there is nothing else, and
    never what was not useful."""
    entries = [each for each in studied if each.answered > 0]
    units = _totals((each, (each.subject, each.unit)) for each in entries if each.unit)
    subjects = _totals((each, (each.subject, None)) for each in entries if each.subject)
    if not units and not subjects:
        return Nothing.TOO_FEW
    well = [unit for (_, unit), total in units.items() if unit and total.rate >= MASTERED]
    fitting = [item for item in items if item.fits_grade(grade) and tried.get(item.content_id) is not False]
    weak = [
        (total.rate, place, subject or "", unit or "", total)
        for place, totals in enumerate((units, subjects))
        for (subject, unit), total in totals.items()
        if total.rate < MASTERED
    ]
    if not weak:
        return Nothing.ALL_WELL
    for _, _, subject, unit, total in sorted(weak, key=lambda each: (each[1], each[0], each[2], each[3])):
        found = [item for item in fitting if _helps(item, subject, unit, well)]
        if found:
            known = total.contents | tried.keys()
            best = min(found, key=lambda item: (item.content_id in known, not item.grades, item.content_id))
            return Suggestion(item=best, about=unit or subject, answered=total.answered, correct=total.correct)
    return Nothing.NO_CONTENT


async def recent_study(
    connection: AsyncConnection, student_id: str, on: date, subjects: frozenset[str] | None = None
) -> list[Studied]:
    """A student's entries with answers of the ``RECENT`` days up to ``on``, included; of these subjects only, where
    any are given."""
    statement = (
        select(
            StudyEntry.subject,
            StudyEntry.content_id,
            StudyEntry.title,
            Content.title.label("content_title"),
            StudyEntry.answered,
            StudyEntry.correct,
        )
        .outerjoin(Content, Content.content_id == StudyEntry.content_id)
        .where(
            StudyEntry.student_id == student_id,
            StudyEntry.date > on - RECENT,
            StudyEntry.date <= on,
            StudyEntry.answered.is_not(None),
            StudyEntry.correct.is_not(None),
        )
    )
    if subjects is not None:
        statement = statement.where(StudyEntry.subject.in_(subjects))
    return [
        Studied(
            subject=row.subject or None,
            content_id=row.content_id,
            unit=row.title or row.content_title,
            answered=row.answered,
            correct=row.correct,
        )
        for row in await connection.execute(statement)
    ]


@dataclass(kw_only=True)
class _Total:
    answered: int = 0
    correct: int = 0
    contents: set[str]

    @property
    def rate(self) -> Fraction:
        return Fraction(self.correct, self.answered)


_Key = tuple[str | None, str | None]  # subject, unit


def _totals(entries: Iterable[tuple[Studied, _Key]]) -> dict[_Key, _Total]:
    """The sums by key, of those with enough answers."""
    sums = defaultdict[_Key, _Total](lambda: _Total(contents=set()))
    for each, key in entries:
        total = sums[key]
        total.answered += each.answered
        total.correct += each.correct
        total.contents.add(each.content_id)
    return {key: total for key, total in sums.items() if total.answered >= ENOUGH}


def _helps(item: Item, subject: str, unit: str, well: Sequence[str]) -> bool:
    if subject and item.subject not in (None, subject):
        return False
    if unit:
        return coverage(unit, item) == 1
    return item.subject == subject and not any(parts_of(each) and coverage(each, item) == 1 for each in well)
