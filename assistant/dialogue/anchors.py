"""「遠足の前日」 on the school's calendar: the days that are counted from an event, once it is known when that is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from intents.occasion_words import titles_of
from intents.reminders import ReminderReading, on_event
from knowledge.questions.model import Vocabulary
from knowledge.records.calendar import find_events

AHEAD = timedelta(days=366)


async def days_of_event(
    connection: AsyncConnection, schools: Iterable[str], said: str, since: date, grades: Collection[str | None]
) -> tuple[str, list[date]]:
    """What the calendars call an event that was named so, and on which days from ``since`` on it is; no day when none
    of them has it ahead for these grades (none: for any)."""
    for title in titles_of(said):
        events = [
            event for school in schools for event in await find_events(connection, school, title, since, since + AHEAD)
        ]
        days = {event.date for event in events if not event.grades or not grades or event.grades & set(grades)}
        if days:
            return title, sorted(days)
    return said, []


async def on_calendar(
    connection: AsyncConnection, reading: ReminderReading, vocabulary: Vocabulary, now: datetime
) -> ReminderReading:
    """The reading with ``start`` and ``rrule`` counted from the next event of that name; with the problem ``event``
    when the calendar of the asker's schools has none. A reading without an anchor is returned as it is."""
    if reading.anchor is None:
        return reading
    local = now.astimezone(vocabulary.timezone)
    ids = reading.audience.ids if reading.audience is not None else ()
    grades = {each.grade for each in vocabulary.classes if each.id in ids}
    _, days = await days_of_event(connection, vocabulary.own_schools, reading.anchor.title, local.date(), grades)
    meant = [on_event(reading, day, local) for day in days]
    to_come = [each for each in meant if each.problem is None]
    return next(iter(to_come or meant), on_event(reading, None, local))
