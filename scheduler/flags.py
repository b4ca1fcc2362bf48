"""Looks once each school day, after the evening's window, whom a school's thresholds point out to its staff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.care.looking import look_at_school
from knowledge.db import Database
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.records.roster import SchoolClass
from knowledge.records.thresholds import schools_with
from scheduler.schools import SchoolTimes

AT_ONCE = 3  # schools in one go: the other planners wait for this one
LOOK_AGAIN = timedelta(minutes=1)  # until it is asked anew which schools are due, where none was left
EVER = datetime.min.replace(tzinfo=UTC)
LATEST = timedelta(days=14)  # a school day that nobody looked at for longer is let go

log = structlog.get_logger(__name__)


class Flagging:
    """Raises, renews and ends flags. Nothing is sent: staff read of them in the brief, in the chat and on /care."""

    def __init__(self, database: Database, zone: ZoneInfo, times: SchoolTimes, channels: Sequence[str]) -> None:
        """``channels``: as of every planner; nothing is sent."""
        self._database = database
        self._zone = zone
        self._times = times
        self._next: datetime | None = None  # before it nothing is asked
        self._tried: dict[str, datetime] = {}  # when a school was begun with: one that fails lets the others go first

    async def plan(self, now: datetime) -> int:
        """Look at the last school day of some of the schools where its evening is over and nobody has looked yet.
        Returns 0: there is nothing to be sent. Safe to call at any time."""
        if self._next is not None and now < self._next:
            return 0
        async with self._database.read() as connection:
            due = await self._due(connection, now)
        for school_id, day in sorted(due.items(), key=lambda each: self._tried.get(each[0], EVER))[:AT_ONCE]:
            self._tried[school_id] = now
            told = await look_at_school(self._database, school_id, day, now)
            log.info("thresholds_looked", school_id=school_id, day=day.isoformat(), told=told)
        self._next = now if len(due) > AT_ONCE else now + LOOK_AGAIN
        return 0

    async def _due(self, connection: AsyncConnection, now: datetime) -> Mapping[str, date]:
        """The day to be looked at, by school."""
        today = now.astimezone(self._zone).date()
        looked = {
            school_id: day
            for school_id, day in (await schools_with(connection)).items()
            if day is None or day < self._last_evening(school_id, now)
        }
        if not looked:
            return {}
        calendars = await load_calendars(connection, looked, today - LATEST, today)
        homes = await _homes(connection, looked)
        due: dict[str, date] = {}
        for school_id, before in looked.items():
            day = self._last_evening(school_id, now)
            while day > today - LATEST and not _has_school(calendars[school_id], day, homes.get(school_id, ())):
                day -= timedelta(days=1)
            if day > today - LATEST and (before is None or before < day):
                due[school_id] = day
        return due

    def _last_evening(self, school_id: str, now: datetime) -> date:
        """The last day whose evening window is over."""
        local = now.astimezone(self._zone)
        is_over = local.time() >= self._times.of(school_id).reflection_until
        return local.date() if is_over else local.date() - timedelta(days=1)


async def _homes(connection: AsyncConnection, schools: Mapping[str, object]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """(class, grade) of the homeroom classes of each school; one for each grade of a class of several."""
    statement = select(SchoolClass.school_sourced_id, SchoolClass.sourced_id, SchoolClass.grades).where(
        SchoolClass.class_type == "homeroom", SchoolClass.school_sourced_id.in_([*schools])
    )
    homes: dict[str, list[tuple[str, str]]] = {}
    for school_id, class_id, grades in await connection.execute(statement):
        homes.setdefault(school_id, []).extend((class_id, grade) for grade in grades or [""])
    return homes


def _has_school(calendar: SchoolCalendar, day: date, homes: Sequence[tuple[str, str]]) -> bool:
    """Whether any class has school: a closed class, a trip of one grade leave the others theirs."""
    return any(calendar.is_school_day(day, grade or None, class_id) for class_id, grade in homes)
