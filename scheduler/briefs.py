"""The evening's brief: on every school day, at the school's time, to the teachers of homeroom classes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.records.accounts import accounts_of
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.records.roster import Enrollment, SchoolClass, User
from knowledge.records.scope import valid_on
from scheduler import outbox
from scheduler.outbox import Item, Outbox
from scheduler.schools import SchoolTimes

WINDOW = timedelta(hours=2)  # a brief that was missed is still sent this long after its time

log = structlog.get_logger(__name__)


class Briefs:
    """Plans the briefs that are due: into the outbox, once a day for each teacher."""

    def __init__(self, database: Database, zone: ZoneInfo, times: SchoolTimes, channels: Sequence[str]) -> None:
        """``channels``: where briefs can be sent."""
        self._database = database
        self._zone = zone
        self._times = times
        self._channels = channels

    async def plan(self, now: datetime) -> int:
        """Store a brief for every teacher due at ``now`` who has none yet, and return how many. Safe to call at any
        time and in several processes: a brief's key is its day and teacher."""
        day = now.astimezone(self._zone).date()
        async with self._database.read() as connection:
            teachers = await self._due(connection, day, now)
            accounts = await accounts_of(connection, teachers, self._channels)
        items = [
            Item(
                key=brief_key(day, teacher),
                account_id=account_id,
                kind="brief",
                payload={"date": day.isoformat(), "person_id": teacher},
                due_at=now,
                created_at=now,
                expires_at=teachers[teacher],
            )
            for teacher, account_id in accounts.items()
        ]
        if items:
            async with self._database.write() as connection:
                await outbox.put(connection, items)
            log.info("briefs_planned", count=len(items))
        return len(items)

    async def _due(self, connection: AsyncConnection, day: date, now: datetime) -> dict[str, datetime]:
        """Teachers without a brief of the day whose class has school today and whose school's time has come, each with
        the moment from which it would be too late."""
        statement = (
            select(Enrollment.user_sourced_id, SchoolClass.school_sourced_id, SchoolClass.grades)
            .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
            .join(User, User.sourced_id == Enrollment.user_sourced_id)
            .where(
                Enrollment.role == "teacher",
                SchoolClass.class_type == "homeroom",
                User.enabled,
                valid_on(Enrollment.begin_date, Enrollment.end_date, day),
                ~exists().where(Outbox.key == brief_key(day, "") + Enrollment.user_sourced_id),
            )
        )
        rows: list[tuple[str, str, list[str], datetime]] = []
        for teacher, school, grades in await connection.execute(statement):
            time = self._times.of(school).brief
            if time is None:
                continue
            start = datetime.combine(day, time, self._zone)
            if start <= now < start + WINDOW:
                rows.append((teacher, school, grades, start + WINDOW))
        calendars = await load_calendars(connection, {school for _, school, _, _ in rows}, day, day)
        return {teacher: until for teacher, school, grades, until in rows if has_school(calendars[school], day, grades)}


def has_school(calendar: SchoolCalendar, day: date, grades: Sequence[str]) -> bool:
    """Whether a class of these grades, or of none, has school: when one of them has."""
    return any(calendar.is_school_day(day, grade) for grade in grades or [None])


def brief_key(day: date, teacher_id: str) -> str:
    """The idempotency key of a brief."""
    return f"brief:{day.isoformat()}:{teacher_id}"
