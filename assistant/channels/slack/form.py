"""The form まとめて書く: a whole check-in in one modal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import (
    Block,
    InputBlock,
    Option,
    PlainTextInputElement,
    RadioButtonsElement,
    SectionBlock,
)
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import select

from assistant.channels.slack.client import problem_of
from assistant.channels.slack.convert import LABEL, SECTION, plain
from assistant.channels.wording import kana
from assistant.checkins.model import PhaseScript, Question
from assistant.dialogue import flow
from assistant.dialogue.conversation import Conversation, conversation_id
from assistant.dialogue.people import Person
from assistant.dialogue.people_store import load_people
from assistant.dialogue.state import DialogueState
from assistant.dialogue.taps import Tap
from assistant.dialogue.turn import Services
from assistant.messages import Words
from assistant.wording.texts import Speaker, fill
from knowledge.errors import StorageDownError
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.checkins import CheckInRecord, Status, find_checkins

CALLBACK = "checkin"
TITLE = 24  # characters of a modal's title and its buttons
LOADING = "…"  # stands where the questions will be

log = structlog.get_logger(__name__)


async def open_form(
    client: AsyncWebClient, services: Services, trigger_id: str, account_id: str, value: str, at: datetime
) -> None:
    """Open the form for a person. A trigger lives three seconds, so an empty form is opened before anything is read.
    That it cannot be opened is logged, and the questions can be answered one by one all the same."""
    try:
        speaker = Speaker(language=services.language, band="upper")
        opened: Any = await client.views_open(trigger_id=trigger_id, view=_notice(speaker, Words.of(LOADING), None))
        view = await _view(services, account_id, value, at)
        await client.views_update(view_id=opened["view"]["id"], view=view)
    except SlackApiError as error:
        status, problem = problem_of(error)
        log.warning("form_not_opened", problem=problem or f"HTTP {status}")
    except (TimeoutError, aiohttp.ClientError, StorageDownError) as error:
        log.warning("form_not_opened", problem=type(error).__name__)


async def _view(services: Services, account_id: str, value: str, at: datetime) -> View:
    tap, today = Tap.parse(value), at.astimezone(services.timezone).date()
    async with services.database.read() as connection:
        person_id = await connection.scalar(select(Account.person_id).where(Account.id == account_id))
        conversation = select(Conversation.state).where(Conversation.id == conversation_id(account_id, person_id))
        state = DialogueState.from_json(await connection.scalar(conversation))
        people = await load_people(connection, [person_id] if person_id else [], today)
        records = await find_checkins(connection, list(people), [today])
    person = people.get(person_id or "")
    speaker = Speaker(language=state.language or services.language, band=person.band if person else "lower")
    if person is None or not person.is_student or tap is None:
        return _notice(speaker, speaker.say("talk.not_linked"), None)
    if tap.date != today:
        return _notice(speaker, speaker.say("checkin.that_day_is_over"), person.grade)
    by_phase = {record.phase: record for record in records}
    record = by_phase.get(tap.phase) or CheckInRecord(
        student_id=person.id, date=today, phase=tap.phase, status=Status.OPEN, started_at=at, updated_at=at
    )
    script = services.scripts.of(person.grade or "P1", person.school_id).phase(tap.phase)
    known = flow.known(record, by_phase.get(Phase.ANTICIPATION), ())
    return form_view(script, tap.phase, value, known, person, speaker)


def form_view(
    script: PhaseScript, phase: Phase, value: str, known: Mapping[str, str], person: Person, speaker: Speaker
) -> View:
    """The questions of a phase, nothing obligatory, what was answered already filled in. ``known``: answers by
    question id, of the morning too. ``value`` comes back with the answers."""
    ids = {question.id for question in script.questions}
    # A condition on another answer of this form cannot be looked at yet: that question is shown.
    asked = [q for q in script.questions if flow.holds({k: v for k, v in q.when.items() if k not in ids}, known)]
    grade = person.grade
    return View(
        type="modal",
        callback_id=CALLBACK,
        private_metadata=value,
        title=plain(kana(speaker.say(f"talk.phase_{phase}"), grade), TITLE),
        submit=plain(kana(speaker.say("checkin.form_submit"), grade), TITLE),
        close=plain(kana(speaker.say("checkin.form_close"), grade), TITLE),
        blocks=[_input(question, known, grade, speaker) for question in asked],
    )


def _input(question: Question, known: Mapping[str, str], grade: str | None, speaker: Speaker) -> Block:
    options = [
        Option(
            text=plain(kana(Words.of(flow.localised(option.label, speaker.language)), grade), LABEL), value=option.value
        )
        for option in question.options
    ]
    answer = known.get(question.id)
    if options:
        chosen = next((option for option in options if option.value == answer), None)
        element = RadioButtonsElement(action_id=question.id, options=options, initial_option=chosen)
    else:
        element = PlainTextInputElement(
            action_id=question.id,
            multiline=True,
            max_length=min(question.max_length, SECTION),
            initial_value=answer,
        )
    return InputBlock(
        block_id=question.id,
        label=plain(kana(_ask(question, known, speaker.language), grade), 2000),
        hint=plain(kana(speaker.say(f"checkin.readers_{question.readers}"), grade), 2000),
        element=element,
        optional=True,
    )


def _ask(question: Question, known: Mapping[str, str], language: str) -> Words:
    try:
        return fill(flow.localised(question.ask, language), flow.quoted(known))
    except KeyError:  # it speaks of an answer that this very form asks for
        return Words.of(flow.localised(question.name, language))


def _notice(speaker: Speaker, said: Words, grade: str | None) -> View:
    """A modal that only says something."""
    return View(
        type="modal",
        title=plain(kana(speaker.say("checkin.form_title"), grade), TITLE),
        close=plain(kana(speaker.say("checkin.form_close"), grade), TITLE),
        blocks=[SectionBlock(text=plain(kana(said, grade)))],
    )
