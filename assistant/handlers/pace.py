"""Whoever sends more than anybody can read gets one kind word instead of a hundred answers.

Nothing is lost or unread by that: every event is stored, and the rules of distress look at every text before this does.
"""

from __future__ import annotations

from dataclasses import replace

from assistant.dialogue.pace import first
from assistant.dialogue.turn import Turn
from assistant.messages import Kind
from intents.distress import Level

CONSOLE = "console"  # whoever runs commands on the machine itself


async def on_every(turn: Turn) -> bool:
    """Counts; it never answers."""
    if turn.incoming.channel != CONSOLE:
        before = turn.state.pace
        turn.change(pace=before.next(turn.now) if before is not None else first(turn.now))
    return False


async def on_rush(turn: Turn) -> bool:
    """Too fast: said once, until it went slower for a while. A form is no wild tapping, and its answers are kept."""
    pace = turn.state.pace
    if pace is None or not pace.is_rushing or turn.incoming.kind is Kind.FORM:
        return False
    if not pace.was_told:
        turn.say("talk.slow_down")
        turn.change(pace=replace(pace, was_told=True))
    return True


def is_cared_for(turn: Turn, level: Level) -> bool:
    """Whether in this very rush the child was answered, and staff told, at this level or a higher one; if not, from now
    on it counts as so."""
    pace = turn.state.pace
    if pace is None or not pace.is_rushing:
        return False
    if pace.cared_for in (level, Level.URGENT):
        return True
    turn.change(pace=replace(pace, cared_for=level))
    return False
