"""あとで honoured: when Ayumi asks again, said at once, with other times to tap."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from assistant.dialogue.state import Pending, PutOff
from assistant.dialogue.taps import Tap
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import DropLater, PlanLater
from assistant.messages import Choice, Tone, Words
from intents.later import LaterRequest
from knowledge.questions.model import Phase
from knowledge.records.accounts import accounts_of
from knowledge.records.calendar import load_calendars
from scheduler.later import later_item, later_key
from scheduler.schools import Times

SPANS = (30, 60)  # minutes to tap
HOURS = 4  # full hours to tap, at most
SHORTER = (30, 10)  # minutes, where the school's own span would end after the window
VALUE = re.compile(r"!later(?:\+(?P<minutes>\d{1,3})|@(?P<at>\d\d:\d\d)|(?P<never>-))")


def tapped_request(value: str) -> LaterRequest | None:
    """What a button under the answer to あとで asks; None for any other button."""
    match = VALUE.fullmatch(value)
    if match is None:
        return None
    after = timedelta(minutes=int(match["minutes"])) if match["minutes"] else None
    at = (time.fromisoformat(match["at"]),) if match["at"] else None
    return LaterRequest(puts_off=True, after=after, at=at, never=match["never"] is not None)


async def put_off(turn: Turn, phase: Phase, request: LaterRequest, waiting: Pending | None) -> None:
    """Answer あとで. ``waiting``: the question to be asked again; None: nothing of the phase is left to ask. Where no
    time of the day is left, or nothing can be sent by itself, the child is told how to go on alone."""
    turn.change(pending=None)
    if request.never:
        turn.writes.append(DropLater(key=later_key(phase, turn.today, turn.known.id), at=turn.now))
        turn.say("checkin.later_never")
        return
    account_id = await _account(turn)
    day = await _day(turn, phase)
    wanted = next((moment for moment in _named(turn.now, request) if day.fits(moment)), None)
    due = wanted or next((moment for moment in _usual(day) if day.fits(moment)), None)
    if waiting is None or account_id is None or due is None:
        turn.say("checkin.later")
        return
    turn.change(put_off=PutOff(pending=waiting, until=due))
    item = later_item(account_id, turn.known.id, phase, due_at=due, until=day.until, now=turn.now)
    turn.writes.append(PlanLater(item=item))
    is_other = wanted is None and (request.at is not None or request.after is not None)
    turn.say(
        "checkin.later_at_another" if is_other else "checkin.later_at",
        _choices(turn, phase, day, due),
        time=_clock(turn, due),
    )


@dataclass(frozen=True, kw_only=True)
class _Day:
    """When a check-in may be asked again today."""

    now: datetime  # to the minute
    start: datetime
    until: datetime  # not included
    times: Times

    def fits(self, moment: datetime) -> bool:
        return self.start <= moment < self.until and self.now < moment and not self.times.is_quiet(moment.time())


async def _day(turn: Turn, phase: Phase) -> _Day:
    school = turn.known.school_id or ""
    times = turn.services.times.of(school)
    async with turn.services.database.read() as connection:
        calendar = (await load_calendars(connection, [school], turn.today, turn.today))[school]
    is_short = calendar.is_short(turn.today, turn.grade)
    start, end = times.window(phase, turn.today, turn.services.timezone, short=is_short)
    now = turn.now.replace(second=0, microsecond=0)
    return _Day(now=now, start=start, until=min(end, times.quiet_after(turn.now)), times=times)


async def _account(turn: Turn) -> str | None:
    """Where the child can be written to by itself: here, else where it was last."""
    if turn.incoming.channel in turn.services.channels:
        return turn.incoming.account_id
    async with turn.services.database.read() as connection:
        accounts = await accounts_of(connection, [turn.known.id], turn.services.channels)
    return accounts.get(turn.known.id)


def _named(now: datetime, request: LaterRequest) -> Iterable[datetime]:
    """The moments today that the child may mean."""
    now = now.replace(second=0, microsecond=0)
    if request.after is not None:
        yield now + request.after
    for at in request.at or ():
        yield datetime.combine(now.date(), at, now.tzinfo)


def _usual(day: _Day) -> Iterable[datetime]:
    """The school's own span, not before children are asked at all; else a shorter one."""
    for minutes in (day.times.later, *SHORTER):
        yield max(day.now + timedelta(minutes=minutes), day.start)


def _choices(turn: Turn, phase: Phase, day: _Day, due: datetime) -> list[Choice]:
    prefix = Tap.prefix(phase, turn.today, "")
    choices = [
        Choice(label=_span(turn, minutes), value=f"{prefix}!later+{minutes}")
        for minutes in SPANS
        if day.fits(moment := day.now + timedelta(minutes=minutes)) and moment != due
    ]
    hours = [datetime.combine(day.now.date(), time(hour), day.now.tzinfo) for hour in range(24)]
    later = [hour for hour in hours if day.fits(hour) and hour != due][:HOURS]
    choices += [Choice(label=_clock(turn, hour), value=f"{prefix}!later@{hour:%H:%M}") for hour in later]
    return [*choices, turn.button("checkin.later_never_button", f"{prefix}!later-", Tone.CONTROL)]


def _span(turn: Turn, minutes: int) -> Words:
    if minutes % 60:
        return turn.words("checkin.later_minutes_button", minutes=minutes)
    return turn.words("checkin.later_hours_button", hours=minutes // 60)


def _clock(turn: Turn, moment: datetime) -> Words:
    key = "checkin.clock" if moment.minute else "checkin.clock_full"
    return turn.words(key, hour=moment.hour, minute=f"{moment.minute:02}")
