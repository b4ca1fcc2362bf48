"""What staff made of a flag, stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.flags import FlagState, set_state


@dataclass(frozen=True, kw_only=True)
class SetFlag:
    """Whether the person may was asked before."""

    flag_id: str
    state: FlagState
    by: str
    at: datetime
    note: str | None = None  # None: the note there is stays

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            await set_state(connection, **vars(write))
