"""When something is sent, in words: 「毎週金曜 15:00」, 「11月20日（金）15:00」, 「遠足の前日」."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from assistant.messages import Words
from assistant.wording.texts import Speaker

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
SCHOOL_WEEK = "MO,TU,WE,TH,FR"


class Recurring(Protocol):
    """What a draft and a stored reminder have in common."""

    @property
    def rrule(self) -> str | None: ...
    @property
    def starts_on(self) -> date | None: ...
    @property
    def time(self) -> str | None: ...
    @property
    def event_title(self) -> str | None: ...
    @property
    def event_first(self) -> int | None: ...
    @property
    def event_last(self) -> int | None: ...


def say_when(each: Recurring, speaker: Speaker) -> Words:
    """Its days and its time; without a time yet, its days alone."""
    at = each.time or ""
    if each.event_title is not None:
        days = _around_event(each.event_title, each.event_first or 0, each.event_last or 0, speaker)
    elif each.rrule is not None:
        days = say_rule(each.rrule, speaker)
    elif each.starts_on is not None:
        days = say_day(each.starts_on, speaker)
    else:
        return Words.of(at)
    return speaker.say("reminders.when", days=days, time=at) if at else days


def say_moment(moment: datetime, speaker: Speaker) -> Words:
    """A moment in the school's time zone: 「5月15日（金）15:00」."""
    return speaker.say("reminders.when", days=say_day(moment.date(), speaker), time=f"{moment:%H:%M}")


def say_day(day: date, speaker: Speaker) -> Words:
    weekday = _weekday(WEEKDAYS[day.weekday()], speaker)
    return speaker.say("reminders.day", month=day.month, day=day.day, weekday=weekday)


def say_rule(rrule: str, speaker: Speaker) -> Words:
    """An RRULE in words; one of a kind that nobody can set in the chat as it is written."""
    parts = dict(part.split("=", 1) for part in rrule.split(";"))
    until, interval = parts.pop("UNTIL", None), parts.pop("INTERVAL", "1")
    by_day = parts.get("BYDAY", "")
    match parts:
        case {"FREQ": "DAILY"} if interval == "1":
            said = speaker.say("reminders.every_day")
        case {"FREQ": "WEEKLY", "BYDAY": days} if days == SCHOOL_WEEK and interval == "1":
            said = speaker.say("reminders.every_weekday")
        case {"FREQ": "WEEKLY", "BYDAY": _} if interval in ("1", "2"):
            comma = str(speaker.say("reminders.day_comma"))
            days = Words.join([_weekday(day, speaker) for day in by_day.split(",")], comma)
            said = speaker.say("reminders.every_week" if interval == "1" else "reminders.every_two_weeks", days=days)
        case {"FREQ": "MONTHLY", "BYMONTHDAY": "-1"}:
            said = speaker.say("reminders.every_month_end")
        case {"FREQ": "MONTHLY", "BYMONTHDAY": day}:
            said = speaker.say("reminders.every_month_day", day=day)
        case {"FREQ": "MONTHLY", "BYDAY": day} if day.startswith("-1") and day[2:] in WEEKDAYS:
            said = speaker.say("reminders.every_month_last", day=_weekday(day[2:], speaker))
        case {"FREQ": "MONTHLY", "BYDAY": day} if day[:-2] in ("1", "2", "3", "4", "5") and day[-2:] in WEEKDAYS:
            nth = speaker.say(f"reminders.nth_{day[:-2]}")
            said = speaker.say("reminders.every_month_nth", nth=nth, day=_weekday(day[-2:], speaker))
        case _:
            said = Words.of(rrule)
    if until is None:
        return said
    last = say_day(date.fromisoformat(until[:8]), speaker)
    return speaker.say("reminders.until", days=said, last=last)


def _around_event(title: str, first: int, last: int, speaker: Speaker) -> Words:
    named = Words.own(title)
    if first != last:
        return speaker.say(
            "reminders.around_event", title=named, first=_from_event(first, speaker), last=_from_event(last, speaker)
        )
    return speaker.say("reminders.at_event", title=named, day=_from_event(first, speaker))


def _from_event(days: int, speaker: Speaker) -> Words:
    key = {0: "on_the_day", -1: "the_day_before", 1: "the_day_after"}.get(days)
    if key is not None:
        return speaker.say(f"reminders.{key}")
    return speaker.say("reminders.days_before" if days < 0 else "reminders.days_after", count=abs(days))


def _weekday(code: str, speaker: Speaker) -> Words:
    return speaker.say(f"reminders.weekday_{WEEKDAYS.index(code)}")
