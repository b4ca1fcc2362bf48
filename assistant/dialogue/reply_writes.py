"""What is stored about reflections that staff have read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import upsert
from knowledge.records.replies import ReflectionRead


@dataclass(frozen=True, kw_only=True)
class MarkRead:
    """A member of staff opened a child's reflection; the first who did stays."""

    student_id: str
    date: date
    reader_id: str
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        rows = [
            {
                "student_id": write.student_id,
                "date": write.date,
                "reader_id": write.reader_id,
                "read_at": write.at,
                "told_at": None,
            }
            for write in writes
        ]
        await upsert(connection, ReflectionRead, rows, key=["student_id", "date"])


@dataclass(frozen=True, kw_only=True)
class ToldRead:
    """The child was told that the reflection was read."""

    student_id: str
    date: date
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await connection.execute(
                update(ReflectionRead)
                .where(ReflectionRead.student_id == write.student_id, ReflectionRead.date == write.date)
                .values(told_at=write.at)
            )
