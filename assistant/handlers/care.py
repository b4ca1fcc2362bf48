"""Distress comes first: a fixed, warm answer, ways to reach a human, and an alert to the school's staff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import jpholiday
import structlog

from assistant.dialogue.people import Person
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import RaiseAlert, TellOthers
from assistant.handlers import checkin, pace
from assistant.messages import Kind, Outgoing, Words
from intents.distress import Distress, Level, find_distress
from knowledge.records.calendar import load_calendars
from knowledge.records.care_staff import Wanted, find_chain
from knowledge.records.linking import looks_like_code
from knowledge.yaml_data import load_yaml
from scheduler.alerts import KIND as ALERT
from scheduler.outbox import Item

log = structlog.get_logger(__name__)

HELP_LINES = Path(__file__).parent.parent / "careline.yaml"
STAFFED_FROM, STAFFED_TO = 8, 17  # o'clock on school days: somebody at school may be reading
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HEARD = (Kind.TEXT, Kind.FORM, Kind.EDIT, Kind.OTHER)  # whatever carries words of a person; a tap carries ours
ILLNESS = "urgent_illness"
AMBULANCE = (ILLNESS, "overdose")  # categories for which 119 comes before everything else


async def on_distress(turn: Turn) -> bool:
    """Every text of a student, whatever is pending and however late it came. Somebody we do not know may be a child
    too: they are shown who can help, and how to link."""
    if turn.incoming.kind not in HEARD or (turn.person is not None and not turn.person.is_student):
        return False
    if turn.person is None and looks_like_code(turn.incoming.text):
        return False  # by chance a code may spell a word of ours
    found = find_distress(_said(turn))
    if found is None:
        return False
    if turn.person is None:
        if pace.is_cared_for(turn, found.level):
            return True
        _answer(turn, found, "told_unlinked", turn.words("talk.not_linked"))
        return True
    raised = _alert(turn, turn.person, found)
    if turn.incoming.kind is Kind.FORM:
        form = {id: answer for id, answer in turn.incoming.form.items() if find_distress(answer) is None}
        turn.incoming = replace(turn.incoming, form=form)
        await checkin.on_form(turn)  # its other answers are kept; what it would say now is not said
        turn.outgoing.clear()
    if pace.is_cared_for(turn, found.level):
        turn.writes.append(raised)
        return True  # the alert has it; the hundredth answer would help nobody
    turn.change(pending=None, answering=None)  # the check-in can wait; it goes on with つづき
    told = await alert_staff(turn, turn.person, "care.alert_to_staff")
    if not told:
        log.warning("alert_without_reader", event_id=turn.incoming.event_id)
    turn.writes.append(replace(raised, told=told))
    if not told:
        _answer(turn, found, "told_nobody")
    elif await is_staffed(turn, turn.person):
        _answer(turn, found, "told_in_hours")
    else:
        _answer(turn, found, "told_out_of_hours")
    return True


def on_broken(turn: Turn) -> bool:
    """Of an event at which everything else failed: if it is a cry for help, the alert alone, which the planner passes
    on, and whom to call. It looks nothing up, so nothing is left to fail."""
    found = find_distress(_said(turn)) if turn.incoming.kind in HEARD else None
    if found is None or turn.person is None or not turn.person.is_student:
        return False
    turn.writes.append(_alert(turn, turn.person, found))
    _answer(turn, found, "told_nobody")
    return True


def _said(turn: Turn) -> str:
    return "\n".join([turn.incoming.text, *turn.incoming.form.values()])


def _alert(turn: Turn, student: Person, found: Distress) -> RaiseAlert:
    return RaiseAlert(
        event_id=turn.incoming.event_id,
        student_id=student.id,
        level=found.level,
        category=found.category,
        words=found.words,
        text=_said(turn).strip(),
        at=turn.now,
    )


def _answer(turn: Turn, found: Distress, told: str, *more: Words) -> None:
    """Warm words, who at school hears of it, what to do in danger, and whom to call; to somebody who may need an
    ambulance 119 before all of it. (On a phone the end of a long answer is out of sight.)"""
    warm = "illness" if found.category == ILLNESS else found.level
    parts = [turn.words(f"care.{warm}"), turn.words(f"care.{told}")]
    if found.category in AMBULANCE:
        parts.insert(0, turn.words("care.ambulance"))
    elif found.level is Level.URGENT:
        parts.append(turn.words("care.danger"))
    turn.outgoing.append(Outgoing(text=Words.join([*parts, help_lines(turn), *more], "\n\n")))


async def alert_staff(turn: Turn, student: Person, says: str) -> tuple[tuple[str, str], ...]:
    """Tell those whom the school names first of an alert that this turn raises: (person, id of the send) of each, for
    ``RaiseAlert``. The send has no key: it goes out before prompts, as answers do (decision 23). Where nobody can be
    written to it is empty; ``scheduler/escalating.py`` tells whoever can be as soon as somebody can."""
    async with turn.services.database.read() as connection:
        chain = await find_chain(
            connection,
            Wanted(student_id=student.id),
            turn.services.times.care_of,
            turn.present.date(),
            turn.services.channels,
        )
    told: list[tuple[str, str]] = []
    for each in chain.first:
        item = Item(
            account_id=each.account_id,
            kind=ALERT,
            payload={"event_id": turn.incoming.event_id, "person_id": each.person_id, "says": says},
            due_at=turn.now,
            created_at=turn.now,
            person_id=each.person_id,
        )
        turn.writes.append(TellOthers(item=item))
        told.append((each.person_id, item.id))
    return tuple(told)


def help_lines(turn: Turn) -> Words:
    """The numbers: those that somebody answers now, then those of other hours."""
    groups: dict[str, list[Words]] = {"lines": [], "lines_later": []}
    for line in _lines():
        name, hours = _in(line["name"], turn), _in(line["note"], turn)
        shown = turn.words("care.line", name=name, number=Words.own(line["number"]), hours=hours)
        groups["lines" if is_open(line, turn.present) else "lines_later"].append(shown)
    said = [turn.words(f"care.{key}", lines=Words.join(shown, "\n")) for key, shown in groups.items() if shown]
    return Words.join(said, "\n")


async def is_staffed(turn: Turn, student: Person) -> bool:
    """Whether somebody at school may be reading now: the school hours of a school day."""
    if not STAFFED_FROM <= turn.present.hour < STAFFED_TO or student.school_id is None:
        return False
    today = turn.present.date()
    async with turn.services.database.read() as connection:
        calendars = await load_calendars(connection, [student.school_id], today, today)
    return calendars[student.school_id].is_school_day(today, student.grade)


def is_open(line: Mapping[str, Any], at: datetime) -> bool:
    """Whether somebody answers at a help line of careline.yaml at that local moment."""
    hours = line.get("hours")
    if hours is None:
        return True
    if f"{at:%m-%d}" in hours.get("not_on", ()) or (hours.get("not_on_holidays") and jpholiday.is_holiday(at.date())):
        return False
    return DAYS[at.weekday()] in hours["days"] and hours["from"] <= at.hour + at.minute / 60 < hours["to"]


def _in(text: Mapping[str, str], turn: Turn) -> str:
    return text.get(turn.language) or text["ja"]


@cache
def _lines() -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", load_yaml(HELP_LINES.read_text("utf-8")))
