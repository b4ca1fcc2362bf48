"""What a turn wants stored about wishes to talk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import upsert
from knowledge.records.talk_requests import Chosen, Passing, TalkRequest
from scheduler import tellings
from scheduler.talks import KIND, tell_now
from scheduler.tellings import Begun


@dataclass(frozen=True, kw_only=True)
class AddTalkRequest:
    """A child wants to talk with somebody at school. One that is there already is left as it is."""

    request_id: str
    student_id: str
    at: datetime  # in the school's time zone
    chosen_as: Chosen
    chosen_id: str | None  # None: anyone
    subject: str
    told: tuple[tuple[str, str], ...] = ()  # (person, key of the send)

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        rows = [
            {
                "id": write.request_id,
                "student_id": write.student_id,
                "date": write.at.date(),
                "requested_at": write.at,
                "chosen_as": write.chosen_as,
                "chosen_id": write.chosen_id,
                "subject": write.subject,
            }
            for write in writes
        ]
        await upsert(connection, TalkRequest, rows, key=["id"])
        for write in writes:
            begun = Begun(
                kind=KIND,
                item_id=write.request_id,
                student_id=write.student_id,
                level=KIND,
                at=write.at,
                told=write.told,
            )
            await tellings.begin(connection, begun)


@dataclass(frozen=True, kw_only=True)
class ReadTalkRequest:
    """A member of staff has read a wish; whoever did so first stays."""

    request_id: str
    person_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await connection.execute(
                update(TalkRequest)
                .where(TalkRequest.id == write.request_id, TalkRequest.read_at.is_(None))
                .values(read_at=write.at, read_by=write.person_id)
            )
        await tellings.end(connection, KIND, [write.request_id for write in writes])


@dataclass(frozen=True, kw_only=True)
class CloseTalkRequest:
    """A member of staff has talked with the child, or the child took its wish back."""

    request_id: str
    person_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            is_open = (TalkRequest.id == write.request_id, TalkRequest.closed_at.is_(None))
            read = {"read_at": func.coalesce(TalkRequest.read_at, write.at)}
            read |= {"read_by": func.coalesce(TalkRequest.read_by, write.person_id)}
            by_staff = TalkRequest.student_id != write.person_id
            await connection.execute(update(TalkRequest).where(*is_open, by_staff).values(**read))
            await connection.execute(
                update(TalkRequest).where(*is_open).values(closed_at=write.at, closed_by=write.person_id)
            )
        await tellings.end(connection, KIND, [write.request_id for write in writes])


@dataclass(frozen=True, kw_only=True)
class LetOthersKnow:
    """The child says whether others than the one it chose may be told; if so, the next ones are told soon."""

    request_id: str
    passing: Passing
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await connection.execute(
                update(TalkRequest)
                .where(TalkRequest.id == write.request_id, TalkRequest.closed_at.is_(None))
                .values(passing=write.passing)
            )
            if write.passing is Passing.YES:
                await tell_now(connection, [write.request_id], write.at)
