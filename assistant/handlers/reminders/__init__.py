"""Reminders in a chat: set, previewed, listed, changed, stopped."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from assistant.dialogue.turn import Turn
from assistant.handlers import checkin
from assistant.handlers.reminders import asking, managing, setting
from assistant.handlers.reminders.filling import read_reminder
from assistant.messages import Kind
from intents.commands import find_note
from intents.managing import Managing, find_managing
from intents.reminder_parts import asks_for_one
from knowledge.reminding import AudienceKind

PREFIX = "r/"  # a button's value begins so
OLD_STOP = "!stop_standing/"  # and so where it was shown before standing questions became reminders


async def on_reminders(turn: Turn) -> bool:
    """Everything about reminders. Anything else is left to others."""
    if turn.person is None:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX) and turn.person.band == "staff":
        return await _on_button(turn, choice)
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(OLD_STOP) and turn.person.band == "staff":
        reminder_id = uuid5(NAMESPACE_URL, f"standing:{choice[len(OLD_STOP) :]}")  # as migration 0004 gave them
        await managing.on_button(turn, str(reminder_id), Managing.REMOVE)
        return True
    text = turn.incoming.text.strip()
    if turn.incoming.kind is not Kind.TEXT or find_note(text) is not None:
        return False
    if turn.person.band != "staff":
        return await _on_child(turn, text)
    draft = turn.state.reminder
    if draft is not None and draft.holds(turn.now) and await setting.go_on_by_words(turn, draft, text):
        return True
    managed = find_managing(text)
    if managed is not None and await managing.on_words(turn, managed):
        return True
    if asks_for_one(text):
        turn.say("reminders.how")
        return True
    reading = await read_reminder(turn, text)
    if reading is None:
        return False
    await setting.begin(turn, reading)
    return True


async def _on_button(turn: Turn, choice: str) -> bool:
    if choice == managing.LIST:
        await managing.show_list(turn)
    elif choice.startswith(asking.DRAFT):
        await setting.go_on_by_button(turn, choice[len(asking.DRAFT) :].split("/", 2))
    elif choice.startswith(managing.STORED):
        reminder_id, _, action = choice[len(managing.STORED) :].partition("/")
        await managing.on_button(turn, reminder_id, action)
    else:
        return False
    return True


async def _on_child(turn: Turn, text: str) -> bool:
    """Children and guardians set none; a child is told what is possible. An answer to a waiting question is no
    request."""
    if checkin.pending_today(turn) is not None:
        return False
    reading = await read_reminder(turn, text)
    if asks_for_one(text):
        turn.say("reminders.not_for_children")
        return True
    if reading is None or (
        reading.audience is not None and reading.audience.kind is AudienceKind.SELF and reading.confidence != "clear"
    ):
        return False
    turn.say("reminders.not_for_children")
    return True
