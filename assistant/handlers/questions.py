"""Questions about the class: understood, answered from the store, worded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services, Turn
from assistant.handlers import checkin, talk
from assistant.messages import Choice, Kind, Outgoing, Words
from assistant.wording.answers import word
from assistant.wording.texts import Speaker
from intents.commands import find_command, find_note
from intents.people import asks_about
from intents.questions import Reading, understand_question
from knowledge.questions.answer import UnsupportedQuestionError, answer
from knowledge.questions.model import Answer, Option, Reason, Status
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.scope import Viewer, load_viewer

LONGEST_ECHO = 100  # characters of a question that a button may carry
PREFIX = "?"  # a button's value: the question as if it had been typed


async def on_question(turn: Turn) -> bool:
    """A question to the learning-data store. Anything else is left to others."""
    text = turn.incoming.text
    if turn.incoming.kind is Kind.CHOICE and (turn.incoming.choice or "").startswith(PREFIX):
        text = (turn.incoming.choice or "")[len(PREFIX) :]
    elif turn.incoming.kind is not Kind.TEXT:
        return False
    if turn.person is None or checkin.pending_today(turn) is not None:
        return False
    answered = await ask(turn.services, turn.person.id, text, turn.incoming.occurred_at, turn.speaker)
    if answered.status in (Status.NOT_UNDERSTOOD, Status.TALK):
        return False
    if answered.status is Status.CLARIFY:  # to tap: each scope it may be about, then what is understood for sure
        scopes = [Words.own(option.label) for option in answered.options]
        meant = [Choice(label=label, value=f"{PREFIX}{label} {text}") for label in scopes if len(text) <= LONGEST_ECHO]
        turn.outgoing.append(Outgoing(text=word(answered, turn.speaker), choices=(*meant, *talk.menu(turn))))
    else:
        turn.outgoing.append(Outgoing(text=word(answered, turn.speaker)))
    return True


async def ask(services: Services, person_id: str, text: str, at: datetime, speaker: Speaker) -> Answer:
    """One question of one person, answered and worded. Raises ``NoSuchPersonError``. What is no question about data
    comes back as ``talk``, what nobody understood as ``not_understood``; neither ever carries a number."""
    now = at.astimezone(services.timezone)
    async with services.database.read() as connection:
        viewer = await load_viewer(connection, person_id, now.date())
        if await _asks_about_others(connection, viewer, text, now.date()):
            refused = Answer(status=Status.REFUSED, question=None, reason=Reason.NOT_PERMITTED)
            return replace(refused, text=str(word(refused, speaker)))
        vocabulary = await load_vocabulary(connection, viewer, services.timezone)
        reading = understand_question(text, vocabulary, now)
        match reading:
            case None:
                is_talk = find_command(text) is not None or find_note(text) is not None
                result = Answer(status=Status.TALK if is_talk else Status.NOT_UNDERSTOOD, question=None)
            case Reading(future=True):
                result = Answer(status=Status.NOT_UNDERSTOOD, question=None, reason=Reason.FUTURE)
            case Reading(question=question, confidence="clear") if question is not None:
                try:
                    result = await answer(
                        connection,
                        viewer,
                        question,
                        at=at,
                        timezone=services.timezone,
                        language=speaker.language,
                    )
                except UnsupportedQuestionError:
                    result = Answer(status=Status.NOT_UNDERSTOOD, question=None)
            case _:
                meant = [each for each in (reading.question, *reading.choices) if each is not None]
                scopes = [each.scope for each in meant if each.scope.ids]
                options = tuple(Option(id=scope.ids[0], label=scope.label) for scope in scopes)
                result = Answer(status=Status.CLARIFY, question=reading.question, options=options)
    return replace(result, text=str(word(result, speaker)))


async def _asks_about_others(connection: AsyncConnection, viewer: Viewer, text: str, on: date) -> bool:
    """Whether a student, or a guardian, asks about somebody else's child: refused, whether such a person exists or not
    (questions.md)."""
    may_ask = {viewer.student_id} if viewer.student_id else viewer.children
    if not may_ask or viewer.homerooms or viewer.subject_classes or viewer.schools:
        return False
    own: set[str] = set()
    for person in (await load_people(connection, may_ask, on)).values():
        own |= {person.family_name, person.given_name, person.family_name + person.given_name}
    return bool(asks_about(text) - own)
