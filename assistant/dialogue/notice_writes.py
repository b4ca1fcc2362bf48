"""What turns want stored about the notice: that it was shown, and taken note of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.consents import acknowledge, note_shown


@dataclass(frozen=True, kw_only=True)
class NoteShown:
    person_id: str
    version: int
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await note_shown(connection, write.person_id, write.version, write.at)


@dataclass(frozen=True, kw_only=True)
class Acknowledge:
    person_id: str
    version: int
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await acknowledge(connection, write.person_id, write.version, write.at)
