"""「遠足の前日」 on the school's calendar: the days that are counted from an event, once it is known when that is."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from intents.occasion_words import titles_of
from intents.reminders import ReminderReading, on_event
from knowledge.questions.model import Vocabulary
from knowledge.records.calendar import SchoolEvent, find_events

AHEAD = timedelta(days=366)


async def on_calendar(
    connection: AsyncConnection, reading: ReminderReading, vocabulary: Vocabulary, now: datetime
) -> ReminderReading:
    """The reading with ``start`` and ``rrule`` counted from the next event of that name; with the problem ``event``
    when the calendar of the asker's schools has none. A reading without an anchor is returned as it is."""
    if reading.anchor is None:
        return reading
    local = now.astimezone(vocabulary.timezone)
    events: list[SchoolEvent] = []
    for title in titles_of(reading.anchor.title):
        for school in vocabulary.own_schools:
            events += await find_events(connection, school, title, local.date(), local.date() + AHEAD)
        if events:
            break
    ids = reading.audience.ids if reading.audience is not None else ()
    grades = {each.grade for each in vocabulary.classes if each.id in ids}
    fitting = [each for each in events if not each.grades or not grades or each.grades & grades]
    days = sorted({each.date for each in fitting})
    meant = [on_event(reading, day, local) for day in days]
    to_come = [each for each in meant if each.problem is None]
    return next(iter(to_come or meant), on_event(reading, None, local))
