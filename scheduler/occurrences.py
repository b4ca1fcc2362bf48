"""When something that comes back falls due: RRULE (RFC 5545) at a time of day in the school's time zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from typing import cast
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulebase, rrulestr

from knowledge.reminding import Anchor

AHEAD = timedelta(days=366)  # how far a day that counts is looked for
RULES = 256  # rules remembered once read: a school's reminders share few


def next_occurrences(
    rrule: str | None,
    starts_on: date,
    at: time,
    after: datetime,
    zone: ZoneInfo,
    is_open: Callable[[date], bool],
    count: int,
) -> list[datetime]:
    """Up to ``count`` moments later than the aware moment ``after``, on days for which ``is_open`` says yes.

    ``rrule`` without its prefix, such as ``FREQ=WEEKLY;INTERVAL=2;BYDAY=MO``, counted from ``starts_on``: days that do
    not count leave its phase, its COUNT and its UNTIL (a time of the school's clock) as they are. None: once, on
    ``starts_on``. Fewer than ``count``, or none, when the rule has ended or ``AHEAD`` (of a yearly one eight times
    that) is reached. Raises ``ValueError`` for a rule that is none.
    """
    # Worked out on the clock at the wall, so that a change to summer time moves nothing.
    first = datetime.combine(starts_on, at)
    local = after.astimezone(zone).replace(tzinfo=None)
    # A day of the year may fall on weekends for years.
    last = max(first, local) + AHEAD * (8 if rrule is not None and "FREQ=YEARLY" in rrule else 1)
    found: Iterable[datetime] = [first]
    if rrule is not None:
        # From a day before: in the hour that comes twice, the clock at the wall is no measure of what is over.
        found = cast("Iterable[datetime]", _rule(rrule, first).xafter(local - timedelta(days=1)))
    days = (moment.replace(tzinfo=zone) for moment in takewhile(lambda moment: moment <= last, found))
    later = (moment for moment in days if moment.astimezone(UTC) > after.astimezone(UTC) and is_open(moment.date()))
    return list(islice(later, count))


@lru_cache(maxsize=RULES)
def _rule(text: str, first: datetime) -> rrulebase:
    """Raises ``ValueError`` for text that is no rule; dateutil itself would say ``TypeError`` without a FREQ, and count
    for ever where INTERVAL is 0."""
    if "FREQ=" not in text or re.search(r"INTERVAL=0*(;|$)", text):
        raise ValueError(f"not a rule: {text}")
    # Without dateutil's own cache of days: it keeps its lock for ever when a rule fails while it is counted.
    return rrulestr(text, dtstart=first)


def resolve(anchor: Anchor, event_date: date) -> tuple[str | None, date]:
    """The rule and the first day of what is counted from an event on ``event_date``; no rule: once."""
    first, last = event_date + timedelta(days=anchor.first), event_date + timedelta(days=anchor.last)
    return (None if first == last else f"FREQ=DAILY;UNTIL={last:%Y%m%d}T235959"), first
