"""How a club or an event is told."""

from __future__ import annotations

from datetime import date

from assistant.messages import Link, Words
from assistant.wording.occasions import say_day
from assistant.wording.practices import say_grades
from assistant.wording.texts import Speaker
from knowledge.records.activities import Joinable

LONGEST = 200  # characters of a description


def say_activity(each: Joinable, speaker: Speaker, on: date) -> Words:
    """Its lines: name, when, where, until when to apply, whom to ask; for staff also for whom it is."""
    lines = [speaker.say("activities.entry", name=each.name), *_facts(each, speaker, on)]
    if speaker.band == "staff":
        grades = say_grades(each.grades, speaker)
        lines.append(
            speaker.say("activities.grades", grades=grades) if grades else speaker.say("activities.every_grade")
        )
    return Words.join(lines, "\n")


def say_announcement(each: Joinable, speaker: Speaker, on: date) -> str:
    """The words with which staff announce it; where it says more, its address."""
    lines = [
        speaker.say("activities.announcement", name=each.name),
        *_facts(each, speaker, on),
        Words.of(each.url or ""),
    ]
    return str(Words.join(lines, "\n"))


def link_to(each: Joinable, speaker: Speaker, *, is_only: bool) -> Link | None:
    """Where more is to be read; among several, with its name."""
    if each.url is None:
        return None
    label = speaker.say("activities.link") if is_only else Words.of(each.name)
    return Link(label=label, address=each.url)


def _facts(each: Joinable, speaker: Speaker, on: date) -> list[Words]:
    when, where = _when(each, speaker), _where(each, speaker)
    return [
        speaker.say("activities.when", when=when) if when else Words(),
        speaker.say("activities.where", place=where) if where else Words(),
        _apply(each.apply_until, speaker, on),
        speaker.say("activities.contact", contact=each.contact) if each.contact else Words(),
        Words.of((each.description or "")[:LONGEST]),
    ]


def _apply(until: date | None, speaker: Speaker, on: date) -> Words:
    if until is None:
        return Words()
    is_over = until < on
    return (
        speaker.say("activities.apply_over")
        if is_over
        else speaker.say("activities.apply_until", day=say_day(until, speaker))
    )


def _when(each: Joinable, speaker: Speaker) -> Words:
    first, last = each.start_date, each.end_date
    if first is not None and last is not None and first != last:
        days = speaker.say("activities.between", first=say_day(first, speaker), last=say_day(last, speaker))
    elif first is not None and last is None and each.last_day is None:
        days = speaker.say("activities.from", first=say_day(first, speaker))
    elif first is not None:
        days = say_day(first, speaker)
    elif last is not None:
        days = speaker.say("activities.until", last=say_day(last, speaker))
    else:
        return Words.of(each.schedule or "")
    return speaker.say("activities.when_and_schedule", days=days, schedule=each.schedule) if each.schedule else days


def _where(each: Joinable, speaker: Speaker) -> Words:
    place = Words.of(each.place or "")
    if not each.is_online:
        return place
    online = speaker.say("activities.online")
    return speaker.say("activities.place_and_online", place=place, online=online) if place else online
