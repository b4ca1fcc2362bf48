"""Whatever the rule, the holidays and the moments at which it is looked: what is due is sent once, or reported."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from knowledge.db import Database
from knowledge.records.calendar import CalendarDay
from knowledge.records.reminders import Reminder
from knowledge.records.roster import Org
from scheduler.outbox import Outbox
from tests.builders.district import MON
from tests.builders.reminding import at, in_calendar, next_at, planner, remind, rows, with_accounts

DAYS = 40  # 11 May to 19 June 2026: no national holiday
LAST = MON + timedelta(days=DAYS - 1)
NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LATE = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule as people say it, and day by day."""

    frequency: str
    interval: int
    weekdays: frozenset[int]
    month_day: int
    until: date | None
    start: date

    @property
    def text(self) -> str:
        parts = [f"FREQ={self.frequency}", f"INTERVAL={self.interval}"]
        if self.frequency == "WEEKLY":
            parts.append("BYDAY=" + ",".join(NAMES[day] for day in sorted(self.weekdays)))
        if self.frequency == "MONTHLY":
            parts[1] = f"BYMONTHDAY={self.month_day}"
        return ";".join([*parts, *([f"UNTIL={self.until:%Y%m%d}T235959"] if self.until else [])])

    def falls_on(self, day: date) -> bool:
        if day < self.start or (self.until is not None and day > self.until):
            return False
        match self.frequency:
            case "DAILY":
                return (day - self.start).days % self.interval == 0
            case "WEEKLY":
                first_week = self.start - timedelta(days=self.start.weekday())
                return day.weekday() in self.weekdays and (day - first_week).days // 7 % self.interval == 0
            case _:
                return day.day == self.month_day


SPAN = st.integers(0, DAYS - 1).map(lambda days: MON + timedelta(days=days))
RULES = st.builds(
    Rule,
    frequency=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    interval=st.integers(1, 3),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    month_day=st.integers(1, 28),
    until=st.none() | SPAN,
    start=st.integers(0, 20).map(lambda days: MON + timedelta(days=days)),
)


def _near_ten(day: date, minutes: int) -> datetime:
    return at(10, day=day) + timedelta(minutes=minutes)


# In whichever order: a clock may be set back.
TICKS = st.lists(
    st.builds(_near_ten, SPAN, st.sampled_from([-60, -1, 0, 7, 15, 16, 300])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=RULES, holidays=st.frozensets(SPAN, max_size=12), ticks=TICKS, shuffled=st.booleans())
async def test_every_moment_of_the_rule_is_sent_once_or_reported(
    database: Database, rule: Rule, holidays: frozenset[date], ticks: list[datetime], shuffled: bool
) -> None:
    await _empty(database)
    for day in holidays:
        await in_calendar(database, day, "holiday")
    span = [MON + timedelta(days=days) for days in range(DAYS)]
    expected = [day for day in span if rule.falls_on(day) and day.weekday() < 5 and day not in holidays]
    if not expected:
        return
    await remind(database, rrule=rule.text, starts_on=rule.start, next_at=at(10, day=expected[0]))
    sent, missed = set[datetime](), set[datetime]()
    for now in ticks if shuffled else sorted(ticks):
        for moment in (at(10, day=day) for day in expected):
            if moment <= now and moment not in sent | missed:
                (sent if now - moment <= LATE else missed).add(moment)
        await planner(database, daily_limit=100).plan(now)  # a new process every time
    planned = await rows(database)
    sends = Counter((row.person_id, row.source[-13:]) for row in planned if row.source)
    assert set(sends.values()) <= {1}
    assert {when for _, when in sends} == {f"{moment:%Y%m%dT%H%M}" for moment in sent}
    reported = [each for row in planned if row.payload.get("missed") for each in row.payload["occurrences"]]
    assert sorted(reported) == sorted(moment.isoformat() for moment in missed)
    following = [day for day in expected if at(10, day=day) not in sent | missed]
    if following:
        assert await next_at(database) == at(10, day=following[0])


async def _empty(database: Database) -> None:
    async with database.write() as connection:
        for table in (Outbox, Reminder, CalendarDay):
            await connection.execute(delete(table))
        is_made = await connection.scalar(select(Org.sourced_id).limit(1))
    if not is_made:
        await with_accounts(database)
