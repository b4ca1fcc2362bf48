"""The evening's brief: on every school day, at the school's time, to the teachers of homeroom classes.

Where a school has none, its teachers are still told whom Ayumi stopped writing to, when the evening's window closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from scheduler.schools import SchoolTimes, Times

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
            due = await self._due(connection, day, now)
            accounts = await accounts_of(connection, due, self._channels)
        items = [
            Item(
                key=brief_key(day, teacher),
                account_id=account_id,
                kind="brief",
                payload={"date": day.isoformat(), "person_id": teacher, "only_silent": due[teacher].only_silent},
                due_at=now,
                created_at=now,
                expires_at=due[teacher].until,
            )
            for teacher, account_id in accounts.items()
        ]
        if items:
            async with self._database.write() as connection:
                await outbox.put(connection, items)
            log.info("briefs_planned", count=len(items))
        return len(items)

    async def _due(self, connection: AsyncConnection, day: date, now: datetime) -> dict[str, _Due]:
        """Teachers without a brief of the day whose class has school today and whose school's time has come."""
        place = (SchoolClass.school_sourced_id, SchoolClass.sourced_id, SchoolClass.grades)
        statement = (
            select(Enrollment.user_sourced_id, *place)
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
        found: list[tuple[str, str, str, list[str], _Due]] = []
        for teacher, school, class_id, grades in await connection.execute(statement):
            times = self._times.of(school)
            start = told_at(times, day, self._zone)
            if start <= now < start + WINDOW and (times.brief is not None or times.ignored_limit):
                due = _Due(until=start + WINDOW, only_silent=times.brief is None)
                found.append((teacher, school, class_id, grades, due))
        calendars = await load_calendars(connection, {school for _, school, *_ in found}, day, day)
        return {
            teacher: due
            for teacher, school, class_id, grades, due in found
            if has_school(calendars[school], day, grades, class_id)
        }


@dataclass(frozen=True, kw_only=True)
class _Due:
    until: datetime  # from then on it is too late
    only_silent: bool  # nothing but whom Ayumi stopped writing to


def told_at(times: Times, day: date, zone: ZoneInfo) -> datetime:
    """When the teachers of a school with these times are told about their classes."""
    return datetime.combine(day, times.brief or times.reflection_until, zone)


def has_school(calendar: SchoolCalendar, day: date, grades: Sequence[str], class_id: str) -> bool:
    """Whether a class of these grades, or of none, has school, be it at home: when one of the grades has."""
    return any(calendar.has_checkins(day, grade, class_id) for grade in grades or [None])


def brief_key(day: date, teacher_id: str) -> str:
    """The idempotency key of a brief."""
    return f"brief:{day.isoformat()}:{teacher_id}"
