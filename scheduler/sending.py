"""One sending of a reminder: who gets it, and who is left in peace and why. Pure: everything it needs was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, cached_property, partial
from typing import Any

from knowledge.questions.model import Phase
from knowledge.records.calendar import SchoolCalendar
from knowledge.reminding import Audience, What
from scheduler.audience import Home, Member
from scheduler.outbox import Item
from scheduler.schools import LinePrompts, SchoolTimes

ANSWER_LATE = timedelta(hours=2)  # what was asked about data is still worth reading this long after its moment
ANNOUNCED = timedelta(days=7)  # an announcement that is held is worth sending this long, when nothing closes it
INSTANT = timedelta(microseconds=1)  # what expires is not sent at that very moment any more
REPORT_AFTER = timedelta(minutes=2)  # after the last moment at which a send may still go out
CHECKINS = (What.ANTICIPATION, What.REFLECTION, What.CHECKIN)
KINDS = {What.TEXT: "reminder", What.ANNOUNCEMENT: "announcement", What.QUESTION: "standing"}


class Reason(StrEnum):
    """Why somebody of the audience gets nothing."""

    UNLINKED = "unlinked"
    ANSWERED = "answered"  # the check-in, or the announcement
    NO_SCHOOL = "no_school"
    ABSENT = "absent"
    QUIET = "quiet"  # quiet hours
    LIMIT = "limit"  # of messages a day


REPORTED = (Reason.QUIET, Reason.LIMIT)  # what the owner cannot know beforehand, and may want to make up for


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What a sending must know of the announcement it carries."""

    is_safety_check: bool  # goes out at any hour, beside every limit
    closes_at: datetime | None
    answered: frozenset[str]  # people


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """A reminder at one moment."""

    reminder: Any  # a row of ``reminders``
    audience: Audience
    moment: datetime  # in the school's time zone
    now: datetime  # in UTC
    times: SchoolTimes
    calendars: Mapping[str, SchoolCalendar]  # of the school of the reminder and those of the members
    asking: Asking | None = None

    @cached_property
    def what(self) -> What:
        return What(self.reminder.what)

    @cached_property
    def source(self) -> str:
        return source_of(self.reminder.id, self.moment)

    @cached_property
    def phase(self) -> Phase:
        """The check-in it is about: that of its name, else that of the hour."""
        if self.what in (What.ANTICIPATION, What.REFLECTION):
            return Phase(self.what)
        morning = self.moment.time() < self.times.of(self.reminder.school_id).anticipation_until
        return Phase.ANTICIPATION if morning else Phase.REFLECTION

    @cached_property
    def is_exempt(self) -> bool:
        return self.asking is not None and self.asking.is_safety_check

    @property
    def is_late(self) -> bool:
        return not self.is_exempt and self.now > self.last_moment

    @cached_property
    def last_moment(self) -> datetime:
        """After it the sending is reported instead."""
        return self.moment.astimezone(UTC) + timedelta(minutes=self.times.of(self.reminder.school_id).late)

    @cached_property
    def over_at(self) -> datetime:
        """After it nothing that was planned of it goes out by itself any more."""
        return self.moment.astimezone(UTC) + ANSWER_LATE if self.what is What.QUESTION else self.last_moment

    @cached_property
    def counts_on(self) -> date | None:
        """The day against whose limit a send of it counts."""
        return self.moment.date() if self.audience.is_children and not self.is_exempt else None

    @cached_property
    def key(self) -> str:
        """Of a send, before the person."""
        return f"reminder:{self.reminder.id}:{stamp(self.moment)}:"


@dataclass(kw_only=True)
class Sending:
    """What becomes of an occasion."""

    items: list[Item] = field(default_factory=list[Item])
    withheld: dict[Reason, list[str]] = field(default_factory=dict[Reason, list[str]])  # sourcedIds

    @property
    def reported(self) -> dict[str, list[str]]:
        """Those of the withheld whom the owner hears of."""
        return {reason.value: self.withheld[reason] for reason in REPORTED if reason in self.withheld}


def source_of(reminder_id: str, moment: datetime) -> str:
    """What all sends of a reminder at a moment share, the moment in the school's time zone."""
    return f"{reminder_id}/{stamp(moment)}"


def stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M}"


def compose(occasion: Occasion, members: Iterable[Member], planned: Counter[str]) -> Sending:
    """Sends for those who are to get it. ``planned``: how many messages that count were planned for whom in the same
    transaction and are not among the members' own; it is brought up to date."""
    sending = Sending()
    day = cache(partial(_day_of, occasion))
    for member in members:
        days = [day(home) for home in _homes(occasion, member)]
        reason = _why_not(occasion, member, days, planned)
        if reason is not None:
            sending.withheld.setdefault(reason, []).append(member.person_id)
            continue
        if occasion.counts_on is not None:
            planned[member.person_id] += 1
        sending.items.append(_item(occasion, member, days[0]))
    return sending


@dataclass(frozen=True, kw_only=True)
class _Day:
    """The day of an occasion, as the children of one homeroom class have it."""

    has_school: bool
    is_quiet: bool
    quiet_from: datetime
    to_come: tuple[Phase, ...]  # check-ins that will still be asked for
    limit: int
    grade: str | None
    line_is_free: bool  # check-ins begin by the rich menu: no prompt is sent there


def _homes(occasion: Occasion, member: Member) -> tuple[Home, ...]:
    if occasion.audience.is_children and member.homes:
        return member.homes
    return (Home(school_id=occasion.reminder.school_id),)


def _day_of(occasion: Occasion, home: Home) -> _Day:
    moment = occasion.moment
    day, times, calendar = moment.date(), occasion.times.of(home.school_id), occasion.calendars[home.school_id]
    has_school = home.has_school(occasion.calendars, day)
    is_asked = has_school or calendar.is_remote(day, home.grade, home.class_id)
    zone: Any = moment.tzinfo
    short = calendar.is_short(day, home.grade)
    begins = {phase: times.window(phase, day, zone, short=short)[0] for phase in Phase}
    return _Day(
        has_school=has_school,
        is_quiet=times.is_quiet(moment.time()) or times.is_quiet(occasion.now.astimezone(moment.tzinfo).time()),
        quiet_from=times.quiet_after(moment),
        to_come=tuple(phase for phase in Phase if is_asked and begins[phase] > occasion.now),
        limit=times.daily_limit,
        grade=home.grade,
        line_is_free=times.line_prompts is LinePrompts.MENU,
    )


def _why_not(occasion: Occasion, member: Member, days: list[_Day], planned: Mapping[str, int]) -> Reason | None:
    if member.account_id is None:
        return Reason.UNLINKED
    if _has_answered(occasion, member):
        return Reason.ANSWERED
    if occasion.is_exempt:
        return None
    if not (occasion.reminder.any_day or any(day.has_school for day in days)):
        return Reason.NO_SCHOOL
    if not occasion.audience.is_children:
        return None
    if member.is_absent:
        return Reason.ABSENT
    if days[0].is_quiet:
        return Reason.QUIET
    on_line = member.account_id.startswith("line:")
    kept = 0 if on_line and days[0].line_is_free else len(set(days[0].to_come) - member.answered)
    if member.sent + planned.get(member.person_id, 0) + kept >= days[0].limit:
        return Reason.LIMIT
    return None


def _has_answered(occasion: Occasion, member: Member) -> bool:
    if occasion.what in CHECKINS:
        return occasion.phase in member.answered
    if not occasion.reminder.only_missing:
        return False
    if occasion.asking is not None:
        return member.person_id in occasion.asking.answered
    return occasion.phase in member.answered


def _item(occasion: Occasion, member: Member, day: _Day) -> Item:
    """``member`` has an account."""
    keep_until, expires_at = day.quiet_from, occasion.over_at + INSTANT
    if occasion.asking is not None:
        keep_until = occasion.asking.closes_at or occasion.moment + ANNOUNCED
    if occasion.is_exempt:
        expires_at = keep_until
    elif occasion.audience.is_children:
        expires_at = min(expires_at, day.quiet_from)
    payload: dict[str, Any] = {"person_id": member.person_id, "keep_until": keep_until.isoformat()}
    if occasion.asking is not None:
        payload["announcement_id"] = occasion.reminder.announcement_id
    else:
        payload["reminder_id"] = occasion.reminder.id
    if occasion.what in CHECKINS:
        payload |= {"phase": occasion.phase.value, "date": occasion.moment.date().isoformat()}
    # For all of a grade; but whether somebody is missing still is looked at for each when it is sent.
    says_the_same = occasion.what in (What.TEXT, What.ANNOUNCEMENT) and not occasion.reminder.only_missing
    return Item(
        key=occasion.key + member.person_id,
        account_id=member.account_id or "",
        kind=KINDS.get(occasion.what, "reminder_checkin"),
        payload=payload,
        due_at=occasion.now,
        created_at=occasion.now,
        expires_at=expires_at,
        person_id=member.person_id,
        counts_on=occasion.counts_on,
        source=occasion.source,
        variant=(day.grade if occasion.audience.is_children else "staff") if says_the_same else None,
    )


def report(reminder: Any, account_id: str, moment: datetime, due_at: datetime, now: datetime, **found: Any) -> Item:
    """To the owner: what became of a sending. ``found``: ``withheld``, ``missed`` and the like."""
    return Item(
        key=f"reminder_report:{reminder.id}:{stamp(moment)}",
        account_id=account_id,
        kind="reminder_report",
        payload={
            "reminder_id": reminder.id,
            "person_id": reminder.owner_id,
            "occurrence": moment.isoformat(),
            "source": source_of(reminder.id, moment),
            "withheld": {},
            "missed": False,
            **found,
        },
        due_at=due_at,
        created_at=now,
        person_id=reminder.owner_id,
    )
