"""Greetings, help, who will see this, and what is said when nothing fits."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.checkins.model import Question
from assistant.dialogue import flow
from assistant.dialogue.reply_writes import ToldRead
from assistant.dialogue.state import Pending
from assistant.dialogue.turn import Turn
from assistant.handlers import checkin, wishes
from assistant.handlers.checkin_steps import is_kept
from assistant.messages import Choice, Kind, Outgoing, Words
from intents.commands import Command, find_command
from knowledge.questions.model import Phase
from knowledge.records.audit import Kind as AuditKind
from knowledge.records.replies import read_unheard

LONGEST_TEXT = 2000  # characters that are looked at
BUTTONS = {
    "!start": Command.START,
    "!anticipation": Command.START_ANTICIPATION,
    "!reflection": Command.START_REFLECTION,
    "!help": Command.HELP,
    "!talk": Command.HUMAN_HELP,
    "!who": Command.WHO_SEES,
}


async def on_command(turn: Turn) -> bool:
    """A short word, typed or tapped, that steers the talk."""
    command = _command(turn)
    if command is None:
        return False
    if await checkin.on_command(turn, command):
        return True
    match command:
        case Command.GREETING:
            await _on_greeting(turn)
        case Command.THANKS if checkin.pending_today(turn) is None:
            turn.say("talk.thanks")
        case Command.HELP | Command.START | Command.START_ANTICIPATION | Command.START_REFLECTION:
            await _say(turn, turn.words("talk.help"), menu(turn))
        case Command.WHO_SEES:
            await _who_sees(turn)
        case Command.HOW_TO_LINK:
            await _say(turn, turn.words("talk.linked_already", name=called(turn)), menu(turn))
        case Command.SPEAK_JAPANESE | Command.SPEAK_ENGLISH:
            turn.change(language="ja" if command is Command.SPEAK_JAPANESE else "en")
            said = turn.words(f"talk.{'speaks_japanese' if turn.language == 'ja' else 'speaks_english'}")
            await _say(turn, said)
        case Command.HUMAN_HELP if turn.person is not None and turn.person.is_student:
            await wishes.ask_whom(turn)
        case Command.HUMAN_HELP if turn.incoming.kind is Kind.CHOICE:  # the menu under a LINE chat is everybody's
            await _say(turn, turn.words("talk.help"), menu(turn))
        case Command.OWN_DAY if turn.person is not None and turn.person.is_student:
            await _own_day(turn)
        case _:
            return False
    return True


async def on_anything(turn: Turn) -> bool:
    """The last to be asked: says that it was not understood, and asks the waiting question again."""
    pending = checkin.pending_today(turn)
    if turn.incoming.kind is Kind.OTHER:
        said = turn.words("talk.only_text")
    elif turn.incoming.kind is not Kind.TEXT:
        if turn.incoming.kind is Kind.CHOICE:  # of others, or of a kind that is no more: nothing to say
            turn.audit_refusal(AuditKind.PERSON, "a button that is not theirs")
        return True
    elif pending is None:
        said = turn.words("talk.not_understood")
    else:
        question = _question(turn, pending)
        takes_text = question is not None and question.kind == "text"
        said = turn.words("checkin.write_something" if takes_text else "checkin.choose_one")
    await _say(turn, said, menu(turn))
    return True


async def on_edited(turn: Turn) -> bool:
    """A message whose words were changed: what came of them stays, which is said."""
    if turn.incoming.kind is not Kind.EDIT:
        return False
    await _say(turn, turn.words("talk.edited"))
    return True


async def on_too_long(turn: Turn) -> bool:
    """A text beyond everything a person would write."""
    if turn.incoming.kind is not Kind.TEXT or len(turn.incoming.text) <= LONGEST_TEXT:
        return False
    await _say(turn, turn.words("talk.too_long"))
    return True


async def _say(turn: Turn, said: Words, choices: Sequence[Choice] = ()) -> None:
    """Say something; a waiting question is asked again in the same message, so that its ways out stay in reach."""
    if checkin.pending_today(turn) is None:
        turn.outgoing.append(Outgoing(text=said, choices=tuple(choices)))
    else:
        await checkin.ask_again(turn, lead=[said])


def greet(turn: Turn) -> None:
    """Say hello by name and show what can be done."""
    turn.say("talk.hello", menu(turn), name=called(turn))


def menu(turn: Turn) -> list[Choice]:
    """What a person may want next."""
    if turn.person is None:
        return []
    if turn.person.band == "guardian":
        return []
    if turn.person.is_student:
        return [
            turn.button("talk.menu_anticipation", "!anticipation"),
            turn.button("talk.menu_reflection", "!reflection"),
            turn.button("talk.menu_help", "!help"),
        ]
    return [
        turn.button("talk.menu_missing", f"?{turn.words('talk.missing_question')}"),
        turn.button("talk.menu_today", f"?{turn.words('talk.today_question')}"),
    ]


def called(turn: Turn) -> Words:
    """The person's name as they are spoken to."""
    return Words.own(turn.person.called(turn.language)) if turn.person else Words()


async def _on_greeting(turn: Turn) -> None:
    """A student's greeting in the hours of an open check-in begins it; anyone else is greeted."""
    phase = checkin.phase_of_the_hour(turn)
    if turn.person is not None and turn.person.is_student and (turn.today, phase) not in turn.records:
        await checkin.start(turn, phase)
    else:
        greet(turn)


async def _who_sees(turn: Turn) -> None:
    """Who reads the answer to the waiting question, or answers in general; the question stays open."""
    pending = checkin.pending_today(turn)
    question = _question(turn, pending) if pending is not None else None
    key = {"self": "checkin.who_sees_self", "class": "checkin.who_sees_class"}.get(
        question.readers if question else "", "checkin.who_sees"
    )
    said = [turn.words(key)]
    if turn.person is None or turn.person.is_student:
        said.append(turn.words("checkin.who_sees_help"))
    await _say(turn, Words.join(said, "\n"))


def _question(turn: Turn, pending: Pending) -> Question | None:
    return checkin.script_of(turn, pending.phase).question(pending.question)


async def _own_day(turn: Turn) -> None:
    """今日のわたし: the child's own answers of the day."""
    lines: list[Words] = []
    for phase in Phase:
        answers = flow.answers_of(turn.records.get((turn.today, phase)))
        for question in checkin.script_of(turn, phase).questions:
            if question.id in answers:
                value = answers[question.id]
                option = question.option(value)
                shown = Words.of(flow.localised(option.label, turn.language)) if option else Words.own(value)
                name = flow.localised(question.name, turn.language)
                if is_kept(turn, phase, question):
                    shown = Words.join([shown, Words.of("🔒")], " ")
                lines.append(turn.words("talk.own_day_line", name=name, value=shown))
    lines += await _read_by_teacher(turn)
    if lines:
        await _say(turn, turn.words("talk.own_day", lines=Words.join(lines, "\n")))
    else:
        await _say(turn, turn.words("talk.own_day_nothing"), menu(turn))


async def _read_by_teacher(turn: Turn) -> list[Words]:
    """That a teacher has read the latest reflection, said once, where the school wants it said."""
    if not turn.services.times.of(turn.known.school_id or "").read_receipts:
        return []
    async with turn.services.database.read() as connection:
        day = await read_unheard(connection, turn.known.id, turn.today)
    if day is None:
        return []
    turn.writes.append(ToldRead(student_id=turn.known.id, date=day, at=turn.now))
    return [turn.words("replying.read_by_teacher", month=day.month, day=day.day)]


def _command(turn: Turn) -> Command | None:
    match turn.incoming.kind:
        case Kind.CHOICE:
            return BUTTONS.get(turn.incoming.choice or "")
        case Kind.TEXT:
            return find_command(turn.incoming.text)
        case _:
            return None
