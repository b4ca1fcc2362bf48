"""When reminders are due next: for previews, when they are resumed, and after the calendar changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import bindparam, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.records.reminders import Reminder, audience_of
from knowledge.reminding import ReminderState
from scheduler.audience import Home, find_homes
from scheduler.occurrences import AHEAD, next_occurrences
from scheduler.outbox import Outbox, State

COLUMNS = Reminder.__table__.c
PAGE = 1000  # reminders looked at in one query
IS_ACTIVE = Reminder.state == literal_column("'active'")  # to the letter, as the index on what is due has it
SET_NEXT = (
    update(Reminder)
    .where(COLUMNS.id == bindparam("reminder"), IS_ACTIVE)
    .values(next_at=bindparam("n"), state=bindparam("s"))
)

log = structlog.get_logger(__name__)


def next_moments(
    reminder: Any,
    homes: Collection[Home],
    calendars: Mapping[str, SchoolCalendar],
    after: datetime,
    zone: ZoneInfo,
    count: int = 1,
) -> list[datetime]:
    """Up to ``count`` moments of a reminder later than ``after``: on days on which one of ``homes`` has school.

    ``reminder``: a row, or anything with its ``rrule``, ``starts_on``, ``time``, ``any_day`` and ``school_id``. A rule
    that cannot be read is logged and has none: it must not stop what else is looked at with it.
    """
    places = homes or [Home(school_id=reminder.school_id)]

    def is_open(day: date) -> bool:
        return reminder.any_day or any(home.has_school(calendars, day) for home in places)

    # A closure without an end must not end a reminder: its days are looked at again when they come.
    return _search(reminder, is_open, after, zone, count) or _search(
        reminder, _is_planned(places, calendars), after, zone, count
    )


def _is_planned(homes: Collection[Home], calendars: Mapping[str, SchoolCalendar]) -> Callable[[date], bool]:
    return lambda day: any(calendars[home.school_id].is_planned(day, home.grade) for home in homes)


def _search(
    reminder: Any, counts: Callable[[date], bool], after: datetime, zone: ZoneInfo, count: int
) -> list[datetime]:
    at = time.fromisoformat(reminder.time)
    try:
        return next_occurrences(reminder.rrule, reminder.starts_on, at, after, zone, counts, count)
    except ValueError:
        log.error("reminder_unreadable", reminder=getattr(reminder, "id", None))
        return []


async def upcoming(
    connection: AsyncConnection, reminders: Sequence[Any], after: datetime, zone: ZoneInfo, count: int = 1
) -> list[list[datetime]]:
    """The next moments of each of ``reminders``, which need not be stored yet; an ended one has none."""
    today = after.astimezone(zone).date()
    audiences = [audience_of(reminder) for reminder in reminders]
    homes = await find_homes(connection, audiences, today)
    calendars = await calendars_of(connection, reminders, homes.values(), today)
    return [
        next_moments(reminder, homes[audience], calendars, after, zone, count)
        for reminder, audience in zip(reminders, audiences, strict=True)
    ]


async def calendars_of(
    connection: AsyncConnection, reminders: Iterable[Any], homes: Iterable[Iterable[Home]], since: date
) -> dict[str, SchoolCalendar]:
    """The calendars of all these schools, from a day on."""
    schools = {reminder.school_id for reminder in reminders} | {home.school_id for each in homes for home in each}
    return await load_calendars(connection, sorted(schools), since, since + 2 * AHEAD)


async def recompute(connection: AsyncConnection, reminder: Any, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Make a reminder active and set when it is due next; None: never again, it is done. What has passed while it was
    paused is not made up for."""
    [found] = await upcoming(connection, [reminder], now, zone)
    following = found[0] if found else None
    state = ReminderState.ACTIVE if following else ReminderState.DONE
    await connection.execute(
        update(Reminder).where(Reminder.id == reminder.id).values(next_at=following, state=state.value)
    )
    return following


async def refresh(connection: AsyncConnection, school_ids: Collection[str], now: datetime, zone: ZoneInfo) -> None:
    """Set anew when the active reminders of schools are due, after their calendar or a closure changed. What is due
    by ``now`` is left to the planner."""
    after = ""
    while True:
        rows = (
            await connection.execute(
                select(*COLUMNS)
                .where(IS_ACTIVE, COLUMNS.school_id.in_(school_ids), COLUMNS.next_at > now, COLUMNS.id > after)
                .order_by(COLUMNS.id)
                .limit(PAGE)
                .with_for_update()
            )
        ).all()
        if rows:
            found = await upcoming(connection, rows, now, zone)
            await set_next(
                connection, {row.id: each[0] if each else None for row, each in zip(rows, found, strict=True)}
            )
        if len(rows) < PAGE:
            return
        after = rows[-1].id


async def refresh_all(database: Database, now: datetime, zone: ZoneInfo) -> None:
    """``refresh`` for every school, one after the other."""
    async with database.read() as connection:
        schools = (await connection.scalars(select(COLUMNS.school_id).where(IS_ACTIVE).distinct())).all()
    for school in schools:
        async with database.write() as connection:
            await refresh(connection, [school], now, zone)


async def set_next(connection: AsyncConnection, moments: Mapping[str, datetime | None]) -> None:
    """Store when active reminders are due next; one with None is done."""
    if moments:
        values = [
            {"reminder": id, "n": moment, "s": ReminderState.ACTIVE if moment else ReminderState.DONE}
            for id, moment in moments.items()
        ]
        await connection.execute(SET_NEXT, values)


async def cancel_open(connection: AsyncConnection, reminder_id: str, now: datetime, reason: str) -> int:
    """Skip what a reminder that was paused, changed or cancelled planned and has not sent; return how many sends."""
    result = await connection.execute(
        update(Outbox)
        .where(
            # As a range, which the index on sources answers; "0" follows "/".
            Outbox.source.is_not(None),
            Outbox.source >= f"{reminder_id}/",
            Outbox.source < f"{reminder_id}0",
            Outbox.state.in_([State.PENDING, State.HELD]),
        )
        .values(state=State.SKIPPED, done_at=now, problem=reason)
    )
    return result.rowcount
