"""When something that comes back is due next: RRULE (RFC 5545) at a time of day in the school's time zone."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr


def next_after(rrule: str, at: time, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment later than the aware moment ``after``; None when the rule has ended.

    ``rrule`` without its prefix, such as ``FREQ=WEEKLY;BYDAY=MO``. Raises ``ValueError`` for a rule that is none.
    """
    local = after.astimezone(zone).replace(tzinfo=None)
    # Worked out on the clock at the wall, so that a change to summer time moves nothing.
    start = datetime.combine(local.date(), at)
    found = rrulestr(rrule, dtstart=start).after(local)
    return None if found is None else found.replace(tzinfo=zone)
