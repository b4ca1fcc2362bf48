"""Distress comes first: a fixed, warm answer, ways to reach a human, and an alert to the school's staff."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import RaiseAlert
from assistant.messages import Kind, Outgoing, Words
from assistant.wording.texts import Speaker
from intents.distress import Level, find_distress

HELP_LINES = Path(__file__).parent.parent / "careline.yaml"
STAFFED_FROM, STAFFED_TO = 8, 17  # o'clock on weekdays: somebody at school may be reading
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


async def on_distress(turn: Turn) -> bool:
    """Every text of a student, whatever is pending and however late it came."""
    if turn.person is None or not turn.person.is_student or turn.incoming.kind not in (Kind.TEXT, Kind.FORM):
        return False
    text = "\n".join([turn.incoming.text, *turn.incoming.form.values()])
    found = find_distress(text)
    if found is None:
        return False
    turn.writes.append(
        RaiseAlert(
            event_id=turn.incoming.event_id,
            student_id=turn.person.id,
            level=found.level,
            category=found.category,
            words=found.words,
            text=text.strip(),
            at=turn.now,
        )
    )
    turn.change(pending=None)  # the check-in can wait; it goes on with つづき
    parts = [turn.words(f"care.{found.level}"), turn.words(f"care.told_{_hours(turn)}"), help_lines(turn)]
    if found.level is Level.URGENT:
        parts.append(turn.words("care.danger"))
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n")))
    return True


async def on_wants_human(turn: Turn) -> None:
    """相談: who is there to talk to."""
    parts = [turn.words("care.someone_to_talk_to"), help_lines(turn)]
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n")))


def help_lines(turn: Turn) -> Words:
    """The numbers, those that are open now first."""
    lines = sorted(_lines(), key=lambda line: not _is_open(turn, line))
    shown = "\n".join(f"{_in(line['name'], turn)} {line['number']}（{_in(line['note'], turn)}）" for line in lines)
    return _say(turn.speaker, shown)


def _say(speaker: Speaker, lines: str) -> Words:
    return speaker.say("care.lines", lines=Words.own(lines))  # names and numbers stay as they are printed elsewhere


def _hours(turn: Turn) -> str:
    staffed = turn.now.weekday() < 5 and STAFFED_FROM <= turn.now.hour < STAFFED_TO
    return "in_hours" if staffed else "out_of_hours"


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
    return cast("list[dict[str, Any]]", yaml.safe_load(HELP_LINES.read_text("utf-8")))
