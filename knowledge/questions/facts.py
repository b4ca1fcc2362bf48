"""Facts: one row per record that a metric counts, with what it adds above and below the line.

Each metric has a function from a ``Frame`` to a select over its table; everything else (groups, shapes, permissions)
is the same for all. Times later than ``at`` do not exist, days outside the period and the enrolment do not either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute

from knowledge.db import UtcDateTime
from knowledge.questions.members import Key, belongs, people
from knowledge.questions.model import GroupBy, ScopeKind

AT = bindparam("at", type_=UtcDateTime)  # the moment of asking
SUBJECT = bindparam("subject", type_=String)
SUBJECTS = bindparam("subjects", expanding=True, type_=String)
PHASE = bindparam("phase", type_=String)
TITLE = bindparam("title", type_=String)


@dataclass(frozen=True, kw_only=True)
class Narrow:
    """Which of the records are looked at; the values are parameters of the statement."""

    subject: bool = False  # those of ``SUBJECT``
    subjects: bool = False  # those of ``SUBJECTS``, where a viewer may see no others
    phase: bool = False  # those of ``PHASE``
    title: bool = False  # those whose title contains ``TITLE``
    points: bool = False  # scores as they are, not in percent
    without_self: bool = False  # not what a child keeps to themself


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Whose facts are wanted, and for which groups."""

    kind: ScopeKind
    key: Key
    narrow: Narrow = Narrow()

    @property
    def who(self) -> CTE:
        return people(self.kind, self.key)

    def facts(
        self,
        student: InstrumentedAttribute[str],
        day: InstrumentedAttribute[date],
        numerator: ColumnElement[Any],
        denominator: ColumnElement[Any] | None = None,
        *conditions: ColumnElement[bool],
        **groups: ColumnElement[Any] | InstrumentedAttribute[Any],
    ) -> Select[*tuple[Any, ...]]:
        """One row per record: student_id, key, numerator and denominator (1 where nothing else is said).

        ``groups`` are the columns that records have for ``Key.SUBJECT`` and ``Key.MOOD``, by the key's name.
        """
        subject = groups.get(GroupBy.SUBJECT)
        if subject is not None and self.narrow.subject:
            conditions = (*conditions, subject == SUBJECT)
        if subject is not None and self.narrow.subjects:
            conditions = (*conditions, subject.in_(SUBJECTS))
        key: ColumnElement[Any] | InstrumentedAttribute[Any]
        if self.key is Key.ALL:
            key = literal("")
        elif self.key.of_members:
            key = self.who.c[self.key.value]
        elif self.key is Key.DAY:
            key = day
        else:
            key = groups[self.key.value]
        return (
            select(
                student.label("student_id"),
                key.label("key"),
                numerator.label("numerator"),
                (literal(1) if denominator is None else denominator).label("denominator"),
            )
            .select_from(self.who)
            .join(student.class_, and_(belongs(self.who, student, day), *conditions))
        )


Facts = Callable[[Frame], Select[*tuple[Any, ...]]]


def known(moment: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """That a record was made by now. One imported without its time counts from its day on."""
    return or_(moment.is_(None), moment <= AT)
