"""Whom a closure concerns, and what of theirs it stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.closing_draft import ClosureDraft
from assistant.dialogue.turn import Turn
from knowledge.records.accounts import accounts_of
from knowledge.records.calendar import ClosedDays, load_calendars
from knowledge.records.closures import Declared
from knowledge.records.reminders import Reminder, audience_of
from knowledge.records.roster import Enrollment
from knowledge.records.scope import valid_on
from knowledge.reminding import Audience, AudienceKind, ReminderState
from scheduler import stopping
from scheduler.audience import Member, find_members
from scheduler.upcoming import upcoming

FAR = timedelta(days=92)  # how far ahead a closure without an end is looked at for what it stops


@dataclass(frozen=True, kw_only=True)
class Affected:
    """Whom a closure concerns."""

    children: Sequence[Member]
    class_ids: frozenset[str]  # their homeroom classes
    staff: Mapping[str, str]  # the account of each who can be written to

    @property
    def linked(self) -> list[Member]:
        return [member for member in self.children if member.account_id is not None]

    @property
    def ids(self) -> list[str]:
        return [member.person_id for member in self.children]


async def find_affected(connection: AsyncConnection, turn: Turn, draft: ClosureDraft) -> Affected:
    """The children of the closed grades or classes, as the calendar will know them, and the staff who are told: of the
    whole school all, otherwise the teachers of the classes."""
    school = Audience(kind=AudienceKind.SCHOOL, ids=(draft.school_id,), label="")
    staff = Audience(kind=AudienceKind.STAFF, ids=(draft.school_id,), label="")
    found = await find_members(connection, [school, staff], turn.today, turn.services.channels)
    closed = ClosedDays(first=date.min, last=None, grades=frozenset(draft.grades), class_ids=frozenset(draft.class_ids))
    children = [
        member
        for member in found[school]
        if any(closed.covers(turn.today, home.grade, home.class_id) for home in member.homes)
    ]
    homes = {home for member in children for home in member.homes}
    classes = frozenset(
        home.class_id for home in homes if home.class_id and closed.covers(turn.today, home.grade, home.class_id)
    )
    if is_whole(draft):
        accounts = {member.person_id: member.account_id for member in found[staff] if member.account_id is not None}
    else:
        teachers = select(Enrollment.user_sourced_id).where(
            Enrollment.class_sourced_id.in_(classes),
            Enrollment.role == "teacher",
            valid_on(Enrollment.begin_date, Enrollment.end_date, turn.today),
        )
        ids = [*await connection.scalars(teachers)]
        accounts = await accounts_of(connection, ids, turn.services.channels)
    told = {id: account for id, account in accounts.items() if id != turn.known.id}
    return Affected(children=children, class_ids=classes, staff=told)


async def days_without_school(
    connection: AsyncConnection, affected: Affected, draft: ClosureDraft
) -> tuple[int, int] | None:
    """How many days of school fall away, and how many there would be had nothing been closed yet; None where no end was
    said."""
    first, last = draft.first, draft.last
    if first is None or last is None:
        return None
    calendars = await load_calendars(connection, [draft.school_id], first, last)
    homes = {home for member in affected.children for home in member.homes}
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    here = [home for home in homes if home.school_id in calendars]
    falling = sum(any(home.has_school(calendars, day) for home in here) for day in days)
    planned = sum(any(calendars[home.school_id].is_planned(day, home.grade) for home in here) for day in days)
    return falling, planned


async def reminders_within(
    connection: AsyncConnection, turn: Turn, draft: ClosureDraft, affected: Affected
) -> dict[str, int]:
    """How often each reminder to these children would still be sent on the days, by id; those that would not be sent
    are left out."""
    zone = turn.services.timezone
    first = draft.first or turn.today
    end = datetime.combine((draft.last or max(first, turn.today) + FAR) + timedelta(days=1), time(), zone)
    after = max(datetime.combine(first, time(), zone) - timedelta(seconds=1), turn.now)
    statement = (
        select(*Reminder.__table__.c)
        .where(
            Reminder.school_id == draft.school_id,
            Reminder.state == ReminderState.ACTIVE,
            Reminder.next_at < end,
            ~Reminder.any_day,
        )
        .order_by(Reminder.next_at, Reminder.id)
    )
    concerned = {*affected.ids, *affected.class_ids, draft.school_id}
    rows = [
        row
        for row in await connection.execute(statement)
        if (audience := audience_of(row)).is_children and not concerned.isdisjoint(audience.ids)
    ]
    found = await upcoming(connection, rows, after, zone, count=(end - after).days + 1)
    times = {row.id: sum(moment < end for moment in each) for row, each in zip(rows, found, strict=True)}
    return {id: count for id, count in times.items() if count}


def is_touched(closure: Declared, affected: Affected) -> bool:
    """Whether some of these children are closed out by a closure."""
    closed = ClosedDays(
        first=closure.first_day,
        last=None,
        grades=frozenset(closure.grades),
        class_ids=frozenset(closure.class_ids),
    )
    homes = {home for member in affected.children for home in member.homes}
    return any(closed.covers(closure.first_day, home.grade, home.class_id) for home in homes)


def stopped_kinds(draft: ClosureDraft) -> frozenset[str]:
    """The kinds of sends it stops: with learning at home, check-ins go on."""
    return stopping.REMINDERS if draft.is_remote else stopping.REMINDERS | stopping.PROMPTS


def is_whole(draft: ClosureDraft) -> bool:
    return not draft.grades and not draft.class_ids


def is_quiet(turn: Turn, draft: ClosureDraft) -> bool:
    return turn.services.times.of(draft.school_id).is_quiet(turn.now.time())


def due_at(turn: Turn, draft: ClosureDraft) -> datetime:
    """Now, or when the quiet hours end."""
    if not draft.waits or not is_quiet(turn, draft):
        return turn.now
    until = turn.services.times.of(draft.school_id).quiet_until
    moment = datetime.combine(turn.today, until, turn.services.timezone)
    return moment if moment > turn.now else moment + timedelta(days=1)
