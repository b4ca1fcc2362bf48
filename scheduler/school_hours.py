"""How long something has waited while people were at school."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from knowledge.records.calendar import SchoolCalendar

SCHOOL_FROM, SCHOOL_UNTIL = time(8), time(17)  # of a school day: when something can be expected to be read
LOOK_BACK = timedelta(days=60)  # school days before it are not counted


def school_hours(calendar: SchoolCalendar | None, grade: str | None, since: datetime, now: datetime) -> timedelta:
    """The school hours of a grade between two moments; none where no calendar is known. ``now`` is in the school's time
    zone, and the calendar was loaded from ``LOOK_BACK`` before it."""
    since, total = max(since.astimezone(now.tzinfo), now - LOOK_BACK), timedelta()
    for n in range((now.date() - since.date()).days + 1):
        day = since.date() + timedelta(days=n)
        if calendar is not None and calendar.is_school_day(day, grade):
            start = max(since, datetime.combine(day, SCHOOL_FROM, now.tzinfo))
            total += max(min(now, datetime.combine(day, SCHOOL_UNTIL, now.tzinfo)) - start, timedelta())
    return total
