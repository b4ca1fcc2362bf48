"""When something that comes back is due next: RRULE (RFC 5545) at a time of day in the school's time zone."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from knowledge.records.calendar import SchoolCalendar

AHEAD = timedelta(days=366)  # how far a school day is looked for


def next_after(rrule: str, at: time, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment later than the aware moment ``after``; None when the rule has ended.

    ``rrule`` without its prefix, such as ``FREQ=WEEKLY;BYDAY=MO``. Raises ``ValueError`` for a rule that is none.
    """
    local = after.astimezone(zone).replace(tzinfo=None)
    # Worked out on the clock at the wall, so that a change to summer time moves nothing.
    start = datetime.combine(local.date(), at)
    rule = rrulestr(rrule, dtstart=start)
    found = rule.after(local)
    # In the hour that comes twice, the clock at the wall shows again a time that is over.
    while found is not None and found.replace(tzinfo=zone).timestamp() <= after.timestamp():
        found = rule.after(found)
    return None if found is None else found.replace(tzinfo=zone)


def next_school_day(rrule: str, at: time, after: datetime, zone: ZoneInfo, calendar: SchoolCalendar) -> datetime | None:
    """The first moment later than ``after`` that is on a school day; None when there is none within ``AHEAD``."""
    moment = next_after(rrule, at, after, zone)
    while moment is not None and moment <= after + AHEAD:
        if calendar.is_school_day(moment.date()):
            return moment
        moment = next_after(rrule, at, moment, zone)
    return None
