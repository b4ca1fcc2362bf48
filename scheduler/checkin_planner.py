"""What prompts and nudges share: whom a message about a phase's check-in may go to, worked out class by class.

A city is never looked at as a whole. A tick reads the classes of schools whose time has come, leaves out those that
have no school, and then goes through the rest some classes at a time: one query for the children who are still to be
written to, one transaction that stores their sends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, Date, Integer, Select, bindparam, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from knowledge.db import Database, UtcDateTime
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.attendance import NOT_EXPECTED, AttendanceEntry
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.records.checkins import CheckIn
from knowledge.records.consents import Purpose, has_withdrawn
from knowledge.records.roster import GRADE, Enrollment, SchoolClass, User
from knowledge.records.scope import valid_on
from scheduler.bulk import put_many
from scheduler.ignored import has_ignored
from scheduler.outbox import Item, Outbox, State
from scheduler.schools import LinePrompts, SchoolTimes, Times

CLASSES = 100  # looked at in one query
LOOK_AGAIN = timedelta(minutes=5)  # until a school is looked at again for children who were linked or came since
LINE = "line"
PEACE = timedelta(minutes=30)  # between a message about a check-in and the nudge
DAY, RESTED = bindparam("day", type_=Date), bindparam("rested", type_=UtcDateTime)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Span:
    """From when to when something may be sent."""

    start: datetime
    until: datetime  # not included

    def holds(self, now: datetime) -> bool:
        return self.start <= now < self.until


class CheckInPlanner(ABC):
    """Puts one message a phase, day and child into the outbox. Safe to call at any time, as often as wanted and in
    several processes: the key of a send is its kind, phase, day and student."""

    kind: ClassVar[str]

    def __init__(self, database: Database, zone: ZoneInfo, times: SchoolTimes, channels: Sequence[str]) -> None:
        """``channels``: where children can be written to by themselves."""
        self._database = database
        self._zone = zone
        self._times = times
        self._channels = channels
        # When a school was gone through for a phase: only to save work, what was planned is in the outbox.
        self._looked: dict[tuple[str, Phase], datetime] = {}

    @abstractmethod
    def span(self, times: Times, phase: Phase, day: date, *, short: bool) -> Span | None:
        """When the message of a phase may go out in a school with these times; None: never."""

    @abstractmethod
    def wanted(self) -> Iterable[ColumnElement[bool]]:
        """What must hold for a child besides what holds for every message; see ``key_of_child``."""

    async def plan(self, now: datetime) -> int:
        """Store a send for everyone due at ``now`` who has none yet, and return how many."""
        local = now.astimezone(self._zone)
        if not any(
            self._is_time(times, phase, local) for times in (self._times.default, *self._times.by_school.values())
            for phase in Phase
        ):  # fmt: skip
            return 0
        planned = 0
        for times, schools in (await self._schools()).items():
            for phase in Phase:
                if not self._is_time(times, phase, local):
                    continue
                due = [school for school in schools if self._is_to_be_looked_at(school, times, phase, local)]
                if due:
                    planned += await self._plan_schools(due, times, phase, local)
                    self._looked.update({(school, phase): local for school in due})
        if planned:
            log.info("checkin_messages_planned", kind=self.kind, count=planned)
        return planned

    def _spans(self, times: Times, phase: Phase, day: date) -> list[Span]:
        spans = [self.span(times, phase, day, short=short) for short in (False, True)]
        return [span for span in spans if span is not None]

    def _is_time(self, times: Times, phase: Phase, local: datetime) -> bool:
        """Whether some class of a school with these times may be due."""
        return not times.is_quiet(local.time()) and any(
            span.holds(local) for span in self._spans(times, phase, local.date())
        )

    def _is_to_be_looked_at(self, school: str, times: Times, phase: Phase, local: datetime) -> bool:
        """Not again at once, unless another of its classes has come due since, or the clock was set back."""
        last = self._looked.get((school, phase))
        begun = [span.start for span in self._spans(times, phase, local.date()) if span.holds(local)]
        return last is None or not max(begun) <= last <= local < last + LOOK_AGAIN

    async def _schools(self) -> dict[Times, list[str]]:
        """The schools with homeroom classes, by the times they have in common."""
        statement = select(SchoolClass.school_sourced_id).where(SchoolClass.class_type == "homeroom").distinct()
        schools: dict[Times, list[str]] = {}
        async with self._database.read() as connection:
            for school in await connection.scalars(statement.order_by(SchoolClass.school_sourced_id)):
                schools.setdefault(self._times.of(school), []).append(school)
        return schools

    async def _plan_schools(self, schools: Sequence[str], times: Times, phase: Phase, now: datetime) -> int:
        async with self._database.read() as connection:
            columns = (SchoolClass.sourced_id, SchoolClass.school_sourced_id, SchoolClass.grades)
            homerooms = select(*columns).where(
                SchoolClass.school_sourced_id.in_(schools), SchoolClass.class_type == "homeroom"
            )
            classes = (await connection.execute(homerooms.order_by(SchoolClass.sourced_id))).all()
            calendars = await load_calendars(connection, schools, now.date(), now.date())
        until = self._due(calendars, times, phase, now)
        # In a class of several grades, or of none, each child's own grade decides.
        open_classes = [id for id, school, grades in classes if len(grades) != 1 or until(school, id, grades[0])]
        planned = 0
        for start in range(0, len(open_classes), CLASSES):
            planned += await self._plan_classes(open_classes[start : start + CLASSES], until, times, phase, now)
        return planned

    def _due(
        self, calendars: Mapping[str, SchoolCalendar], times: Times, phase: Phase, now: datetime
    ) -> Callable[[str, str, str], datetime | None]:
        """A function of school, class and grade: until when those children may be written to; None: not now."""
        day = now.date()
        known: dict[tuple[str, str, str], datetime | None] = {}

        def until(school: str, class_id: str, grade: str) -> datetime | None:
            case = (school, class_id, grade)
            if case not in known:
                calendar, of = calendars[school], grade or None
                span = self.span(times, phase, day, short=calendar.is_short(day, of))
                is_due = span is not None and span.holds(now) and calendar.has_checkins(day, of, class_id)
                known[case] = span.until if span is not None and is_due else None
            return known[case]

        return until

    async def _plan_classes(
        self,
        class_ids: Sequence[str],
        until: Callable[[str, str, str], datetime | None],
        times: Times,
        phase: Phase,
        now: datetime,
    ) -> int:
        day = now.date().isoformat()
        found: dict[str, tuple[str, datetime]] = {}  # by child: an account, and until when
        async with self._database.read() as connection:
            for child, account, *place in await self._children(connection, class_ids, times, phase, now):
                end = until(*place)
                if account is not None and end is not None:
                    found[child] = (account, end)
        items = [
            Item(
                key=message_key(self.kind, phase, now.date(), child),
                account_id=account,
                kind=self.kind,
                payload={"phase": phase, "date": day, "person_id": child},
                due_at=now,
                created_at=now,
                expires_at=min(end, times.quiet_after(now)),
                person_id=child,
                counts_on=now.date(),
            )
            for child, (account, end) in found.items()
        ]
        if items:  # in the order of their keys, so that two processes at once do not wait for each other in a circle
            async with self._database.write() as connection:
                await put_many(connection, items)
        return len(items)

    async def _children(
        self, connection: AsyncConnection, class_ids: Sequence[str], times: Times, phase: Phase, now: datetime
    ) -> Iterable[Any]:
        """(child, account used last, school, class, grade) in the order of the children's ids."""
        is_menu = times.line_prompts is LinePrompts.MENU
        day = now.date().isoformat()
        values = {
            "classes": [*class_ids],
            "channels": [name for name in self._channels if not (is_menu and name == LINE)],
            "day": now.date(),
            "rested": now - PEACE,
            "phase": phase,
            "limit": times.daily_limit,
            "own": f"{self.kind}:{phase}:{day}:",
            "prompt": f"prompt:{phase}:{day}:",
            "later": f"later:{phase}:{day}:",
        }
        if not times.ignored_limit:
            return await connection.execute(self._anybody, values)
        return await connection.execute(self._who_answers, values | {"ignored": times.ignored_limit - 1})

    @cached_property
    def _anybody(self) -> Select[*tuple[Any, ...]]:
        return self._statement(ignoring=False)

    @cached_property
    def _who_answers(self) -> Select[*tuple[Any, ...]]:
        return self._statement(ignoring=True)

    def _statement(self, *, ignoring: bool) -> Select[*tuple[Any, ...]]:
        """The children of some classes who may be written to and have not begun; with ``ignoring`` not those who let
        their last prompts go by."""
        told, answered, register = aliased(Outbox), aliased(CheckIn), aliased(AttendanceEntry)
        # Those that are left are few in most looks: only for them the rest is found out, child by child.
        left = (
            select(
                User.sourced_id,
                SchoolClass.school_sourced_id,
                SchoolClass.sourced_id.label("class_id"),
                GRADE.label("grade"),
            )
            .select_from(Enrollment)
            .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
            .join(User, User.sourced_id == Enrollment.user_sourced_id)
            .where(
                Enrollment.class_sourced_id.in_(bindparam("classes", expanding=True)),
                Enrollment.role == "student",
                User.enabled,
                valid_on(Enrollment.begin_date, Enrollment.end_date, DAY),
                ~exists().where(told.key == key_of_child("own")),
                ~exists().where(
                    answered.student_id == User.sourced_id,
                    answered.date == DAY,
                    answered.phase == bindparam("phase"),
                ),
                ~exists().where(
                    register.student_id == User.sourced_id, register.date == DAY, register.status.in_(NOT_EXPECTED)
                ),
                *self.wanted(),
            )
            .cte("left_over")
            .prefix_with("MATERIALIZED")
        )
        account = (
            select(Account.id)
            .where(
                Account.person_id == left.c.sourced_id,
                Account.reachable,
                Account.channel.in_(bindparam("channels", expanding=True)),
            )
            .order_by(Account.last_seen_at.desc().nulls_last(), Account.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        sent = aliased(Outbox)
        counted = (
            select(func.count())
            .where(
                sent.person_id == left.c.sourced_id,
                sent.counts_on == DAY,
                sent.state.not_in([State.SKIPPED, State.FAILED]),
            )
            .scalar_subquery()
        )
        found = (
            select(left.c.sourced_id, account.label("account_id"), *list(left.c)[1:])
            .where(counted < bindparam("limit"), ~has_withdrawn(left.c.sourced_id, Purpose.PROMPTS))
            .order_by(left.c.sourced_id)
        )
        if not ignoring:
            return found
        return found.where(~has_ignored(left.c.sourced_id, bindparam("ignored", type_=Integer)))


def key_of_child(kind: str) -> ColumnElement[str]:
    """The key of a send of this phase and day to the child: ``own``, ``prompt`` or ``later``."""
    return bindparam(kind, type_=User.sourced_id.type) + User.sourced_id


def message_key(kind: str, phase: Phase, day: date, student_id: str) -> str:
    """The idempotency key of a prompt, a nudge or an あとで."""
    return f"{kind}:{phase}:{day.isoformat()}:{student_id}"
