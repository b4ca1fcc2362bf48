"""Answers to announcements: tapped, or typed where it is plain what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from assistant.announcing import (
    LEAVE,
    PREFIX,
    SHOW,
    TAKE,
    WRITE,
    announce,
    button,
    is_called,
    label_of,
    sender_of,
    tap,
)
from assistant.dialogue.answering import Answering
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import AnswerAnnouncement
from assistant.handlers import checkin, safety, talk
from assistant.messages import Choice, Kind, Tone, Words
from intents.announcing import asks_to_see
from intents.commands import Command, find_command, find_note
from knowledge.records.announcements import Announced, Asked, find_asked, waiting_for

LONGEST = 500  # characters of an answer
SHOWN = 10  # announcements to choose from
QUOTED = 30  # characters of an announcement, or of a text, that are quoted
RECENT = timedelta(days=1)  # after this an unclear text is not taken for something about an announcement
LEAVING = frozenset({Command.STOP, Command.LATER, Command.SKIP, Command.DECLINE, Command.BACK})
GOING_ON = frozenset(
    {Command.START_ANTICIPATION, Command.START_REFLECTION, Command.START, Command.HELP, Command.HUMAN_HELP}
)
BUTTONS = 13  # quick replies of LINE


async def on_announcement(turn: Turn) -> bool:
    """A tap on an answer, or words that plainly are one. Anything else is left to others."""
    if turn.person is None:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        announcement_id, _, value = choice[len(PREFIX) :].partition("/")
        await _tapped(turn, announcement_id, value)
        return True
    if turn.incoming.kind is not Kind.TEXT or turn.is_stale:
        return False
    answering = _answering(turn)
    if checkin.pending_today(turn) is not None:
        if answering is not None and answering.waits:
            turn.change(answering=None)  # こたえる puts the check-in off: it was begun again since
        return False
    if answering is not None and answering.waits:
        return await _written(turn, answering)
    return await _typed(turn, answering)


async def on_unclear(turn: Turn) -> bool:
    """A child's text that nobody understood may be meant for the one announcement that still waits: ask, never take."""
    text = turn.incoming.text.strip()
    is_ours = turn.incoming.kind is Kind.TEXT and turn.person is not None and turn.person.is_student
    if not is_ours or turn.is_stale or not text or checkin.pending_today(turn) is not None:
        return False
    waiting = [each for each in await _waiting(turn) if each.value is None]
    if len(waiting) != 1 or turn.now - waiting[0].asked_at > RECENT:
        return False
    announcement = waiting[0].announcement
    if announcement.values or len(text) > LONGEST:
        message = announce(announcement, turn.speaker, turn.services.timezone)
        turn.say("announcements.how_about")
        turn.outgoing.append(message)
        return True
    turn.change(answering=Answering(announcement_id=announcement.id, at=turn.now, text=text))
    choices = [
        button(announcement, "take", TAKE, turn.speaker),
        button(announcement, "leave", LEAVE, turn.speaker, Tone.CONTROL),
    ]
    turn.say("announcements.is_it", choices, text=Words.own(text), announcement=_quoted(announcement))
    return True


async def _tapped(turn: Turn, announcement_id: str, value: str) -> None:
    async with turn.services.database.read() as connection:
        asked = await find_asked(connection, announcement_id, turn.known.id)
    answering = _answering(turn)
    if asked is None:  # nobody who was not asked can answer
        turn.say("asking.button_too_old", talk.menu(turn))
    elif not asked.announcement.takes_answers(turn.now) and not _is_cry(asked.announcement, value):
        turn.change(answering=None)
        turn.say("announcements.closed")
        await _go_on(turn)
    elif value == SHOW:
        turn.outgoing.append(announce(asked.announcement, turn.speaker, turn.services.timezone))
    elif value == LEAVE:
        await _leave(turn)
    elif value == WRITE and not asked.announcement.values:
        is_put_off = checkin.pending_today(turn) is not None
        turn.change(
            pending=None,
            answering=Answering(announcement_id=announcement_id, at=turn.now, waits=True, resumes=is_put_off),
        )
        turn.say("announcements.write")
    elif value == TAKE and answering is not None and answering.text and answering.announcement_id == announcement_id:
        await _take(turn, asked, answering.text)
    elif value in asked.announcement.values:
        await _take(turn, asked, value)
    else:
        turn.say("asking.button_too_old", talk.menu(turn))


async def _written(turn: Turn, answering: Answering) -> bool:
    """The text behind こたえる, unless it is a word that steers or a note."""
    text, command = turn.incoming.text.strip(), find_command(turn.incoming.text)
    if command in LEAVING:
        await _leave(turn)
        return True
    if command in GOING_ON or find_note(text) is not None:
        return False
    async with turn.services.database.read() as connection:
        asked = await find_asked(connection, answering.announcement_id, turn.known.id)
    if asked is None or not asked.announcement.takes_answers(turn.now):
        turn.change(answering=None)
        turn.say("announcements.closed")
    elif command is Command.WHO_SEES:
        turn.say("announcements.who_reads", sender=sender_of(asked.announcement, turn.speaker))
    elif len(text) > LONGEST:
        turn.say("announcements.too_long", length=len(text), limit=LONGEST)
    else:
        await _take(turn, asked, text)
    return True


async def _typed(turn: Turn, answering: Answering | None) -> bool:
    """はい, a choice in words, お知らせ, or 直す after an answer; nothing is taken where two may be meant."""
    text = turn.incoming.text
    if len(text) > LONGEST:
        return False
    waiting = await _waiting(turn)
    if asks_to_see(text) and (turn.known.is_student or waiting):
        _show(turn, waiting)
        return True
    just_now = [each for each in waiting if answering is not None and each.announcement.id == answering.announcement_id]
    if just_now and find_command(text) is Command.EDIT:
        _show(turn, just_now)
        return True
    unanswered = [each for each in waiting if each.value is None]
    meant = [(each, value) for each in unanswered or just_now if (value := _read(each.announcement, text)) is not None]
    safety = [(each, value) for each, value in meant if each.announcement.is_safety_check]
    if len(safety) == 1:  # it does not wait for anything else to be told apart
        meant = safety
    elif meant and len(unanswered) > 1:
        _show(turn, [each for each, _ in meant])
        return True
    if not meant:
        return False
    await _take(turn, *meant[0])
    return True


def _read(announcement: Announced, text: str) -> str | None:
    """The answer that a typed text is; None for any other text."""
    return next((value for value in announcement.values if is_called(announcement, value, text)), None)


def _is_cry(announcement: Announced, value: str) -> bool:
    """Whether it says that a child is not safe: it becomes an alert however late it comes."""
    return announcement.is_safety_check and value in safety.LEVELS


async def _take(turn: Turn, asked: Asked, value: str) -> None:
    """Keep the answer and say so. An older tap that comes after a newer one changes nothing."""
    announcement = asked.announcement
    if asked.answered_at is not None and asked.answered_at > turn.now and not _is_cry(announcement, value):
        return
    if asked.value != value:
        turn.writes.append(
            AnswerAnnouncement(
                announcement_id=announcement.id, person_id=turn.known.id, value=value, answered_at=turn.now
            )
        )
    before = _answering(turn)
    turn.change(answering=Answering(announcement_id=announcement.id, at=turn.now))
    if announcement.is_safety_check:
        await safety.on_safety_answer(turn, announcement.id, value)
    else:
        key = "kept" if asked.value in (None, value) else "changed"
        label, sender = label_of(announcement, value, turn.speaker), sender_of(announcement, turn.speaker)
        turn.say(f"announcements.{key}", answer=label, sender=sender)
    fix = button(announcement, "fix", SHOW if announcement.values else WRITE, turn.speaker, Tone.CONTROL)
    turn.outgoing[-1] = replace(turn.outgoing[-1], choices=(*turn.outgoing[-1].choices, fix))
    await _go_on(turn, resumes=before is not None and before.resumes, fix=fix)


async def _leave(turn: Turn) -> None:
    before = _answering(turn)
    turn.change(answering=None)
    turn.say("announcements.left")
    await _go_on(turn, resumes=before is not None and before.resumes)


async def _go_on(turn: Turn, *, resumes: bool = False, fix: Choice | None = None) -> None:
    """Back to the question of the check-in that waits, or was put off. LINE shows the buttons of the last message
    alone, so correcting the answer is offered there too."""
    if resumes:
        await checkin.on_command(turn, Command.RESUME)
    elif checkin.pending_today(turn) is not None:
        await checkin.ask_again(turn)
    else:
        return
    last = turn.outgoing[-1]
    if fix is not None and len(last.choices) < BUTTONS and checkin.pending_today(turn) is not None:
        turn.outgoing[-1] = replace(last, choices=(*last.choices, fix))


def _show(turn: Turn, waiting: Sequence[Asked]) -> None:
    """The one announcement that may be answered, or which of several."""
    if not waiting:
        turn.say("announcements.none_waits", talk.menu(turn))
    elif len(waiting) == 1:
        turn.outgoing.append(announce(waiting[0].announcement, turn.speaker, turn.services.timezone))
    else:
        choices = [
            Choice(label=_quoted(each.announcement), value=tap(each.announcement, SHOW)) for each in waiting[:SHOWN]
        ]
        turn.say("announcements.which", choices, count=len(waiting))


async def _waiting(turn: Turn) -> list[Asked]:
    if not turn.is_asked:
        return []
    async with turn.services.database.read() as connection:
        return await waiting_for(connection, turn.known.id, turn.now)


def _answering(turn: Turn) -> Answering | None:
    """The announcement the conversation is about, while it lasts."""
    answering = turn.state.answering
    return answering if answering is not None and answering.holds(turn.now) else None


def _quoted(announcement: Announced) -> Words:
    text = announcement.text
    return Words.of(text if len(text) <= QUOTED else f"{text[: QUOTED - 1]}…")
