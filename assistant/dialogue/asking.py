"""One question about the data: understood, answered from the store, worded. No channel, no buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.anchors import on_calendar
from assistant.dialogue.topic import Topic
from assistant.dialogue.turn import Services
from assistant.messages import Words
from assistant.wording.answers import word
from assistant.wording.texts import Speaker
from intents.activities import may_be_about, understand_activity
from intents.announcing import find_results
from intents.asides import Aside, find_aside
from intents.closing import understand_closing
from intents.commands import find_command, find_note
from intents.content import understand_content
from intents.examples import nearest_examples
from intents.fixes import alternatives
from intents.knowing import Knowing, Sureness, find_knowing, is_for_documents
from intents.managing import Managing, find_managing
from intents.practices import find_request, find_told
from intents.questions import Reading, understand_question
from intents.reminders import ReminderReading, understand_reminder
from intents.wishes import find_wish
from knowledge.db import Database
from knowledge.documents.readers import load_reader
from knowledge.questions.answer import UnsupportedQuestionError, answer
from knowledge.questions.looking import looked, refused
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import Answer, Option, Question, Reason, Scope, ScopeKind, Status, Vocabulary
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.activities import activities_of
from knowledge.records.audit import Entry
from knowledge.records.consents import Purpose, withdrawn_by
from knowledge.records.scope import load_viewer

MOST_OPTIONS = 12  # choices shown at once: LINE has room for 13 quick replies


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What came of a question."""

    answer: Answer  # its ``text`` filled
    topic: Topic | None  # what the next question may lean on
    said: Words  # the worded answer, as spans
    reading: Reading | None = None  # how the text was understood; None where it was not
    looked: Entry | None = None  # what whoever shows it keeps in the audit, its channel filled in; None: nothing


async def ask(
    services: Services, person_id: str, text: str, at: datetime, speaker: Speaker, topic: Topic | None = None
) -> Asked:
    """One question of one person, answered and worded. Raises ``NoSuchPersonError``.

    ``topic`` is what the conversation was about. What is no question about data comes back as ``talk``, what nobody
    understood as ``not_understood``; neither ever carries a number, nor does a question that is asked back.
    """
    now = at.astimezone(services.timezone)
    held = topic if topic is not None and topic.previous().holds(now) else None
    if held is not None and held.proposed is not None and find_aside(text) is Aside.YES:
        return await answer_question(services, person_id, held.proposed, at, speaker, topic)
    async with services.database.read() as connection:
        viewer = await load_viewer(connection, person_id, now.date())
        vocabulary = await load_vocabulary(connection, viewer, services.timezone)
    is_wish = viewer.student_id is not None and find_wish(text) is not None
    if is_wish or understand_reminder(text, vocabulary, now) is not None:  # never a figure for what is to be sent
        return _not_answered(None, text, at, speaker, topic, vocabulary, is_talk=True)
    reading = understand_question(text, vocabulary, now, held.previous() if held is not None else None)
    is_open = reading is None and find_command(text) is None and find_note(text) is None
    if is_open and services.interpreter is not None and await may_go_to_model(services.database, person_id):
        reading = await services.interpreter.read(text, vocabulary, now)
    if reading is None or not _is_clear(reading) or reading.question is None:
        asked = _not_answered(reading, text, at, speaker, topic, vocabulary)
        is_refused = asked.answer.status is Status.REFUSED or (reading is not None and reading.outside is not None)
        return replace(asked, looked=refused(person_id, now)) if is_refused else asked
    asked = await answer_question(services, person_id, reading.question, at, speaker, topic)
    if reading.second:
        said = Words.join([asked.said, speaker.say("answers.two_questions")], "\n\n")
        asked = replace(asked, said=said, answer=replace(asked.answer, text=str(said)))
    return replace(asked, reading=reading)


async def may_go_to_model(database: Database, person_id: str | None) -> bool:
    """Whether words of a person may go to a language model as far as they themself are asked; of an operator they
    may."""
    if person_id is None:
        return True
    async with database.read() as connection:
        return not await withdrawn_by(connection, [person_id], Purpose.MODEL)


async def understand(
    services: Services, person_id: str, text: str, at: datetime, topic: Topic | None = None
) -> dict[str, Any]:
    """What a text is taken to mean, as ``ayumi understand`` prints it. Nothing is answered or done."""
    now = at.astimezone(services.timezone)
    previous = topic.previous() if topic is not None and topic.previous().holds(now) else None
    if (command := find_command(text)) is not None:
        return {"intent": command.value, "confidence": "clear"}
    if find_note(text) is not None:
        return {"intent": "note", "confidence": "clear"}
    if find_told(text) is not None:
        return {"intent": "practice", "confidence": "clear", "act": "tell"}
    if (practices := find_request(text)) is not None:
        return {"intent": "practice", "confidence": "clear", "act": practices.act.value}
    knowing = find_knowing(text)
    if knowing is not None and knowing.sureness is Sureness.TOLD:
        return _knowing_json(knowing)
    async with services.database.read() as connection:
        viewer = await load_viewer(connection, person_id, now.date())
        vocabulary = await load_vocabulary(connection, viewer, services.timezone)
        if (reminder := understand_reminder(text, vocabulary, now, person_id)) is not None:
            return _reminder_json(await on_calendar(connection, reminder, vocabulary, now))
        names = await _names_of_activities(connection, person_id, now.date()) if may_be_about(text) else ()
    if (activities := understand_activity(text, now.date(), names)) is not None:
        sure = "clear" if activities.has_noun or activities.is_online else "confirm"
        return {"intent": "activities", "confidence": sure}
    if (content := understand_content(text)) is not None:
        return {"intent": "content", "confidence": "clear", "content": content.to_json()}
    reading = understand_question(text, vocabulary, now, previous)
    if reading is None:
        return _about_others(text, vocabulary, now, knowing)
    if knowing is not None and is_for_documents(knowing, reading):
        return _knowing_json(knowing)
    question = reading.question
    return {
        "intent": "question",
        "confidence": reading.confidence,
        "question": None if question is None else question.to_json(),
        "leftover": [*reading.leftover],
        "choices": [choice.to_json() for choice in reading.choices],
    }


def _about_others(text: str, vocabulary: Vocabulary, now: datetime, knowing: Knowing | None) -> dict[str, Any]:
    """What is neither a question about data nor a reminder to set."""
    managed, results = find_managing(text), find_results(text)
    if managed is not None and (managed.what is Managing.LIST or managed.words is not None):
        return {"intent": "reminders", "confidence": "clear"}
    if results is not None and results.is_sure:
        return {"intent": "announcement_results", "confidence": "clear"}
    if understand_closing(text, vocabulary, now) is not None:
        return {"intent": "closure", "confidence": "confirm"}
    return {"intent": "none", "confidence": "confirm"} if knowing is None else _knowing_json(knowing)


async def _names_of_activities(connection: AsyncConnection, person_id: str, on: date) -> list[str]:
    """What the clubs and events of a person's schools and districts are called."""
    reader = await load_reader(connection, person_id, on)
    return [each.name for each in await activities_of(connection, reader.orgs)]


def _knowing_json(knowing: Knowing) -> dict[str, Any]:
    is_sure = knowing.sureness is not Sureness.MAYBE
    return {"intent": "documents", "confidence": "clear" if is_sure else "confirm", "text": knowing.about}


def _reminder_json(reading: ReminderReading) -> dict[str, Any]:
    audience = reading.audience
    return {
        "intent": "reminder",
        "confidence": reading.confidence,
        "reminder": {
            "audience": None if audience is None else {"kind": audience.kind.value, "ids": list(audience.ids)},
            "rrule": reading.rrule,
            "time": reading.at and f"{reading.at:%H:%M}",
            "start": reading.start and reading.start.isoformat(),
            "text": reading.text,
            "what": reading.what.value,
            "only": "missing" if reading.only_missing else None,
        },
        "problem": reading.problem and reading.problem.value,
        "said": reading.said,
        "leftover": [*reading.leftover],
    }


async def answer_question(
    services: Services, person_id: str, question: Question, at: datetime, speaker: Speaker, topic: Topic | None
) -> Asked:
    """The answer to a question that is typed already: understood, tapped, confirmed, or one about the rows behind
    another. Permission is looked at anew. Raises ``NoSuchPersonError``."""
    now = at.astimezone(services.timezone)
    async with services.database.read() as connection:
        viewer = await load_viewer(connection, person_id, now.date())
        try:
            result = await answer(
                connection, viewer, question, at=at, timezone=services.timezone, language=speaker.language
            )
        except UnsupportedQuestionError:
            result = Answer(status=Status.NOT_UNDERSTOOD, question=None)
    said = word(result, speaker)
    return Asked(
        answer=replace(result, text=str(said)),
        topic=Topic.after(result, at, topic),
        said=said,
        looked=looked(result, viewer, now),
    )


def _is_clear(reading: Reading) -> bool:
    return reading.confidence == "clear" and reading.outside is None and not reading.others


def _not_answered(
    reading: Reading | None,
    text: str,
    at: datetime,
    speaker: Speaker,
    topic: Topic | None,
    vocabulary: Vocabulary,
    *,
    is_talk: bool = False,
) -> Asked:
    """Everything that gets words instead of a figure."""
    after = topic
    if reading is None:
        is_talk = is_talk or find_command(text) is not None or find_note(text) is not None
        result = Answer(status=Status.TALK if is_talk else Status.NOT_UNDERSTOOD, question=None)
        said = word(result, speaker)
        if speaker.band == "staff" and not is_talk:
            examples = [Words.of(f"・{example}") for example in nearest_examples(text, speaker.language)]
            said = Words.join([speaker.say("answers.not_in_catalogue"), *examples], "\n")
    elif reading.others or (reading.outside is not None and not vocabulary.classes):
        result = Answer(status=Status.REFUSED, question=None, reason=Reason.NOT_PERMITTED)
        said, after = word(result, speaker), None
    elif reading.future:
        result = Answer(status=Status.NOT_UNDERSTOOD, question=None, reason=Reason.FUTURE)
        said = word(result, speaker)
    elif reading.impossible is not None:
        result = Answer(status=Status.NOT_UNDERSTOOD, question=None)
        key = "threshold_missing" if reading.about == "metric" else "impossible_date"
        said = speaker.say(f"answers.{key}", said=Words.own(reading.impossible))
    elif reading.outside is not None and _is_person(reading):
        result = Answer(status=Status.CLARIFY, question=None)
        said = speaker.say("answers.no_such_person", name=Words.own(reading.outside))
    elif reading.outside is not None:
        options = _nearest(vocabulary)
        result = Answer(status=Status.CLARIFY, question=None, options=options)
        said = speaker.say("answers.no_such_class", name=Words.own(reading.outside))
        if (asked := reading.question) is not None and not asked.compare:
            classes = (Scope(kind=ScopeKind.CLASS, ids=(each.id,), label=each.label) for each in options)
            after = Topic(at=at, choices=tuple(replace(asked, scope=each) for each in classes))
    elif reading.choices:
        choices = reading.choices[:MOST_OPTIONS]
        result = Answer(status=Status.CLARIFY, question=None, options=_options(choices, speaker))
        listed = [Words.own(f"・{option.label}") for option in result.options]
        said = Words.join([speaker.say(f"answers.choose_{reading.about or 'scope'}"), *listed], "\n")
        after = Topic(at=at, choices=choices)
    else:
        proposed = reading.question
        today = at.astimezone(vocabulary.timezone).date()
        others = alternatives(proposed, vocabulary, speaker.language, today) if proposed is not None else ()
        offered = [each for each in (proposed, *others) if each is not None][:MOST_OPTIONS]
        result = Answer(status=Status.CLARIFY, question=proposed, options=_options(offered, speaker))
        said = word(result, speaker)
        if reading.leftover:
            left = Words.own(" ".join(reading.leftover))
            said = Words.join([speaker.say("answers.confirm_leftover", words=left), said], "\n")
        after = Topic(at=at, proposed=proposed, choices=tuple(offered[1:]))
    return Asked(answer=replace(result, text=str(said)), topic=after, said=said, reading=reading)


def _is_person(reading: Reading) -> bool:
    return reading.question is not None and reading.question.scope.kind is ScopeKind.STUDENT


def _options(questions: Sequence[Question], speaker: Speaker) -> tuple[Option, ...]:
    """What to choose from: the part in which each question differs from the first, the first from the second."""
    if not questions:
        return ()
    first, second = questions[0], questions[min(1, len(questions) - 1)]
    return tuple(_option(each, second if each is first else first, speaker) for each in questions)


def _option(question: Question, other: Question, speaker: Speaker) -> Option:
    if question.scope.ids == other.scope.ids and question.period != other.period:
        return Option(id=question.period.start.isoformat(), label=question.period.label)
    if question.scope.ids == other.scope.ids and question.metric is not None and question.metric is not other.metric:
        return Option(id=question.metric, label=catalogue()[question.metric].name[speaker.language])
    return Option(id=question.scope.ids[0] if question.scope.ids else "", label=question.scope.label)


def _nearest(vocabulary: Vocabulary) -> tuple[Option, ...]:
    """The classes that there are, the asker's own first, for somebody who named one that is not there."""
    own = [each for each in vocabulary.classes if each.id in vocabulary.homerooms]
    others = [each for each in vocabulary.classes if each.homeroom and each.id not in vocabulary.homerooms]
    return tuple(Option(id=each.id, label=each.title) for each in [*own, *others][:MOST_OPTIONS])
