"""Distress comes first: a fixed, warm answer, ways to reach a human, and an alert to the school's staff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import structlog

from assistant.dialogue.people import Person
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import RaiseAlert, TellOthers
from assistant.handlers import checkin, pace
from assistant.messages import Kind, Outgoing, Words
from intents.distress import Level, find_distress
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


async def on_distress(turn: Turn) -> bool:
    """Every text of a student, whatever is pending and however late it came. Somebody we do not know may be a child
    too: they are shown who can help, and how to link."""
    if turn.incoming.kind not in (Kind.TEXT, Kind.FORM) or (turn.person is not None and not turn.person.is_student):
        return False
    if turn.person is None and looks_like_code(turn.incoming.text):
        return False  # by chance a code may spell a word of ours
    text = "\n".join([turn.incoming.text, *turn.incoming.form.values()])
    found = find_distress(text)
    if found is None:
        return False
    if turn.person is None:
        if pace.is_cared_for(turn, found.level):
            return True
        parts = [turn.words(f"care.{found.level}"), help_lines(turn), turn.words("talk.not_linked")]
        turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n")))
        return True
    raised = RaiseAlert(
        event_id=turn.incoming.event_id,
        student_id=turn.person.id,
        level=found.level,
        category=found.category,
        words=found.words,
        text=text.strip(),
        at=turn.now,
    )
    if turn.incoming.kind is Kind.FORM:
        await checkin.on_form(turn)  # its answers are kept; what it would say now is not said
        turn.outgoing.clear()
    if pace.is_cared_for(turn, found.level):
        turn.writes.append(raised)
        return True  # the alert has it; the hundredth answer would help nobody
    turn.change(pending=None, answering=None)  # the check-in can wait; it goes on with つづき
    told = await alert_staff(turn, turn.person, "care.alert_to_staff")
    if not told:
        log.warning("alert_without_reader", event_id=turn.incoming.event_id)
    turn.writes.append(replace(raised, told=told))
    hours = "in_hours" if await is_staffed(turn, turn.person) else "out_of_hours"
    parts = [turn.words(f"care.{found.level}"), turn.words(f"care.told_{hours}"), help_lines(turn)]
    if found.level is Level.URGENT:
        parts.append(turn.words("care.danger"))
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n")))
    return True


async def alert_staff(turn: Turn, student: Person, says: str) -> tuple[tuple[str, str], ...]:
    """Tell those whom the school names first of an alert that this turn raises: (person, id of the send) of each, for
    ``RaiseAlert``. The send has no key: it goes out before prompts, as answers do (decision 23). Where nobody can be
    written to it is empty; ``scheduler/escalating.py`` tells whoever can be as soon as somebody can."""
    async with turn.services.database.read() as connection:
        chain = await find_chain(
            connection,
            Wanted(student_id=student.id),
            turn.services.times.care_of,
            turn.today,
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
    """The numbers, those that are open now first."""
    lines = sorted(_lines(), key=lambda line: not _is_open(turn, line))
    shown: list[Words] = []
    for line in lines:
        name, hours = _in(line["name"], turn), _in(line["note"], turn)
        shown.append(turn.words("care.line", name=name, number=Words.own(line["number"]), hours=hours))
    return turn.words("care.lines", lines=Words.join(shown, "\n"))


async def is_staffed(turn: Turn, student: Person) -> bool:
    """Whether somebody at school may be reading now: the school hours of a school day."""
    if not STAFFED_FROM <= turn.now.hour < STAFFED_TO or student.school_id is None:
        return False
    async with turn.services.database.read() as connection:
        calendars = await load_calendars(connection, [student.school_id], turn.today, turn.today)
    return calendars[student.school_id].is_school_day(turn.today, student.grade)


def _is_open(turn: Turn, line: Mapping[str, Any]) -> bool:
    hours = line.get("hours")
    if hours is None:
        return True
    clock = turn.now.hour + turn.now.minute / 60
    return DAYS[turn.now.weekday()] in hours["days"] and hours["from"] <= clock < hours["to"]


def _in(text: Mapping[str, str], turn: Turn) -> str:
    return text.get(turn.language) or text["ja"]


@cache
def _lines() -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", load_yaml(HELP_LINES.read_text("utf-8")))
