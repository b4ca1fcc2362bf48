"""School days: declared closures first, then the imported calendar, else Monday to Friday without Japanese national
holidays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import jpholiday
from sqlalchemy import UniqueConstraint, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base
from knowledge.records.closures import Closure
from knowledge.records.roster import Id

OPENS = frozenset({"school_day", "short_day"})
CLOSES = frozenset({"holiday", "closed"})


class CalendarDay(Base):
    """One row of the ``calendar`` CSV kind."""

    __tablename__ = "calendar_days"
    __table_args__ = (UniqueConstraint("school_id", "date", "kind", "grades_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[str] = mapped_column(Id)
    date: Mapped[date]
    kind: Mapped[str]  # school_day, holiday, closed, event, short_day
    title: Mapped[str | None]
    grades: Mapped[list[Any]]  # empty: every grade
    grades_key: Mapped[str]  # grades sorted and joined, for the natural key


@dataclass(frozen=True, kw_only=True)
class _Row:
    kind: str
    grades: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class ClosedDays:
    """Days on which a lead of the school declared it closed."""

    first: date
    last: date | None  # included; None: no end yet
    grades: frozenset[str] = frozenset()
    class_ids: frozenset[str] = frozenset()  # with no grades either: the whole school
    is_remote: bool = False  # learning goes on at home

    def covers(self, day: date, grade: str | None, class_id: str | None) -> bool:
        if day < self.first or (self.last is not None and day > self.last):
            return False
        return not (self.grades or self.class_ids) or grade in self.grades or class_id in self.class_ids


class SchoolCalendar:
    """One school's days within the dates it was loaded for."""

    def __init__(self, rows: Iterable[tuple[date, str, Iterable[str]]] = (), closed: Iterable[ClosedDays] = ()) -> None:
        """``rows``: (date, kind, grades); no grades means every grade. ``closed``: in the order of their declaring."""
        self._closed = tuple(closed)
        self._rows: dict[date, list[_Row]] = {}
        for day, kind, grades in rows:
            self._rows.setdefault(day, []).append(_Row(kind=kind, grades=frozenset(grades)))

    def is_school_day(self, day: date, grade: str | None = None, class_id: str | None = None) -> bool:
        """Whether children of ``grade``, in the homeroom class ``class_id``, have school.

        A declared closure beats the calendar. A row for that grade beats a row for every grade; among equal rows a
        closing one beats an opening one. ``event`` changes nothing.
        """
        if any(closed.covers(day, grade, class_id) for closed in self._closed):
            return False
        return self.is_planned(day, grade)

    def is_closed(self, day: date, grade: str | None = None, class_id: str | None = None) -> bool:
        """Whether a lead closed what would have been a school day for them."""
        return any(closed.covers(day, grade, class_id) for closed in self._closed) and self.is_planned(day, grade)

    def closed_classes(self, start: date, end: date) -> list[tuple[str, date, date]]:
        """(class, first day, last day) of single classes that are closed from ``start`` to ``end``; [] for none."""
        return [
            (class_id, max(closed.first, start), min(closed.last or end, end))
            for closed in self._closed
            for class_id in sorted(closed.class_ids)
            if closed.first <= end and (closed.last is None or closed.last >= start)
        ]

    def is_remote(self, day: date, grade: str | None = None, class_id: str | None = None) -> bool:
        """Whether they learn at home on what would have been a school day; what was declared last decides."""
        covering = [closed for closed in self._closed if closed.covers(day, grade, class_id)]
        return bool(covering) and covering[-1].is_remote and self.is_planned(day, grade)

    def has_checkins(self, day: date, grade: str | None = None, class_id: str | None = None) -> bool:
        """Whether they are asked for their check-ins: when they have school, be it at home."""
        return self.is_school_day(day, grade, class_id) or self.is_remote(day, grade, class_id)

    def is_short(self, day: date, grade: str | None = None) -> bool:
        """Whether the calendar calls it a ``short_day`` for them."""
        rows = [row for row in self._rows.get(day, []) if not row.grades or grade in row.grades]
        return any(row.kind == "short_day" for row in [row for row in rows if row.grades] or rows)

    def school_days(self, start: date, end: date, grade: str | None = None) -> list[date]:
        """The school days from ``start`` to ``end``, both included; empty when ``end`` is before ``start``."""
        span = range((end - start).days + 1)
        return [day for day in (start + timedelta(days=n) for n in span) if self.is_school_day(day, grade)]

    def is_planned(self, day: date, grade: str | None = None) -> bool:
        """Whether the calendar gives children of ``grade`` school, whatever was closed since."""
        rows = [row for row in self._rows.get(day, []) if not row.grades or grade in row.grades]
        for chosen in ([row for row in rows if row.grades], [row for row in rows if not row.grades]):
            kinds = {row.kind for row in chosen}
            if kinds & CLOSES:
                return False
            if kinds & OPENS:
                return True
        return day.weekday() < 5 and not jpholiday.is_holiday(day)


async def load_calendars(
    connection: AsyncConnection, school_ids: Iterable[str], start: date, end: date
) -> dict[str, SchoolCalendar]:
    """A calendar per school of ``school_ids``; a school without rows follows the weekday-and-holiday rule."""
    ids = list(school_ids)
    rows: dict[str, list[tuple[date, str, list[str]]]] = {school_id: [] for school_id in ids}
    closed: dict[str, list[ClosedDays]] = {school_id: [] for school_id in ids}
    statement = select(CalendarDay.school_id, CalendarDay.date, CalendarDay.kind, CalendarDay.grades).where(
        CalendarDay.school_id.in_(ids), CalendarDay.date.between(start, end)
    )
    for school_id, day, kind, grades in await connection.execute(statement):
        rows[school_id].append((day, kind, grades))
    closures = (
        select(
            Closure.school_id, Closure.first_day, Closure.last_day, Closure.grades, Closure.class_ids, Closure.is_remote
        )
        .where(
            Closure.school_id.in_(ids),
            Closure.first_day <= end,
            or_(Closure.last_day.is_(None), Closure.last_day >= start),
        )
        .order_by(Closure.declared_at, Closure.id)
    )
    for school_id, first, last, grades, class_ids, is_remote in await connection.execute(closures):
        closed[school_id].append(
            ClosedDays(
                first=first,
                last=last,
                grades=frozenset(grades),
                class_ids=frozenset(class_ids),
                is_remote=is_remote,
            )
        )
    return {school_id: SchoolCalendar(rows[school_id], closed[school_id]) for school_id in ids}


@dataclass(frozen=True, kw_only=True)
class SchoolEvent:
    """An ``event`` of the calendar."""

    date: date
    title: str
    grades: frozenset[str]  # empty: every grade


async def find_events(
    connection: AsyncConnection, school_id: str, title: str, start: date, end: date
) -> list[SchoolEvent]:
    """The school's events from ``start`` to ``end`` whose title contains ``title``, the earliest first."""
    statement = (
        select(CalendarDay.date, CalendarDay.title, CalendarDay.grades)
        .where(
            CalendarDay.school_id == school_id,
            CalendarDay.kind == "event",
            CalendarDay.date.between(start, end),
            CalendarDay.title.contains(title, autoescape=True),
        )
        .order_by(CalendarDay.date, CalendarDay.id)
    )
    rows = await connection.execute(statement)
    return [SchoolEvent(date=day, title=found or "", grades=frozenset(grades)) for day, found, grades in rows]
