"""What a turn wants stored about content: offers, and what their readers say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import upsert
from knowledge.records import content
from knowledge.records.content import ContentOffer


@dataclass(frozen=True, kw_only=True)
class OfferContent:
    """A piece of content is offered to somebody."""

    offer_id: str
    content_id: str
    person_id: str
    source: str  # as ``ContentOffer`` has it
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        rows = [
            {
                "id": write.offer_id,
                "content_id": write.content_id,
                "person_id": write.person_id,
                "source": write.source,
                "offered_at": write.at,
            }
            for write in writes
        ]
        await upsert(connection, ContentOffer, rows, key=["id"])


@dataclass(frozen=True, kw_only=True)
class MarkAsked:
    """Somebody was asked how what they opened last was."""

    person_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await content.mark_asked(connection, write.person_id, write.at)


@dataclass(frozen=True, kw_only=True)
class JudgeContent:
    """Somebody says whether content was useful."""

    person_id: str
    offer_id: str
    is_useful: bool

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await content.judge(connection, write.person_id, write.offer_id, is_useful=write.is_useful)


@dataclass(frozen=True, kw_only=True)
class CommentContent:
    """Somebody comments on content, in their own words."""

    person_id: str
    offer_id: str
    comment: str

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await content.comment_on(connection, write.person_id, write.offer_id, write.comment)
