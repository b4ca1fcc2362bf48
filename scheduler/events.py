"""Reminders that follow an event of the school calendar: 遠足の前日 moves with the excursion."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.records.accounts import accounts_of
from knowledge.records.calendar import CalendarDay, SchoolEvent
from knowledge.records.reminders import Reminder, audience_of
from knowledge.reminding import Anchor, ReminderState
from scheduler import outbox
from scheduler.audience import find_homes
from scheduler.occurrences import resolve
from scheduler.outbox import Item
from scheduler.sending import report
from scheduler.upcoming import COLUMNS, IS_ACTIVE, calendars_of, next_moments

log = structlog.get_logger(__name__)

ANCHORED = select(*COLUMNS).where(IS_ACTIVE, Reminder.event_title.is_not(None)).order_by(Reminder.id)
MOVE = (
    update(Reminder)
    .where(COLUMNS.id == bindparam("reminder"), IS_ACTIVE, COLUMNS.changed_at == bindparam("seen"))
    .values(rrule=bindparam("r"), starts_on=bindparam("d"), next_at=bindparam("n"), state=bindparam("s"))
)


async def follow_events(database: Database, now: datetime, zone: ZoneInfo, channels: Collection[str]) -> int:
    """Move active reminders with their events; one whose event is no more, or was moved past its days, is done, and
    its owner is told. Returns how many tellings were planned. Nothing moved, nothing written."""
    async with database.read() as connection:
        reminders = (await connection.execute(ANCHORED)).all()
        if not reminders:
            return 0
        moved = await _moved(connection, reminders, now.astimezone(zone).date())
    if not moved:
        return 0
    async with database.write() as connection:
        return await _follow(connection, moved, now, zone, channels)


def _event_day(reminder: Any) -> date:
    """Of the event as it was when the days of the reminder were last worked out."""
    return reminder.starts_on - timedelta(days=reminder.event_first)


async def _moved(connection: AsyncConnection, reminders: Sequence[Any], today: date) -> list[tuple[Any, date | None]]:
    """The reminders whose event is no longer on its day, each with the day it is on now; None: there is none ahead."""
    audiences = {reminder.id: audience_of(reminder) for reminder in reminders}
    homes = await find_homes(connection, audiences.values(), today)
    first = min(today, *(_event_day(reminder) for reminder in reminders))
    events = await _events(connection, {reminder.school_id for reminder in reminders}, first)
    moved: list[tuple[Any, date | None]] = []
    for reminder in reminders:
        grades = {home.grade for home in homes[audiences[reminder.id]]}
        days = [
            event.date
            for event in events.get(reminder.school_id, ())
            if reminder.event_title in event.title and (not event.grades or not grades or event.grades & grades)
        ]
        day = _event_day(reminder)
        if day not in days:
            ahead = [each for each in days if each >= today]
            moved.append((reminder, min(ahead, key=lambda each: abs(each - day)) if ahead else None))
    return moved


async def _events(connection: AsyncConnection, schools: Iterable[str], first: date) -> dict[str, list[SchoolEvent]]:
    """The events of schools from a day on, whatever their title."""
    events: dict[str, list[SchoolEvent]] = {}
    for school, day, title, grades in await connection.execute(
        select(CalendarDay.school_id, CalendarDay.date, CalendarDay.title, CalendarDay.grades).where(
            CalendarDay.school_id.in_(sorted(schools)), CalendarDay.kind == "event", CalendarDay.date >= first
        )
    ):
        events.setdefault(school, []).append(SchoolEvent(date=day, title=title or "", grades=frozenset(grades)))
    return events


async def _follow(
    connection: AsyncConnection,
    moved: Sequence[tuple[Any, date | None]],
    now: datetime,
    zone: ZoneInfo,
    channels: Collection[str],
) -> int:
    reminders = [reminder for reminder, _ in moved]
    audiences = {reminder.id: audience_of(reminder) for reminder in reminders}
    today = now.astimezone(zone).date()
    homes = await find_homes(connection, audiences.values(), today)
    calendars = await calendars_of(connection, reminders, homes.values(), today)
    owners = await accounts_of(connection, sorted({reminder.owner_id for reminder in reminders}), channels)
    values: list[Mapping[str, Any]] = []
    tellings: list[Item] = []
    for reminder, day in moved:
        anchor = Anchor(title=reminder.event_title, first=reminder.event_first, last=reminder.event_last)
        rrule, starts_on = (reminder.rrule, reminder.starts_on) if day is None else resolve(anchor, day)
        changed = SimpleNamespace(**{**reminder._mapping, "rrule": rrule, "starts_on": starts_on})
        found = next_moments(changed, homes[audiences[reminder.id]], calendars, now, zone) if day else []
        state = ReminderState.ACTIVE if found else ReminderState.DONE
        values.append(
            {"reminder": reminder.id, "seen": reminder.changed_at, "r": rrule, "d": starts_on}
            | {"n": found[0] if found else None, "s": state.value}
        )
        log.info("reminder_followed_event", reminder=reminder.id, state=state.value)
        if not found and reminder.owner_id in owners:
            moment = (reminder.next_at or now).astimezone(zone)
            account = owners[reminder.owner_id]
            tellings.append(report(reminder, account, moment, now, now, event=reminder.event_title))
    await connection.execute(MOVE, values)
    await outbox.put(connection, tellings)
    return len(tellings)
