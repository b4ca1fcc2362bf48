"""The answer to a safety check: thanks to who is safe, a teacher at once for who is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.announcing import SPEAKERS
from assistant.dialogue.answering import Answering
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import AnswerAnnouncement, RaiseAlert, TellOthers
from assistant.handlers import care
from assistant.messages import Kind, Outgoing, Words
from assistant.wording.texts import Speaker
from intents.announcing import read_word, same_words
from intents.distress import Level
from knowledge.records.accounts import accounts_of
from knowledge.records.announcements import find_announcement, find_asked, waiting_for
from knowledge.records.scope import load_viewer
from scheduler.outbox import Item

CATEGORY = "safety_check"
HELP = "help"
RECENT = timedelta(days=3)  # so long 「助けて」 answers a safety check
Told = tuple[tuple[str, str], ...]  # (member of staff, id of the send)
LEVELS = {"trouble": Level.SOON, "help": Level.URGENT}


async def on_safety_answer(turn: Turn, announcement_id: str, value: str) -> None:
    """What an answer (ok, trouble, help) sets going, and what is answered; that it is stored is the caller's part.
    Trouble and help become alerts, and staff are told at once: of a child its teachers and who asked, of staff who
    asked."""
    if value not in LEVELS:
        turn.say("closures.answer_ok")
        return
    turn.change(pending=None)  # a check-in can wait, and what the child writes now is no answer to it
    level = LEVELS[value]
    person = turn.known
    alerted: Told = ()
    if person.is_student:
        alerted = await care.alert_staff(turn, person, f"closures.staff_{value}")
        _raise(turn, value, str(turn.words(f"closures.safety_{value}")), alerted)
    told = await _tell_owner(turn, announcement_id, value, alerted) or bool(alerted)
    parts = [turn.words(f"closures.answer_{value}{'' if person.is_student else '_staff'}")]
    if not told:
        parts.append(turn.words("closures.answer_nobody_told"))
    elif person.is_student:
        parts.append(turn.words(f"closures.answer_told_{'now' if await care.is_staffed(turn, person) else 'later'}"))
    else:
        parts.append(turn.words("closures.answer_told_asker"))
    if level is Level.URGENT:
        parts.append(turn.words("care.danger"))
        if person.is_student:  # the help lines are for children
            parts.append(care.help_lines(turn))
    turn.outgoing.append(Outgoing(text=Words.join(parts, "\n\n")))


async def on_cry_for_help(turn: Turn) -> bool:
    """「助けて」 and nothing else, while a safety check waits for the child: the answer 助けが必要, whatever else was
    asked. It raises at least the alert that the words alone would."""
    if turn.person is None or not turn.person.is_student or turn.incoming.kind is not Kind.TEXT:
        return False
    if not turn.is_asked or not _says_help(turn.incoming.text):
        return False
    async with turn.services.database.read() as connection:
        waiting = await waiting_for(connection, turn.known.id, turn.now)
    check = next((each for each in waiting if each.announcement.is_safety_check), None)
    if check is None or turn.now - check.asked_at > RECENT:
        return False
    announcement_id = check.announcement.id
    turn.change(answering=Answering(announcement_id=announcement_id, at=turn.now))
    turn.writes.append(
        AnswerAnnouncement(announcement_id=announcement_id, person_id=turn.known.id, value=HELP, answered_at=turn.now)
    )
    await on_safety_answer(turn, announcement_id, HELP)
    return True


def _says_help(text: str) -> bool:
    return read_word(text, HELP) or any(same_words(text, label) for label in _labels_of_help())


@cache
def _labels_of_help() -> frozenset[str]:
    """What the button says, in every language and for every grade."""
    return frozenset(str(speaker.say(f"announcements.answer_{HELP}")) for speaker in SPEAKERS)


async def on_more(turn: Turn) -> bool:
    """What a child writes after it answered that it is in trouble or needs help: kept with the alert, and staff are
    told that there is more."""
    answering = turn.state.answering
    is_ours = turn.incoming.kind is Kind.TEXT and turn.person is not None and turn.person.is_student
    if not is_ours or answering is None or not answering.holds(turn.now) or not turn.incoming.text.strip():
        return False
    async with turn.services.database.read() as connection:
        asked = await find_asked(connection, answering.announcement_id, turn.known.id)
    if asked is None or not asked.announcement.is_safety_check or asked.value not in LEVELS:
        return False
    turn.change(answering=replace(answering, at=turn.now))
    alerted = await care.alert_staff(turn, turn.known, "closures.staff_more")
    _raise(turn, asked.value, turn.incoming.text.strip(), alerted)
    told = await _tell_owner(turn, asked.announcement.id, "more", alerted) or bool(alerted)
    turn.say("closures.more_kept" if told else "closures.more_kept_unread")
    return True


def _raise(turn: Turn, value: str, text: str, told: Told) -> None:
    turn.writes.append(
        RaiseAlert(
            event_id=turn.incoming.event_id,
            student_id=turn.known.id,
            level=LEVELS[value],
            category=CATEGORY,
            words=value,
            text=text,
            at=turn.now,
            told=told,
        )
    )


async def _may_know(connection: AsyncConnection, turn: Turn, person_id: str) -> bool:
    """Whether who asked may know the child by name: a site administrator may not."""
    viewer = await load_viewer(connection, person_id, turn.today)
    return (turn.known.school_id or "") in viewer.schools


async def _tell_owner(turn: Turn, announcement_id: str, value: str, told: Told) -> bool:
    """Tell who asked, unless they were told as the child's staff; whether they can be written to."""
    async with turn.services.database.read() as connection:
        announcement = await find_announcement(connection, announcement_id)
        owner = announcement.owner_id if announcement is not None else ""
        accounts = await accounts_of(connection, [owner], turn.services.channels)
        may_name = not turn.known.is_student or await _may_know(connection, turn, owner)
    account_id = accounts.get(owner)
    if account_id is None or owner == turn.known.id:
        return False
    if owner in dict(told):
        return True
    speaker = Speaker(language=turn.services.language, band="staff")
    name = Words.own(f"{turn.known.family_name} {turn.known.given_name}")
    said = (
        speaker.say(f"closures.lead_{value}", name=name) if may_name else speaker.say(f"closures.lead_{value}_unnamed")
    )
    item = Item(
        key=f"safety:{turn.incoming.event_id}:{account_id}",
        account_id=account_id,
        kind="messages",
        payload={"messages": [Outgoing(text=said).to_json()]},
        due_at=turn.now,
        created_at=turn.now,
    )
    turn.writes.append(TellOthers(item=item))
    return True
