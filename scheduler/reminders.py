"""Reminders that are due, into the outbox: each moment and person once, never long after its time, and with care.

What is planned and when a reminder is due next are stored in one transaction, and a send's key is its reminder, moment
and person. So a process that dies between planning and sending, two that plan at once and a clock that is set back
change nothing; what was slept through is reported to the owner instead of sent late.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database, upsert
from knowledge.records.accounts import accounts_of
from knowledge.records.announcements import Announcement, AnnouncementAnswer, AnnouncementRecipient
from knowledge.records.calendar import SchoolCalendar
from knowledge.records.reminders import Reminder, audience_of
from knowledge.reminding import Audience, AudienceKind, What
from scheduler import outbox
from scheduler.audience import Home, Member, find_members
from scheduler.bulk import put_many
from scheduler.events import follow_events
from scheduler.outbox import Item
from scheduler.schools import SchoolTimes
from scheduler.sending import REPORT_AFTER, Asking, Occasion, Sending, compose, report
from scheduler.upcoming import COLUMNS, IS_ACTIVE, calendars_of, next_moments, set_next

PAGE = 50  # reminders planned in one transaction
ROWS = 1000  # rows of one insert
FOLLOW_EVERY = timedelta(minutes=15)  # how soon a reminder follows an event that was moved

log = structlog.get_logger(__name__)


class Reminders:
    """Plans the sendings that are due."""

    def __init__(self, database: Database, zone: ZoneInfo, times: SchoolTimes, channels: Collection[str]) -> None:
        """``channels``: where people can be written to."""
        self._database = database
        self._zone = zone
        self._times = times
        self._channels = channels
        self._followed_at: datetime | None = None

    async def plan(self, now: datetime) -> int:
        """Store a send for everyone whom a reminder due at ``now`` is for, and set when it is due next; return how
        many sends. Safe to call at any time, as often as wanted and in several processes."""
        planned = 0
        if self._followed_at is None or not timedelta() <= now - self._followed_at < FOLLOW_EVERY:
            planned += await follow_events(self._database, now, self._zone, self._channels)
            self._followed_at = now
        while True:
            async with self._database.write() as connection:
                due = (await connection.execute(DUE, {"now": now})).all()
                if not due:
                    break
                planned += await self._plan(connection, due, now)
        if planned:
            log.info("reminders_planned", count=planned)
        return planned

    async def send_now(self, connection: AsyncConnection, reminder: Any, now: datetime) -> Sending:
        """Plan one sending at ``now`` beside those of the rule, with the same care; what becomes of it. Of an
        announcement that is closed nothing."""
        known = await self._read(connection, [reminder], now)
        occasion = known.occasion(reminder, now)
        if occasion is None:
            return Sending()
        members = known.members_of(reminder)
        sending = compose(occasion, members, Counter())
        await _store(connection, sending.items, _recipients([(occasion, members)]))
        await outbox.put(connection, known.report_of(occasion, sending))
        return sending

    async def foresee(self, connection: AsyncConnection, reminder: Any, moment: datetime) -> Sending:
        """What would become of a sending at a moment of today, as things stand; nothing is stored."""
        known = await self._read(connection, [reminder], moment)
        occasion = known.occasion(reminder, moment)
        return compose(occasion, known.members_of(reminder), Counter()) if occasion is not None else Sending()

    async def _plan(self, connection: AsyncConnection, due: Sequence[Any], now: datetime) -> int:
        known = await self._read(connection, due, now)
        planned = Counter[str]()
        items: list[Item] = []
        asked: list[tuple[Occasion, Sequence[Member]]] = []
        following: dict[str, datetime | None] = {}
        for reminder in due:
            moments, following[reminder.id] = known.moments(reminder)
            missed: list[Occasion] = []
            for moment in moments:
                occasion = known.occasion(reminder, moment)
                if occasion is None:  # the announcement is closed
                    following[reminder.id] = None
                elif not known.has_school(reminder, moment):  # the calendar was changed since
                    log.info("reminder_skipped", reminder=reminder.id, why="no school day")
                elif occasion.is_late:
                    log.warning("reminder_skipped", reminder=reminder.id, why="too late")
                    missed.append(occasion)
                else:
                    members = known.members_of(reminder)
                    sending = compose(occasion, members, planned)
                    items += [*sending.items, *known.report_of(occasion, sending)]
                    asked.append((occasion, members))
            items += known.report_missed(missed)
        await _store(connection, items, _recipients(asked))
        await set_next(connection, following)
        return len(items)

    async def _read(self, connection: AsyncConnection, reminders: Sequence[Any], now: datetime) -> _Known:
        """All that planning these takes, in a few queries for all of them."""
        local = now.astimezone(self._zone)
        audiences = {reminder.id: audience_of(reminder) for reminder in reminders}
        members = await find_members(connection, audiences.values(), local.date(), self._channels)
        homes = {
            audience: frozenset(home for member in people for home in member.homes)
            if audience.is_children
            else frozenset[Home]()
            for audience, people in members.items()
        }
        since = min((reminder.next_at for reminder in reminders if reminder.next_at), default=now)
        first = min(local, since.astimezone(self._zone)).date()
        return _Known(
            now=now.astimezone(UTC),
            zone=self._zone,
            times=self._times,
            audiences=audiences,
            members=members,
            homes=homes,
            calendars=await calendars_of(connection, reminders, homes.values(), first),
            owners=await accounts_of(connection, sorted({each.owner_id for each in reminders}), self._channels),
            asking=await _asking(connection, reminders, now),
        )


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What was read to plan some reminders."""

    now: datetime  # in UTC: two moments of one zone are compared by the clock at the wall, which may go back
    zone: ZoneInfo
    times: SchoolTimes
    audiences: Mapping[str, Audience]  # by reminder
    members: Mapping[Audience, Sequence[Member]]
    homes: Mapping[Audience, frozenset[Home]]
    calendars: Mapping[str, SchoolCalendar]
    owners: Mapping[str, str]  # account by person
    asking: Mapping[str, Asking]  # by announcement, those that are open

    def moments(self, reminder: Any) -> tuple[list[datetime], datetime | None]:
        """Those from ``next_at`` until now, and the one after them."""
        moments = [reminder.next_at.astimezone(self.zone)]
        homes = self.homes[self.audiences[reminder.id]]
        while found := next_moments(reminder, homes, self.calendars, moments[-1], self.zone):
            if found[0] > self.now:
                return moments, found[0]
            moments += found
        return moments, None

    def occasion(self, reminder: Any, moment: datetime) -> Occasion | None:
        """None: it carries an announcement that is closed."""
        if reminder.what == What.ANNOUNCEMENT and reminder.announcement_id not in self.asking:
            return None
        return Occasion(
            reminder=reminder,
            audience=self.audiences[reminder.id],
            moment=moment.astimezone(self.zone),
            now=self.now,
            times=self.times,
            calendars=self.calendars,
            asking=self.asking.get(reminder.announcement_id),
        )

    def has_school(self, reminder: Any, moment: datetime) -> bool:
        """Whether anybody of the audience has, or nobody needs to."""
        homes = self.homes[self.audiences[reminder.id]] or {Home(school_id=reminder.school_id)}
        return reminder.any_day or any(home.has_school(self.calendars, moment.date()) for home in homes)

    def members_of(self, reminder: Any) -> list[Member]:
        left_out = {*reminder.left_out}
        return [each for each in self.members[self.audiences[reminder.id]] if each.person_id not in left_out]

    def report_of(self, occasion: Occasion, sending: Sending) -> list[Item]:
        """To the owner, once it is known what was delivered; none where there is nothing to be known, nor
        where it goes to the owner alone."""
        is_self = occasion.audience.kind is AudienceKind.SELF
        if is_self or (not sending.items and not sending.reported):
            return []
        return self._report(occasion, occasion.over_at + REPORT_AFTER, withheld=sending.reported)

    def report_missed(self, missed: Sequence[Occasion]) -> list[Item]:
        """One to the owner for all that was slept through."""
        if not missed:
            return []
        moments = [occasion.moment.isoformat() for occasion in missed]
        return self._report(missed[0], self.now, missed=True, occurrences=moments)

    def _report(self, occasion: Occasion, due_at: datetime, **found: Any) -> list[Item]:
        reminder = occasion.reminder
        if reminder.owner_id not in self.owners:
            log.warning("reminder_report_skipped", reminder=reminder.id, why="no account to send to")
            return []
        return [report(reminder, self.owners[reminder.owner_id], occasion.moment, due_at, self.now, **found)]


DUE = (
    select(*COLUMNS)
    .where(IS_ACTIVE, Reminder.next_at <= bindparam("now"))
    .order_by(Reminder.next_at, Reminder.id)
    .limit(PAGE)
    .with_for_update(skip_locked=True)
)


async def _asking(connection: AsyncConnection, reminders: Sequence[Any], now: datetime) -> dict[str, Asking]:
    ids = sorted({each.announcement_id for each in reminders if each.announcement_id is not None})
    if not ids:
        return {}
    answered: dict[str, set[str]] = {}
    answers = select(AnnouncementAnswer.announcement_id, AnnouncementAnswer.person_id)
    for id, person in await connection.execute(answers.where(AnnouncementAnswer.announcement_id.in_(ids))):
        answered.setdefault(id, set()).add(person)
    found = await connection.execute(
        select(Announcement.id, Announcement.is_safety_check, Announcement.closes_at).where(
            Announcement.id.in_(ids), Announcement.state == "open"
        )
    )
    return {
        row.id: Asking(
            is_safety_check=row.is_safety_check, closes_at=row.closes_at, answered=frozenset(answered.get(row.id, ()))
        )
        for row in found
        if row.closes_at is None or row.closes_at > now
    }


def _recipients(asked: Sequence[tuple[Occasion, Sequence[Member]]]) -> list[dict[str, Any]]:
    """Everyone an announcement is for, reached or not: so that who has not answered is told truly."""
    return [
        {
            "announcement_id": occasion.reminder.announcement_id,
            "person_id": member.person_id,
            "asked_at": occasion.now,
        }
        for occasion, members in asked
        if occasion.asking is not None
        for member in members
    ]


async def _store(connection: AsyncConnection, items: Sequence[Item], recipients: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(recipients), ROWS):
        rows = recipients[start : start + ROWS]
        await upsert(connection, AnnouncementRecipient, rows, key=["announcement_id", "person_id"])
    for start in range(0, len(items), ROWS):
        await put_many(connection, items[start : start + ROWS])
