"""The answer to a safety check: thanks to who is safe, a teacher at once for who is not."""

from __future__ import annotations

from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import RaiseAlert, TellOthers
from assistant.handlers import care
from assistant.messages import Outgoing, Words
from assistant.wording.texts import Speaker
from intents.distress import Level
from knowledge.records.accounts import accounts_of
from knowledge.records.announcements import find_announcement
from scheduler.outbox import Item

CATEGORY = "safety_check"
LEVELS = {"trouble": Level.SOON, "help": Level.URGENT}


async def on_safety_answer(turn: Turn, announcement_id: str, value: str) -> None:
    """What an answer (ok, trouble, help) sets going, and what is answered; that it is stored is the caller's part.
    Trouble and help become alerts, and staff are told at once: of a child its teachers and who asked, of staff who
    asked."""
    if value not in LEVELS:
        turn.say("closures.answer_ok")
        return
    level = LEVELS[value]
    person = turn.known
    told = False
    if person.is_student:
        turn.writes.append(
            RaiseAlert(
                event_id=turn.incoming.event_id,
                student_id=person.id,
                level=level,
                category=CATEGORY,
                words=value,
                text=str(turn.words(f"closures.safety_{value}")),
                at=turn.now,
            )
        )
        told = await care.tell_staff(turn, person, f"closures.staff_{value}", "safety")
    told = await _tell_owner(turn, announcement_id, value) or told
    parts = [turn.words(f"closures.answer_{value}")]
    if not told:
        parts.append(turn.words("closures.answer_nobody_told"))
    elif person.is_student:
        parts.append(turn.words(f"closures.answer_told_{'now' if await care.is_staffed(turn, person) else 'later'}"))
    if level is Level.URGENT:
        parts += [turn.words("care.danger"), care.help_lines(turn)]
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n")))


async def _tell_owner(turn: Turn, announcement_id: str, value: str) -> bool:
    """Tell who asked; whether they can be written to."""
    async with turn.services.database.read() as connection:
        announcement = await find_announcement(connection, announcement_id)
        owner = announcement.owner_id if announcement is not None else ""
        accounts = await accounts_of(connection, [owner], turn.services.channels)
    account_id = accounts.get(owner)
    if account_id is None or owner == turn.known.id:
        return False
    speaker = Speaker(language=turn.services.language, band="staff")
    name = Words.own(f"{turn.known.family_name} {turn.known.given_name}")
    item = Item(
        key=f"safety:{turn.incoming.event_id}:{account_id}",  # the key of care.tell_staff: nobody is told twice
        account_id=account_id,
        kind="messages",
        payload={"messages": [Outgoing(text=speaker.say(f"closures.lead_{value}", name=name)).to_json()]},
        due_at=turn.now,
        created_at=turn.now,
    )
    turn.writes.append(TellOthers(item=item))
    return True
