"""Check-in prompts: on every school day, at the school's times, to linked students who have not answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Select, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.calendar import load_calendars
from knowledge.records.checkins import CheckIn, Status
from knowledge.records.roster import GRADE, Enrollment, SchoolClass, User
from knowledge.records.scope import valid_on
from scheduler import outbox
from scheduler.outbox import Item, Outbox
from scheduler.schools import SchoolTimes

PAGE = 1000  # students looked at in one query

log = structlog.get_logger(__name__)


class Prompts:
    """Plans the prompts that are due: into the outbox, once each."""

    def __init__(self, database: Database, zone: ZoneInfo, times: SchoolTimes, channels: Sequence[str]) -> None:
        """``channels``: where prompts can be sent."""
        self._database = database
        self._zone = zone
        self._times = times
        self._channels = channels

    async def plan(self, now: datetime) -> int:
        """Store a prompt for everyone due at ``now`` who has none yet, and return how many. Safe to call at any time,
        as often as wanted and in several processes: a prompt's key is its phase, day and student."""
        day = now.astimezone(self._zone).date()
        planned = 0
        for phase in Phase:
            async with self._database.read() as connection:
                schools = await self._schools_due(connection, phase, day, now)
            for school_id, grades in schools.items():
                planned += await self._plan_school(school_id, grades, phase, day, now)
        if planned:
            log.info("prompts_planned", count=planned)
        return planned

    async def _schools_due(
        self, connection: AsyncConnection, phase: Phase, day: date, now: datetime
    ) -> dict[str, list[str]]:
        """Schools whose window is open, with the grades of their linked students that have school on this day."""
        statement = self._enrolled(select(SchoolClass.school_sourced_id, GRADE).distinct(), day)
        grades: dict[str, set[str]] = {}
        for school_id, grade in await connection.execute(statement):
            start, end = self._times.of(school_id).window(phase, day, self._zone)
            if start <= now < end:
                grades.setdefault(school_id, set()).add(grade)
        calendars = await load_calendars(connection, grades, day, day)
        return {
            school_id: opened
            for school_id, known in grades.items()
            if (opened := sorted(g for g in known if calendars[school_id].is_school_day(day, g or None)))
        }

    async def _plan_school(self, school_id: str, grades: Sequence[str], phase: Phase, day: date, now: datetime) -> int:
        _, end = self._times.of(school_id).window(phase, day, self._zone)
        planned, after = 0, ""
        while True:
            async with self._database.read() as connection:
                page = await self._missing(connection, school_id, grades, phase, day, after)
            items = [
                Item(
                    key=prompt_key(phase, day, student_id),
                    account_id=account_id,
                    kind="prompt",
                    payload={"phase": phase, "date": day.isoformat(), "person_id": student_id},
                    due_at=now,
                    created_at=now,
                    expires_at=end,
                )
                for student_id, account_id in page.items()
            ]
            if items:  # whoever planned the same meanwhile used the same keys
                async with self._database.write() as connection:
                    await outbox.put(connection, items)
            planned += len(items)
            if len(page) < PAGE:
                return planned
            after = max(page)

    async def _missing(
        self, connection: AsyncConnection, school_id: str, grades: Sequence[str], phase: Phase, day: date, after: str
    ) -> dict[str, str]:
        """Students of the school's homeroom classes without an answer and without a prompt yet, each with the account
        that was used last, in the order of their ids."""
        answered = exists().where(
            CheckIn.student_id == User.sourced_id,
            CheckIn.date == day,
            CheckIn.phase == phase,
            CheckIn.status != Status.OPEN,
        )
        students = (
            self._enrolled(select(User.sourced_id).distinct(), day)
            .where(
                User.sourced_id > after,
                SchoolClass.school_sourced_id == school_id,
                GRADE.in_(grades),
                ~answered,
                ~exists().where(Outbox.key == prompt_key(phase, day, "") + User.sourced_id),
            )
            .order_by(User.sourced_id)
            .limit(PAGE)
        ).subquery()
        accounts = (
            select(Account.person_id, Account.id)
            .join(students, students.c.sourced_id == Account.person_id)
            .where(Account.reachable, Account.channel.in_(self._channels))
            .order_by(Account.person_id, Account.last_seen_at.nulls_first(), Account.id)
        )
        return {row.person_id: row.id for row in await connection.execute(accounts)}

    def _enrolled(self, columns: Select[*tuple[Any, ...]], day: date) -> Select[*tuple[Any, ...]]:
        """``columns`` of the students in homeroom classes on a day who can be written to."""
        account = and_(Account.person_id == User.sourced_id, Account.reachable, Account.channel.in_(self._channels))
        return (
            columns.select_from(Enrollment)
            .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
            .join(User, User.sourced_id == Enrollment.user_sourced_id)
            .where(
                Enrollment.role == "student",
                SchoolClass.class_type == "homeroom",
                User.enabled,
                valid_on(Enrollment.begin_date, Enrollment.end_date, day),
                exists().where(account),
            )
        )


def prompt_key(phase: Phase, day: date, student_id: str) -> str:
    """The idempotency key of a prompt."""
    return f"prompt:{phase}:{day.isoformat()}:{student_id}"
