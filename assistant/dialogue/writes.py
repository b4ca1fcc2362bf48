"""What a turn wants stored. Turns never write themselves: the writes of many turns are stored in one transaction,
each kind with one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol, Self, cast
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.audit_writes import Audit
from assistant.inbox import forget_message
from intents.content import find_comment
from knowledge.db import upsert
from knowledge.records import announcements
from knowledge.records.accounts import Account
from knowledge.records.alerts import raise_alert
from knowledge.records.announcements import Announcement
from knowledge.records.checkins import CheckInRecord, Note, forget_answer, save_checkins
from knowledge.records.content import forget_comment
from knowledge.records.linking import record_wrong
from knowledge.records.replies import Reply
from knowledge.reminding import AnswerKind
from scheduler import later, outbox
from scheduler.alerts import KIND as ALERT
from scheduler.outbox import Item
from scheduler.tellings import Begun, begin


class Write(Protocol):
    """One thing to store. ``store`` gets all writes of its kind of many turns, in the order of the turns."""

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class SaveCheckIn:
    record: CheckInRecord

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await save_checkins(connection, [write.record for write in writes])


@dataclass(frozen=True, kw_only=True)
class AddNote:
    note_id: str  # of the message that brought it, so that it is stored once and can be taken back
    student_id: str
    date: date
    noted_at: datetime
    text: str

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        rows = [
            {
                "id": write.note_id,
                "student_id": write.student_id,
                "date": write.date,
                "noted_at": write.noted_at,
                "text": write.text,
                "visibility": "teacher",
            }
            for write in writes
        ]
        await upsert(connection, Note, rows, key=["id"])


@dataclass(frozen=True, kw_only=True)
class Withdraw:
    """The person took a message back: its text goes from wherever it was stored. An alert it raised stays (care.md)."""

    account_id: str
    person_id: str | None
    message_id: str
    timezone: ZoneInfo  # of the school: which day the message was of

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            for message in await forget_message(connection, write.account_id, write.message_id):
                if write.person_id is None:
                    continue
                day = message.occurred_at.astimezone(write.timezone).date()
                await forget_answer(connection, write.person_id, day, message.text.strip())
                await announcements.forget_words(connection, write.person_id, message.text.strip())
                if (comment := find_comment(message.text)) is not None:
                    await forget_comment(connection, write.person_id, comment)
            await connection.execute(delete(Note).where(Note.id == f"{write.account_id}/{write.message_id}"))


@dataclass(frozen=True, kw_only=True)
class RaiseAlert:
    event_id: str
    student_id: str
    level: str
    category: str
    words: str
    text: str
    at: datetime
    told: tuple[tuple[str, str], ...] = ()  # (member of staff, id of the send) who are told with it

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            raised = {name: value for name, value in vars(write).items() if name != "told"}
            begun = Begun(
                kind=ALERT,
                item_id=await raise_alert(connection, **raised),
                student_id=write.student_id,
                level=write.level,
                at=write.at,
                told=write.told,
            )
            await begin(connection, begun)


@dataclass(frozen=True, kw_only=True)
class TellOthers:
    """A message to somebody else than the person of the turn."""

    item: Item

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await outbox.put(connection, [write.item for write in writes])


@dataclass(frozen=True, kw_only=True)
class PlanLater:
    """A child wants to be asked again later: at this time, whatever was planned before."""

    item: Item

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await later.move(connection, list({write.item.key: write.item for write in writes}.values()))


@dataclass(frozen=True, kw_only=True)
class DropLater:
    """A child does not want to be asked again after all."""

    key: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await later.drop(connection, write.key, write.at)


@dataclass(frozen=True, kw_only=True)
class AddReply:
    """A member of staff answered a child's reflection."""

    reply_id: str
    student_id: str
    date: date
    author_id: str
    text: str
    sent_at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        rows = [
            {
                "id": write.reply_id,
                "student_id": write.student_id,
                "date": write.date,
                "author_id": write.author_id,
                "text": write.text,
                "sent_at": write.sent_at,
            }
            for write in writes
        ]
        await upsert(connection, Reply, rows, key=["id"])


@dataclass(frozen=True, kw_only=True)
class AnswerAnnouncement:
    """Somebody who was asked answered; the later of two answers stays."""

    announcement_id: str
    person_id: str
    value: str  # as ``knowledge.records.announcements.AnnouncementAnswer`` has it
    answered_at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await announcements.save_answers(connection, [vars(write) for write in writes])


@dataclass(frozen=True, kw_only=True)
class CloseAnnouncement:
    """No more answers are taken; what would remind of it ends too."""

    announcement_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await announcements.close(connection, write.announcement_id, write.at)


@dataclass(frozen=True, kw_only=True)
class AddAnnouncement:
    """Words that ask for an answer; whom they ask is stored when they are sent."""

    announcement_id: str
    owner_id: str
    school_id: str
    text: str
    answers: AnswerKind
    choices: tuple[str, ...]  # of ``AnswerKind.CHOICE``
    closes_at: datetime | None
    at: datetime
    is_safety_check: bool = False

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        rows = [
            {
                "id": write.announcement_id,
                "owner_id": write.owner_id,
                "school_id": write.school_id,
                "text": write.text,
                "answer_kind": write.answers,
                "choices": [*write.choices],
                "closes_at": write.closes_at,
                "is_safety_check": write.is_safety_check,
                "state": "open",
                "created_at": write.at,
            }
            for write in writes
        ]
        await upsert(connection, Announcement, rows, key=["id"])


@dataclass(frozen=True, kw_only=True)
class LinkAccount:
    """An account becomes a person's: what waits there for the one before is not sent any more."""

    account_id: str
    person_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await connection.execute(
            update(Account)
            .where(Account.id == bindparam("account"))
            .values(person_id=bindparam("person"), linked_at=bindparam("moment")),
            [{"account": write.account_id, "person": write.person_id, "moment": write.at} for write in writes],
        )
        for write in writes:
            await outbox.cancel_of_others(connection, write.account_id, write.person_id, write.at)


@dataclass(frozen=True, kw_only=True)
class RecordWrongCode:
    account_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await record_wrong(connection, [write.account_id], write.at, forget_before=write.at - timedelta(hours=1))


@dataclass(frozen=True, kw_only=True)
class SeeAccount:
    """The person was there: reachable, and the place where the next prompt goes."""

    account_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await connection.execute(
            update(Account)
            .where(Account.id == bindparam("account"))
            .values(last_seen_at=bindparam("moment"), reachable=True),
            [{"account": write.account_id, "moment": write.at} for write in writes],
        )


@dataclass(frozen=True, kw_only=True)
class LoseAccount:
    """The person blocked Ayumi or left: nothing that waits is sent any more."""

    account_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await connection.execute(update(Account).where(Account.id == write.account_id).values(reachable=False))
            await outbox.cancel(connection, write.account_id, write.at, "the person blocked or left")


async def store_all(connection: AsyncConnection, writes: Sequence[Any]) -> None:
    """Store writes of any kinds, kind by kind in the order in which a kind first appears; the audit last."""
    by_kind: dict[type[Any], list[Any]] = {}
    for write in writes:
        by_kind.setdefault(cast("type[Any]", type(write)), []).append(write)
    for kind, group in sorted(by_kind.items(), key=lambda each: each[0] is Audit):
        await kind.store(connection, group)
