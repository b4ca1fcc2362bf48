"""What a turn read, changed or refused, kept in the audit together with the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.audit import Entry, append


@dataclass(frozen=True, kw_only=True)
class Audit:
    """``store_all`` stores these last: the head of the chain is locked until the transaction ends."""

    entry: Entry

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        await append(connection, [write.entry for write in writes])
