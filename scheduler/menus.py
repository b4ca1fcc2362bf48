"""Learning menus for children at home: sent in the morning of each remote day; where there is none, teachers are asked
for one, the evening before and once more in the morning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.accounts import accounts_of
from knowledge.records.at_home import remote_schools
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.records.closures import MenuLine, find_menu, menu_id, save_menu
from knowledge.records.content import content_for
from knowledge.records.roster import Enrollment
from knowledge.records.scope import valid_on
from knowledge.reminding import Audience, AudienceKind
from scheduler import outbox
from scheduler.audience import Home, Member, find_members
from scheduler.outbox import Item, Outbox
from scheduler.schools import SchoolTimes, Times

ASKED_FROM = time(16, 30)  # when teachers are asked for the next day's menu where the school sends no brief
AHEAD = 4  # days: on Friday evening Monday is the next day
MOST_SUGGESTED = 6  # items taken from the catalogue
PAGE = "page"  # the kind of an item from the catalogue, which does not say what it is
KEYS_AT_ONCE = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _School:
    """A school with children at home about now."""

    id: str
    declared_by: str
    calendar: SchoolCalendar
    members: Sequence[Member]
    times: Times

    def homes(self, member: Member, day: date) -> list[Home]:
        """The classes in which a child learns at home on a day."""
        return [home for home in member.homes if self.calendar.is_remote(day, home.grade, home.class_id)]


class Menus:
    """Plans what is due: into the outbox, once for each child and day."""

    def __init__(self, database: Database, zone: ZoneInfo, times: SchoolTimes, channels: Sequence[str]) -> None:
        """``channels``: where menus can be sent."""
        self._database = database
        self._zone = zone
        self._times = times
        self._channels = channels

    async def plan(self, now: datetime) -> int:
        """Store what is due at ``now`` and not stored yet; how many sends. Safe to call at any time and in several
        processes: a key is the day and the person. Without a closure it is one small query."""
        local = now.astimezone(self._zone)
        day = local.date()
        async with self._database.read() as connection:
            declared = await remote_schools(connection, day, day + timedelta(days=AHEAD))
            schools = await self._schools(connection, declared, day) if declared else []
        if not schools:
            return 0
        items: list[Item] = []
        async with self._database.write() as connection:
            for school in schools:
                items += await self._menus(connection, school, local)
                items += await self._questions(connection, school, local)
            items = await _unknown(connection, items)
            await outbox.put(connection, items)
        if items:
            log.info("menus_planned", count=len(items))
        return len(items)

    async def _schools(self, connection: AsyncConnection, declared: Mapping[str, str], day: date) -> list[_School]:
        audiences = {id: Audience(kind=AudienceKind.SCHOOL, ids=(id,), label="") for id in declared}
        calendars = await load_calendars(connection, declared, day, day + timedelta(days=AHEAD))
        members = await find_members(connection, audiences.values(), day, self._channels)
        return [
            _School(
                id=id,
                declared_by=declared[id],
                calendar=calendars[id],
                members=members[audience],
                times=self._times.of(id),
            )
            for id, audience in audiences.items()
        ]

    async def _menus(self, connection: AsyncConnection, school: _School, now: datetime) -> list[Item]:
        """One menu for each child at home today, from the morning's time until its window closes; not to those who are
        absent or were written to often enough."""
        day = now.date()
        start, end = school.times.window(Phase.ANTICIPATION, day, self._zone)
        if not start <= now < end or school.times.is_quiet(now.time()):
            return []
        grades: dict[str, bool] = {}  # whether there is a menu
        items: list[Item] = []
        for member in school.members:
            homes = school.homes(member, day)
            grade = homes[0].grade if homes else None
            if grade is None or member.account_id is None or member.is_absent:
                continue
            if member.sent >= school.times.daily_limit:
                continue
            if grade not in grades:
                grades[grade] = await self._has_menu(connection, school, grade, day)
            if grades[grade]:
                items.append(_menu_item(member.person_id, member.account_id, school.id, grade, now, end))
        return items

    async def _has_menu(self, connection: AsyncConnection, school: _School, grade: str, day: date) -> bool:
        """Whether there is a menu for the day; where none was set one is made of what fits in the catalogue."""
        if await find_menu(connection, school.id, grade, day):
            return True
        lines = await suggested(connection, school.id, grade, day)
        if lines:
            await save_menu(connection, school.id, grade, day, lines, school.declared_by)
        return bool(lines)

    async def _questions(self, connection: AsyncConnection, school: _School, now: datetime) -> list[Item]:
        """To homeroom teachers of children who will have nothing to do at home: would you set a menu?"""
        today, clock = now.date(), now.time()
        evening = (school.times.brief or ASKED_FROM) <= clock
        morning = clock < school.times.anticipation_until
        if school.times.is_quiet(clock):
            return []
        items: dict[str, Item] = {}
        missing: dict[tuple[str, date], bool] = {}
        for class_id, grade, day in sorted(_next_days(school, today, evening=evening, morning=morning)):
            if (grade, day) not in missing:
                is_set = await find_menu(connection, school.id, grade, day)
                missing[grade, day] = not is_set and not await suggested(connection, school.id, grade, day)
            if not missing[grade, day]:
                continue
            for teacher, account_id in (await self._teachers(connection, class_id, today)).items():
                payload = {"person_id": teacher, "date": day.isoformat(), "grade": grade, "school_id": school.id}
                part = "evening" if day > today else "morning"
                key = f"menu_ask:{day.isoformat()}:{part}:{teacher}"
                items[key] = Item(
                    key=key,
                    account_id=account_id,
                    kind="menu_ask",
                    payload=payload,
                    due_at=now,
                    created_at=now,
                    expires_at=school.times.quiet_after(now),
                    person_id=teacher,
                )
        return [*items.values()]

    async def _teachers(self, connection: AsyncConnection, class_id: str, day: date) -> Mapping[str, str]:
        """The accounts of a class's teachers."""
        statement = select(Enrollment.user_sourced_id).where(
            Enrollment.class_sourced_id == class_id,
            Enrollment.role == "teacher",
            valid_on(Enrollment.begin_date, Enrollment.end_date, day),
        )
        return await accounts_of(connection, [*await connection.scalars(statement)], self._channels)


async def suggested(connection: AsyncConnection, school_id: str, grade: str, day: date) -> list[MenuLine]:
    """One item of the catalogue for each subject, another one each day; [] where nothing fits the grade."""
    by_subject: dict[str, list[MenuLine]] = {}
    for each in await content_for(connection, grade):
        line = MenuLine(
            id=menu_id(school_id, grade, day, each.subject, PAGE, each.content_id),
            place=0,
            subject=each.subject,
            kind=PAGE,
            title=each.title,
            url=each.url,
            starts_at=None,
        )
        by_subject.setdefault(each.subject, []).append(line)
    chosen = [lines[day.toordinal() % len(lines)] for _, lines in sorted(by_subject.items())][:MOST_SUGGESTED]
    return [replace(line, place=place) for place, line in enumerate(chosen, start=1)]


def _next_days(school: _School, today: date, *, evening: bool, morning: bool) -> set[tuple[str, str, date]]:
    """(class, grade, day) of today in the morning, and of the next day at home in the evening."""
    found: set[tuple[str, str, date]] = set()
    for home in {home for member in school.members for home in member.homes if home.class_id and home.grade}:
        days = [today + timedelta(days=n) for n in range(1, AHEAD + 1)] if evening else []
        following = next((day for day in days if school.calendar.is_planned(day, home.grade)), None)
        for day in (today if morning else None, following):
            if day is not None and school.calendar.is_remote(day, home.grade, home.class_id):
                found.add((home.class_id or "", home.grade or "", day))
    return found


def _menu_item(person_id: str, account_id: str, school_id: str, grade: str, now: datetime, end: datetime) -> Item:
    day = now.date()
    about = {"school_id": school_id, "grade": grade}
    payload = {"person_id": person_id, "date": day.isoformat(), "phase": Phase.ANTICIPATION, **about}
    return Item(
        key=f"menu:{day.isoformat()}:{person_id}",
        account_id=account_id,
        kind="menu",
        payload=payload,
        due_at=now,
        created_at=now,
        expires_at=end,
        person_id=person_id,
        counts_on=day,
    )


async def _unknown(connection: AsyncConnection, items: Iterable[Item]) -> list[Item]:
    """Those whose key is not in the outbox yet."""
    by_key = {item.key: item for item in items}
    keys = [key for key in by_key if key is not None]
    for start in range(0, len(keys), KEYS_AT_ONCE):
        statement = select(Outbox.key).where(Outbox.key.in_(keys[start : start + KEYS_AT_ONCE]))
        for key in await connection.scalars(statement):
            del by_key[key]
    return [*by_key.values()]
