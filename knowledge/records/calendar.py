"""School days: the imported calendar first, else Monday to Friday without Japanese national holidays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import jpholiday
from sqlalchemy import UniqueConstraint, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base
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


class SchoolCalendar:
    """One school's days within the dates it was loaded for."""

    def __init__(self, rows: Iterable[tuple[date, str, Iterable[str]]]) -> None:
        """``rows``: (date, kind, grades); no grades means every grade."""
        self._rows: dict[date, list[_Row]] = {}
        for day, kind, grades in rows:
            self._rows.setdefault(day, []).append(_Row(kind=kind, grades=frozenset(grades)))

    def is_school_day(self, day: date, grade: str | None = None) -> bool:
        """Whether children of ``grade`` have school. A row for that grade beats a row for every grade; among equal
        rows a closing one beats an opening one. ``event`` changes nothing."""
        rows = [row for row in self._rows.get(day, []) if not row.grades or grade in row.grades]
        for chosen in ([row for row in rows if row.grades], [row for row in rows if not row.grades]):
            kinds = {row.kind for row in chosen}
            if kinds & CLOSES:
                return False
            if kinds & OPENS:
                return True
        return day.weekday() < 5 and not jpholiday.is_holiday(day)

    def school_days(self, start: date, end: date, grade: str | None = None) -> list[date]:
        """The school days from ``start`` to ``end``, both included; empty when ``end`` is before ``start``."""
        span = range((end - start).days + 1)
        return [day for day in (start + timedelta(days=n) for n in span) if self.is_school_day(day, grade)]


async def load_calendars(
    connection: AsyncConnection, school_ids: Iterable[str], start: date, end: date
) -> dict[str, SchoolCalendar]:
    """A calendar per school of ``school_ids``; a school without rows follows the weekday-and-holiday rule."""
    ids = list(school_ids)
    rows: dict[str, list[tuple[date, str, list[str]]]] = {school_id: [] for school_id in ids}
    statement = select(CalendarDay.school_id, CalendarDay.date, CalendarDay.kind, CalendarDay.grades).where(
        CalendarDay.school_id.in_(ids), CalendarDay.date.between(start, end)
    )
    for school_id, day, kind, grades in await connection.execute(statement):
        rows[school_id].append((day, kind, grades))
    return {school_id: SchoolCalendar(days) for school_id, days in rows.items()}
