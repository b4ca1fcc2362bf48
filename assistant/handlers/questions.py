"""Questions about the class in a chat: asked, asked back, and what may be tapped under an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from assistant.attachments import new_file
from assistant.charts import describe, draw
from assistant.dialogue.asking import Asked, answer_question, ask
from assistant.dialogue.reply_writes import MarkRead
from assistant.dialogue.topic import Topic
from assistant.dialogue.turn import Turn
from assistant.handlers import checkin, documents, talk
from assistant.messages import Attachment, Choice, Kind, Outgoing, Tone, Words
from assistant.talking import PREFIX as TALKS
from assistant.wording.answers import explain, pages, word
from assistant.wording.tables import csv_name, csv_of
from intents.asides import Aside, Naming, find_aside
from knowledge.questions.evidence import rows_behind
from knowledge.questions.model import Answer, Metric, Phase, Question, Shape, Status
from knowledge.records.audit import Act

PREFIX = "?"  # a button's value: the question as if it had been typed
UNDER = "="  # a button's value: something about the answer above it, ``=how/<key of the topic>[/more]``
DRAWN = frozenset({Shape.TREND, Shape.COMPARE, Shape.BREAKDOWN})  # people would rather look than read
OFFERED = 5  # children whom a reply or a talk is offered for by a tap
LISTED = frozenset({Shape.STUDENTS, Shape.TEXTS})


async def on_question(turn: Turn) -> bool:
    """A question to the learning-data store, or something about the answer above. Anything else is left to others."""
    if turn.person is None:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(UNDER):
        return await _under(turn, choice[len(UNDER) :].split("/"))
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        text = choice[len(PREFIX) :]
    elif turn.incoming.kind is Kind.TEXT:
        text = turn.incoming.text
    else:
        return False
    if checkin.pending_today(turn) is not None:
        return False
    asked = await ask(turn.services, turn.known.id, text, turn.incoming.occurred_at, turn.speaker, turn.state.topic)
    if asked.answer.status is Status.TALK:
        return False
    if asked.reading is None and asked.answer.status is Status.NOT_UNDERSTOOD:
        if await documents.answered(turn):
            return True
        if turn.person.band != "staff":
            return False
    await _show(turn, asked)
    return True


async def on_aside(turn: Turn) -> bool:
    """A short word about the last answer, before it is taken for anything else (はい alone is a word of thanks). Words
    to children are left to their own handler."""
    if turn.person is None or turn.incoming.kind is not Kind.TEXT or checkin.pending_today(turn) is not None:
        return False
    topic = _topic(turn)
    if topic is None:
        return False
    match aside := find_aside(turn.incoming.text):
        case Aside.YES if topic.proposed is not None:
            return await _under(turn, [aside, topic.key])
        case Aside.NO if topic.proposed is not None or topic.choices:
            return await _under(turn, [aside, topic.key])
        case Aside.HOW | Aside.BEHIND | Aside.CHART | Aside.CSV if topic.question is not None:
            return await _under(turn, [aside, topic.key])
        case Aside.MORE if topic.question is not None and topic.page_left:
            return await _under(turn, [aside, topic.key, str(topic.page + 1)])
        case _:
            return False
    return True


async def _under(turn: Turn, parts: Sequence[str]) -> bool:
    """A button under an answer, or the same in words."""
    person, topic = turn.person, turn.state.topic
    if person is None:
        return False
    if topic is None or len(parts) < 2 or parts[1] != topic.key:
        turn.say("asking.button_too_old", talk.menu(turn))
        return True
    question = topic.question or topic.proposed
    rest = parts[2:]
    match parts[0]:
        case Aside.YES if topic.proposed is not None:
            question = topic.proposed
        case Aside.NO:
            turn.change(topic=None)
            turn.say("asking.ask_again", talk.menu(turn))
            return True
        case "pick" if rest and rest[0].isdecimal() and int(rest[0]) < len(topic.choices):
            question = topic.choices[int(rest[0])]
        case Aside.BEHIND if question is not None:
            question = rows_behind(question, of_board=_is_board(turn))
        case Aside.HOW | Aside.MORE | Aside.CHART | Aside.CSV:
            return await _more(turn, parts[0], question, int(rest[0]) if rest and rest[0].isdecimal() else 0)
        case _:
            question = None
    if question is None:
        turn.say("asking.button_too_old", talk.menu(turn))
        return True
    asked = await answer_question(turn.services, person.id, question, turn.incoming.occurred_at, turn.speaker, topic)
    await _show(turn, asked)
    return True


async def _more(turn: Turn, what: str, question: Question | None, page: int) -> bool:
    """The same answer again, seen otherwise: explained, drawn, as a table, its next page."""
    if question is None:
        turn.say("asking.button_too_old", talk.menu(turn))
        return True
    asked = await answer_question(
        turn.services, turn.known.id, question, turn.incoming.occurred_at, turn.speaker, turn.state.topic
    )
    topic, result = turn.state.topic, asked.answer
    entry = asked.looked
    turn.audit(replace(entry, act=Act.EXPORT) if entry is not None and what == Aside.CSV else entry)
    match what:
        case Aside.HOW:
            behind = (
                [turn.button("asking.behind", _value(topic, Aside.BEHIND))]
                if rows_behind(question, of_board=_is_board(turn))
                else []
            )
            turn.outgoing.append(Outgoing(text=explain(result, turn.speaker), choices=tuple(behind)))
        case Aside.CSV if result.status is Status.ANSWERED:
            attachment = _attach(turn, csv_of(result, turn.speaker), "text/csv", csv_name(result), asked.said)
            turn.outgoing.append(Outgoing(text=turn.words("asking.csv_ready"), attachment=attachment))
        case Aside.CHART:
            picture = await _picture(turn, result)
            said = asked.said if picture is not None else turn.words("asking.no_picture")
            turn.outgoing.append(Outgoing(text=said, attachment=picture))
        case _:
            if topic is not None:
                turn.change(topic=replace(topic, page=page, page_left=page + 1 < pages(result)))
            turn.outgoing.append(
                Outgoing(
                    text=word(result, turn.speaker, page=page), choices=_choices(turn, asked, turn.state.topic, page)
                )
            )
    return True


async def _show(turn: Turn, asked: Asked) -> None:
    """An answer with its picture, where people would rather look, and what may be tapped next."""
    turn.audit(asked.looked)
    _mark_read(turn, asked.answer)
    topic = asked.topic
    is_new = topic is not turn.state.topic
    if topic is not None and is_new:
        topic = replace(topic, page_left=pages(asked.answer) > 1)
    turn.change(topic=topic)
    question = asked.answer.question
    drawn = asked.answer.status is Status.ANSWERED and question is not None and question.shape in DRAWN
    picture = await _picture(turn, asked.answer) if drawn else None
    turn.outgoing.append(
        Outgoing(text=asked.said, choices=_choices(turn, asked, topic if is_new else None, 0), attachment=picture)
    )


def _mark_read(turn: Turn, answer: Answer) -> None:
    """What staff were shown of reflections is read; their children may see that in their own day."""
    if turn.known.is_staff and answer.question is not None and answer.question.shape is Shape.TEXTS:
        turn.writes += [
            MarkRead(student_id=row.id, date=row.day, reader_id=turn.known.id, at=turn.now)
            for row in answer.rows
            if row.phase is Phase.REFLECTION and row.day is not None
        ]


def _choices(turn: Turn, asked: Asked, topic: Topic | None, page: int) -> tuple[Choice, ...]:
    """What may be tapped next. ``topic`` is that of this very answer; None where it left none of its own."""
    result, question = asked.answer, asked.answer.question
    if topic is None or turn.person is None:
        return tuple(talk.menu(turn)) if result.status is not Status.ANSWERED else ()
    if result.status is Status.CLARIFY:
        return tuple(_ways_to_fix(turn, asked, topic))
    if result.status is not Status.ANSWERED or question is None:
        return ()
    found: list[Choice] = []
    if page + 1 < pages(result):
        found.append(turn.button("asking.more", _value(topic, Aside.MORE, str(page + 1))))
    is_staff = turn.known.band == "staff"
    if is_staff and question.shape in LISTED and topic.students:
        found.append(turn.button("asking.reach", _value(topic, Aside.REACH)))
    if is_staff and question.shape is Shape.TEXTS:
        days = dict(topic.reflections)
        found += [
            Choice(label=turn.words("asking.reply", name=Words.own(label)), value=_value(topic, Naming.REPLY, id))
            for id, label in topic.students
            if id in days
        ][:OFFERED]
    if is_staff and question.metric is Metric.TALK_REQUESTS and question.shape is Shape.STUDENTS:
        found += [
            Choice(label=turn.words("asking.close", name=Words.own(label)), value=_value(topic, Naming.CLOSE, id))
            for id, label in topic.students[:OFFERED]
        ]
        found.append(turn.button("talks.list_button", f"{TALKS}list/"))
    found.append(turn.button("asking.how", _value(topic, Aside.HOW), Tone.CONTROL))
    if question.shape is Shape.STUDENTS and is_staff and len(result.rows) > 1:
        found.append(turn.button("asking.as_picture", _value(topic, Aside.CHART), Tone.CONTROL))
    if is_staff and (result.rows or result.value is not None):
        found.append(turn.button("asking.as_csv", _value(topic, Aside.CSV), Tone.CONTROL))
    return tuple(found)


def _ways_to_fix(turn: Turn, asked: Asked, topic: Topic) -> list[Choice]:
    """To tap: one of several; or はい, and the other classes, times and figures that may have been meant."""
    labels = [Words.own(option.label) for option in asked.answer.options]
    shown = labels[1:] if topic.proposed is not None else labels
    picks = [Choice(label=label, value=_value(topic, "pick", str(index))) for index, label in enumerate(shown)]
    if topic.proposed is None:
        return picks
    yes = turn.button("asking.yes", _value(topic, Aside.YES))
    return [yes, *picks, turn.button("asking.no", _value(topic, Aside.NO), Tone.CONTROL)]


async def _picture(turn: Turn, result: Answer) -> Attachment | None:
    """The answer drawn, on a thread: a picture takes some tenths of a second, others must not wait for it."""
    content = await asyncio.to_thread(draw, result, turn.speaker)
    if content is None:
        return None
    return _attach(turn, content, "image/png", "ayumi.png", describe(result, turn.speaker))


def _attach(turn: Turn, content: bytes, media_type: str, name: str, alt: Words) -> Attachment:
    write, file_id = new_file(turn.known.id, media_type, name, content, turn.now)
    turn.writes.append(write)
    return Attachment(file_id=file_id, media_type=media_type, name=name, alt=alt)


def _is_board(turn: Turn) -> bool:
    return turn.known.roles == frozenset({"districtAdministrator"})


def _topic(turn: Turn) -> Topic | None:
    """What was talked about, while it lasts."""
    topic = turn.state.topic
    return topic if topic is not None and topic.previous().holds(turn.now) else None


def _value(topic: Topic | None, what: str, *rest: str) -> str:
    return UNDER + "/".join([what, topic.key if topic is not None else "", *rest])
