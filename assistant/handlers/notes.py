"""Notes during the day (Action): 「メモ 分数のわり算がわかった」."""

from __future__ import annotations

from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import AddNote
from assistant.handlers import checkin
from assistant.messages import Kind, Outgoing, Words
from intents.commands import find_note

MAX_LENGTH = 500  # characters


async def on_note(turn: Turn) -> bool:
    """Keep a note at any time; a waiting question is asked again behind it."""
    note = find_note(turn.incoming.text) if turn.incoming.kind is Kind.TEXT else None
    if note is None or turn.person is None:
        return False
    if not turn.person.is_student:
        turn.say("talk.notes_are_for_students")
    elif not note:
        await _go_on(turn, turn.words("talk.note_empty"))
    elif len(note) > MAX_LENGTH:
        await _go_on(turn, turn.words("talk.note_too_long", limit=MAX_LENGTH, length=len(note)))
    else:
        turn.writes.append(
            AddNote(
                note_id=turn.incoming.note_id,
                student_id=turn.person.id,
                date=turn.today,
                noted_at=turn.now,
                text=note,
            )
        )
        await _go_on(turn, turn.words("talk.note_kept"))
    return True


async def _go_on(turn: Turn, said: Words) -> None:
    if checkin.pending_today(turn) is not None:
        await checkin.ask_again(turn, lead=[said])
    else:
        turn.outgoing.append(Outgoing(text=said))
