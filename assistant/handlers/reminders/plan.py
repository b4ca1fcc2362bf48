"""What a draft comes to: whom it reaches, on which days, what stands in its way, what it costs on LINE."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial

import jpholiday
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.anchors import days_of_event
from assistant.dialogue.reminder_draft import Asking, ReminderDraft
from assistant.dialogue.reminder_writes import as_row
from assistant.dialogue.turn import Quota, Turn
from assistant.handlers.reminders.audience import Receiver, may_reach, receivers
from intents.occasions import DAILY, ON_OR_BEFORE
from intents.recurrence import until
from knowledge.records.accounts import accounts_of
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.reminding import Anchor, AudienceKind, What
from scheduler.occurrences import AHEAD, next_occurrences, resolve
from scheduler.reminders import Reminders
from scheduler.schools import Times
from scheduler.sending import Reason

SHOWN = 3  # dates of a preview
QUIET_ROOM = timedelta(minutes=30)  # before the quiet hours: a sending takes a while
MONTH = 100  # sendings looked at for the cost of a month: more than its days


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A complete draft, worked out for a preview."""

    draft: ReminderDraft
    people: Sequence[Receiver]  # without those left out
    left_out: Sequence[Receiver]
    reached: dict[str, str]  # person → account
    next: Sequence[datetime]  # up to ``SHOWN``, days without school left out
    skipped: Sequence[tuple[date, str | None]]  # days of the rule before the last of these without school: holiday name
    held_back: Sequence[str]  # sourcedIds of those whom the next one, today, does not reach for the limit of the day
    in_month: int  # sendings left in the month of the next one
    quota: Quota | None  # this month's; None: not known, or the next one is in another month

    @property
    def on_line(self) -> int:
        return sum(account.startswith("line:") for account in self.reached.values())


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why a draft cannot be previewed yet, and what is asked for that."""

    key: str  # text
    asks: Asking
    draft: ReminderDraft
    args: Mapping[str, object]


async def work_out(turn: Turn, draft: ReminderDraft) -> Plan | Obstacle:
    """What the draft comes to, or the first thing that is missing or in the way."""
    if not draft.audience_ids:
        return Obstacle(key="ask_whom", asks=Asking.WHOM, draft=draft, args={})
    async with turn.services.database.read() as connection:
        if not await may_reach(connection, turn.known.id, draft.audience_kind, draft.audience_ids, turn.today):
            return Obstacle(
                key="only_leads" if draft.audience_kind is AudienceKind.STAFF else "not_yours",
                asks=Asking.WHOM,
                draft=replace(draft, audience_ids=(), left_out=()),
                args={"said": draft.audience_label},
            )
        everybody = await receivers(connection, draft.audience_kind, draft.audience_ids, turn.today)
        people = [person for person in everybody if person.id not in draft.left_out]
        if not people:
            return Obstacle(key="nobody", asks=Asking.WHOM, draft=draft, args={"said": draft.audience_label})
        if draft.what in (What.TEXT, What.ANNOUNCEMENT, What.QUESTION) and not draft.text.strip():
            return Obstacle(key=f"ask_{draft.what}", asks=Asking.WORDS, draft=draft, args={})
        if draft.event_title is not None:
            anchored = await _anchored(turn, connection, draft, {person.grade for person in people})
            if anchored is None:
                return Obstacle(
                    key="no_event", asks=Asking.DAY, draft=_without_day(draft), args={"said": draft.event_title}
                )
            draft = anchored
        if draft.starts_on is None:
            return Obstacle(key="ask_day", asks=Asking.DAY, draft=draft, args={})
        if draft.time is None:
            return Obstacle(key="ask_time", asks=Asking.TIME, draft=draft, args={})
        calendar = (
            await load_calendars(connection, [draft.school_id], turn.today, max(turn.today, draft.starts_on) + AHEAD)
        )[draft.school_id]
        reached = await accounts_of(connection, [person.id for person in people], turn.services.channels)
    draft, at = _in_time(turn, draft, time.fromisoformat(draft.time))
    times = turn.services.times.of(draft.school_id)
    if draft.is_children and times.is_quiet(at):
        args = {
            "time": draft.time,
            "start": f"{times.quiet_from:%H:%M}",
            "end": f"{times.quiet_until:%H:%M}",
            "nearest": f"{min(allowed(times), key=partial(_apart, at)):%H:%M}",
        }
        return Obstacle(key="quiet", asks=Asking.TIME, draft=replace(draft, time=None, at_once=False), args=args)
    plan = _dated(turn, draft, at, calendar, everybody, reached, await turn.services.quota())
    if isinstance(plan, Obstacle) or plan.next[0].date() != turn.today:
        return plan
    return replace(plan, held_back=await _held_back(turn, plan))


async def _held_back(turn: Turn, plan: Plan) -> Sequence[str]:
    services, draft = turn.services, plan.draft
    planner = Reminders(services.database, services.timezone, services.times, sorted(services.channels))
    async with services.database.read() as connection:
        sending = await planner.foresee(connection, as_row(draft, turn.known.id), plan.next[0])
    return sending.withheld.get(Reason.LIMIT, ())


def allowed(times: Times) -> tuple[time, time]:
    """The first and the last time of day at which children are written to."""
    latest = datetime.combine(date.min, times.quiet_from) + timedelta(days=1) - QUIET_ROOM
    return times.quiet_until, latest.time()


def _apart(one: time, other: time) -> int:
    """Minutes between two times of day, whichever way around is shorter."""
    minutes = abs(one.hour * 60 + one.minute - other.hour * 60 - other.minute)
    return min(minutes, 1440 - minutes)


def _dated(
    turn: Turn,
    draft: ReminderDraft,
    at: time,
    calendar: SchoolCalendar,
    everybody: Sequence[Receiver],
    reached: dict[str, str],
    quota: Quota | None,
) -> Plan | Obstacle:
    """The dates of a draft that is complete otherwise."""
    people = [person for person in everybody if person.id not in draft.left_out]
    homes = {(person.grade, person.class_id) for person in people}

    def is_open(day: date) -> bool:
        return draft.any_day or any(calendar.is_school_day(day, *home) for home in homes)

    starts_on = draft.starts_on or turn.today
    every = _moments(turn, draft, starts_on, at, lambda day: True, SHOWN)
    coming = _moments(turn, draft, starts_on, at, is_open, MONTH)
    if not every:
        key = "past" if draft.rrule is None or "UNTIL" in draft.rrule else "never"
        return Obstacle(key=key, asks=Asking.DAY, draft=_without_day(draft), args={})
    if not coming and draft.rrule is None:
        return Obstacle(key="no_school", asks=Asking.ANY_DAY, draft=draft, args={"day": starts_on})
    if not coming:
        return Obstacle(key="never", asks=Asking.DAY, draft=_without_day(draft), args={})
    shown = coming[:SHOWN]
    if draft.closes_on is not None and draft.closes_on < shown[0].date():
        is_over = draft.closes_on < turn.today and draft.announcement_id is None
        without = replace(_without_day(draft), closes_on=None if is_over else draft.closes_on)
        key = "closes_past" if is_over else "closes_before"
        return Obstacle(key=key, asks=Asking.DAY, draft=without, args={"day": draft.closes_on})
    looked_at = _moments(turn, draft, starts_on, at, lambda day: day <= shown[-1].date(), MONTH)
    return Plan(
        draft=draft,
        people=people,
        left_out=[person for person in everybody if person.id in draft.left_out],
        reached=reached,
        next=shown,
        skipped=[
            (each.date(), jpholiday.is_holiday_name(each.date())) for each in looked_at if not is_open(each.date())
        ],
        held_back=(),
        in_month=sum((each.year, each.month) == (shown[0].year, shown[0].month) for each in coming),
        quota=quota if (shown[0].year, shown[0].month) == (turn.today.year, turn.today.month) else None,
    )


def _moments(
    turn: Turn, draft: ReminderDraft, starts_on: date, at: time, is_open: Callable[[date], bool], count: int
) -> list[datetime]:
    after = turn.now - timedelta(minutes=draft.at_once)  # the minute that has begun is still to come
    return next_occurrences(draft.rrule, starts_on, at, after, turn.services.timezone, is_open, count)


def _in_time(turn: Turn, draft: ReminderDraft, at: time) -> tuple[ReminderDraft, time]:
    """The draft and its time: this minute where it is to be sent at once, and the next one where the time came while it
    was talked about."""
    if draft.at_once:
        return replace(draft, starts_on=turn.today, time=f"{turn.now:%H:%M}"), turn.now.time().replace(
            second=0, microsecond=0
        )
    if draft.rrule is not None or draft.starts_on != turn.today:
        return draft, at
    moment = datetime.combine(turn.today, at, turn.services.timezone)
    if not draft.at - timedelta(minutes=1) < moment <= turn.now:
        return draft, at
    soon = (turn.now + timedelta(minutes=1)).time().replace(second=0, microsecond=0)
    return replace(draft, time=f"{soon:%H:%M}"), soon


async def _anchored(
    turn: Turn, connection: AsyncConnection, draft: ReminderDraft, grades: set[str | None]
) -> ReminderDraft | None:
    """The draft with the days that its event gives; None when the calendar has no such event ahead."""
    first, last = timedelta(days=draft.event_first or 0), timedelta(days=draft.event_last or 0)
    of = grades if draft.is_children else ()
    title, days = await days_of_event(connection, [draft.school_id], draft.event_title or "", turn.today, of)
    if not days:
        return None
    day = next((each for each in days if each + last >= turn.today), days[0])
    rule = (draft.rrule or DAILY).partition(";UNTIL=")[0]
    if rule != DAILY or first.days <= ON_OR_BEFORE:  # 運動会まで毎週金曜: nothing that an anchor could say
        dated = _without_day(draft)
        return replace(dated, rrule=until(rule, day + last), starts_on=max(turn.today, day + first))
    rrule, starts_on = resolve(Anchor(title=title, first=first.days, last=last.days), day)
    return replace(draft, rrule=rrule, starts_on=starts_on, event_title=title)


def _without_day(draft: ReminderDraft) -> ReminderDraft:
    return replace(
        draft, rrule=None, starts_on=None, event_title=None, event_first=None, event_last=None, at_once=False
    )
