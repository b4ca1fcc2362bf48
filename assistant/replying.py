"""A reflection with the replies offered for it, and a reply on its way: the same in a chat and on the page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.audit_writes import Audit
from assistant.dialogue.people import Person
from assistant.dialogue.reply_writes import MarkRead
from assistant.dialogue.turn import Services
from assistant.dialogue.writes import AddReply, TellOthers
from assistant.messages import Outgoing, Words
from assistant.replies.choosing import Reflection, is_distressed, suggest
from assistant.wording.texts import Speaker
from knowledge.questions.reply_queue import Waiting, replies_to
from knowledge.records.alerts import OPEN, Alert
from knowledge.records.audit import Act, Entry, Kind
from knowledge.records.care_staff import may_know, named_at
from knowledge.records.scope import Viewer
from scheduler.outbox import Item

LONGEST = 500  # characters of a reply


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What is offered for a reflection."""

    suggestions: tuple[str, ...]
    needs_person: bool  # its words, or an alert the reader may know of, ask for a person: nothing is suggested


NOTHING = Offer(suggestions=(), needs_person=False)


async def offer(connection: AsyncConnection, services: Services, viewer: Viewer, waiting: Waiting) -> Offer:
    """Three replies to choose from; none where a child asks for help. Of an alert that the reader may not know of
    nothing is to be seen here either."""
    reflection = Reflection(
        student_id=waiting.student_id,
        day=waiting.day,
        grade=waiting.grade,
        went_well=waiting.went_well,
        difficult=waiting.difficult,
        next_step=waiting.next_step,
        mood=waiting.mood,
        achievement=waiting.achievement,
        goal=waiting.goal,
        others=[value for value in waiting.extra.values() if isinstance(value, str)],
    )
    may_know_of = may_know(Alert.student_id.expression, viewer, named_at(viewer, services.times.care_of))
    of_child = (Alert.student_id == waiting.student_id, Alert.state.in_(OPEN))
    alert = await connection.scalar(select(Alert.id).where(*of_child, may_know_of).limit(1))
    if alert is not None or is_distressed(reflection):
        return Offer(suggestions=(), needs_person=True)
    recent = await replies_to(connection, waiting.student_id)
    return Offer(suggestions=tuple(suggest(reflection, services.language, recent)), needs_person=False)


@dataclass(frozen=True, kw_only=True)
class Replied:
    """A reply to one reflection."""

    reply_id: str  # of the event or the form that sends it: stored once, sent once
    child: Person
    account_id: str  # where the child gets it
    day: date  # of the reflection
    author: Person
    text: str
    at: datetime  # in the school's time zone
    channel: str  # from which it is sent, for the audit


def due_at(services: Services, child: Person, at: datetime) -> datetime:
    """When a reply written at a moment goes out: not in the quiet hours of the child's school."""
    return services.times.of(child.school_id or "").out_of_quiet(at)


def writes_of(services: Services, reply: Replied) -> list[Any]:
    """The message to the child, who sees whom it is from, and what is stored of it."""
    speaker = Speaker(language=services.language, band=reply.child.band)
    sender = Words.own(reply.author.called(services.language))
    said = speaker.say("reaching.reply_to_child", sender=sender, text=Words.of(reply.text))
    item = Item(
        key=f"reply:{reply.reply_id}",
        account_id=reply.account_id,
        kind="messages",
        payload={"messages": [Outgoing(text=said).to_json()], "grade": reply.child.grade},
        due_at=due_at(services, reply.child, reply.at),
        created_at=reply.at,
    )
    stored = AddReply(
        reply_id=reply.reply_id,
        student_id=reply.child.id,
        date=reply.day,
        author_id=reply.author.id,
        text=reply.text,
        sent_at=reply.at,
    )
    return [
        TellOthers(item=item),
        stored,
        MarkRead(student_id=reply.child.id, date=reply.day, reader_id=reply.author.id, at=reply.at),
        Audit(entry=entry(reply.author.id, Act.CHANGE, Kind.REPLIES, [reply.child.id], reply.channel, reply.at)),
    ]


def entry(
    actor_id: str, act: Act, kind: Kind, subject_ids: Collection[str], channel: str, at: datetime, detail: str = ""
) -> Entry:
    return Entry(
        actor_id=actor_id,
        act=act,
        kind=kind,
        subject_ids=tuple(dict.fromkeys(subject_ids)),
        channel=channel,
        at=at,
        detail=detail,
    )
