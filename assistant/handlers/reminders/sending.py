"""Sending a stored reminder at once, after はい."""

from __future__ import annotations

from assistant.dialogue.reminder_writes import SendReminderNow
from assistant.dialogue.turn import Turn
from assistant.handlers import talk
from assistant.handlers.reminders.stored import reminders_of
from scheduler.reminders import Reminders


async def send_now(turn: Turn, reminder_id: str) -> None:
    """はい to sending at once: rights are looked at once more."""
    turn.change(reminder=None)
    found = await reminders_of(turn, [reminder_id])
    if not found:
        turn.say("reminders.not_allowed", talk.menu(turn))
        return
    services = turn.services
    planner = Reminders(services.database, services.timezone, services.times, sorted(services.channels))
    turn.writes.append(SendReminderNow(reminder_id=reminder_id, planner=planner, at=turn.now))
    turn.say("reminders.sending_now", talk.menu(turn))
