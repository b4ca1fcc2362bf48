"""What turns about good practice want stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import upsert
from knowledge.records.practices import Practice, PracticeState


@dataclass(frozen=True, kw_only=True)
class AddPractice:
    """A practice was told; it waits for a lead of the school."""

    practice_id: str  # made of the event that confirmed it, so that it is stored once
    author_id: str
    school_id: str
    subject: str | None
    grades: tuple[str, ...]
    text: str
    at: datetime  # in the school's time zone

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        rows = [
            {
                "id": write.practice_id,
                "author_id": write.author_id,
                "school_id": write.school_id,
                "told_on": write.at.date(),
                "subject": write.subject,
                "grades": [*write.grades],
                "text": write.text,
                "state": PracticeState.WAITING,
                "decided_by": None,
                "decided_at": None,
                "document_id": None,
                "created_at": write.at,
            }
            for write in writes
        ]
        await upsert(connection, Practice, rows, key=["id"])
